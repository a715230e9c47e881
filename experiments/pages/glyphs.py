"""28x28 digits -> ink of any size and angle, with the edges of a pen's strokes.

Ink is a float32 array [h, w] in [0, 1]; 0 is bare paper.
"""

import dataclasses

import numpy as np
from PIL import Image
from scipy import ndimage

from mnist_jax import config
from mnist_jax.data import datasets

SIDE = 20  # Pixels of the longer side of a digit in its 28x28 frame.
VISIBLE = 0.25  # Ink that a reader sees.


@dataclasses.dataclass(frozen=True)
class Digits:
  """Digits to draw pages with."""

  images: np.ndarray  # [N, 28, 28] uint8, bright on black.
  labels: np.ndarray  # [N] int.
  dataset: str  # 'mnist' or 'uci_digits'.

  def pick(self, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Returns a random digit's image, [28, 28] uint8, and its label."""
    row = rng.integers(len(self.labels))
    return without_specks(self.images[row]), int(self.labels[row])


@dataclasses.dataclass(frozen=True)
class Glyph:
  """The ink of one digit, cropped to what is visible."""

  ink: np.ndarray
  label: int


def load(half: str) -> Digits:
  """Returns MNIST's digits; without MNIST, scikit-learn's.

  Args:
    half: 'choose', the digits of writers held out for validation, or 'report',
      those of the test set.
  """
  dataset = datasets.load_dataset(config.default().data)
  split = dataset.valid if half == 'choose' else dataset.test
  return Digits(split.images, split.labels, dataset.name)


def without_specks(image: np.ndarray) -> np.ndarray:
  """Removes what lies beside a digit, such as ink of the form it was cut from.

  In a row such a speck would be a point, or look like another digit.

  Args:
    image: [28, 28] uint8.

  Returns:
    The same without parts that have less than a tenth of the ink.
  """
  parts, count = ndimage.label(image > 0, np.ones((3, 3)))
  ink = ndimage.sum(image, parts, range(count + 1))
  return np.where((ink >= 0.1 * ink.sum())[parts], image, 0)


def draw(
  digits: Digits, rng: np.random.Generator, height: float, angle: float = 0
) -> Glyph:
  """Draws a random digit.

  Args:
    digits: where it is picked.
    rng: decides the digit, and how sharp its strokes are.
    height: pixels of the longer side of an upright digit.
    angle: degrees, counterclockwise.
  """
  image, label = digits.pick(rng)
  return Glyph(enlarge(image, rng, height / SIDE, angle), label)


def enlarge(
  image: np.ndarray, rng: np.random.Generator, scale: float, angle: float = 0
) -> np.ndarray:
  """Returns the ink of a 28x28 digit, `scale` times as large and turned."""
  side = max(1, round(28 * scale))
  picture = Image.fromarray(image.astype(np.float32) / 255)
  picture = picture.resize((side, side), Image.Resampling.LANCZOS)
  picture = picture.rotate(angle, Image.Resampling.BICUBIC, expand=True)
  # A pen's edge is sharper than a pixel of MNIST made large. The pivot is low,
  # so that faint joins stay.
  gain = rng.uniform(1, np.clip(scale, 1, 2.5))
  ink = np.clip((np.asarray(picture) - 0.3) * gain + 0.3, 0, 1)
  return crop(ink)


def crop(ink: np.ndarray) -> np.ndarray:
  """Cuts off what is not visible around the ink."""
  x0, y0, x1, y1 = box(ink)
  return ink[y0:y1, x0:x1]


def box(ink: np.ndarray) -> tuple[int, int, int, int]:
  """Returns x0, y0, x1, y1 of what is visible, half open; needs some ink."""
  rows, columns = (
    np.flatnonzero((ink > VISIBLE).any(axis=axis)) for axis in (1, 0)
  )
  return (
    int(columns[0]),
    int(rows[0]),
    int(columns[-1]) + 1,
    int(rows[-1]) + 1,
  )
