"""Drawings that are no digits, for a network to learn to be unsure of.

Hendrycks, Mazeika and Dietterich, Deep Anomaly Detection with Outlier Exposure,
ICLR 2019: what a network has seen of non-digits makes it unsure of others too.

A vertical bar is a 1 in somebody's hand, an ellipse is a 0, and some letters
are digits (O, l, S, Z, b, g): none of them is drawn here.
"""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from mnist_jax.data import shapes, sketches
from mnist_jax.photos import mnist_format

# (rng, images of digits [N, 28, 28] uint8, their labels [N]) -> ink [h, w].
Kind = Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]

# Of each digit, the halves that cannot be read as any digit: the upper half of
# a 9 can, as 0, and so can the lower half, as 1.
HALVES = (
  *((0, 'upper'), (0, 'lower'), (2, 'left'), (2, 'right'), (3, 'left')),
  *((4, 'upper'), (5, 'right'), (7, 'left')),
)
# Digits, quarters of a turn and whether mirrored, where nothing can be read.
MIRRORED = (
  *((digit, 0, True) for digit in (3, 4, 7, 9)),
  *((digit, turns, False) for digit in (2, 3, 4, 5) for turns in (1, 3)),
  *((digit, 2, False) for digit in (3, 4, 7)),
)


def frame_as_mnist(ink: np.ndarray) -> np.ndarray:
  """Frames ink [h, w] as the photo pipeline does, but for its stroke width.

  Most strokes here are as wide as MNIST's anyway, and the pipeline would take
  three times as long to see to it.
  """
  return mnist_format.whiten(mnist_format.frame_digit(ink))


def draw(
  count: int,
  digits: np.ndarray,
  labels: np.ndarray,
  *,
  seed: int,
  kinds: Sequence[Kind] | None = None,
  frame: Callable[[np.ndarray], np.ndarray] = frame_as_mnist,
) -> np.ndarray:
  """Draws non-digits of all kinds by turns.

  Args:
    count: how many to draw; may be 0.
    digits: uint8 [N, 28, 28], some real digits to cut up and to combine.
    labels: [N] integers in 0..9; all ten digits occur.
    seed: the same seed gives the same pixels.
    kinds: what to draw by turns; None for TURNS.
    frame: turns ink [h, w] into uint8 [28, 28].

  Returns:
    uint8 [count, 28, 28], 0 is background and 255 is ink.
  """
  turns = kinds or TURNS
  images = np.zeros((count, 28, 28), np.uint8)
  for i in range(count):
    rng = np.random.default_rng((seed, i))
    ink = turns[i % len(turns)](rng, digits, labels)
    images[i] = frame(sketches.distort(rng, ink))
  return images


def of_shape(shape: Callable[[np.random.Generator], np.ndarray]) -> Kind:
  """Returns the kind of drawing that needs no digits."""
  return lambda rng, digits, labels: shape(rng)


def encircled(
  rng: np.random.Generator, digits: np.ndarray, labels: np.ndarray
) -> np.ndarray:
  """Draws a circle or a box around a digit."""
  if rng.random() < 0.75:
    outline = sketches.circle(rng, aspect=np.exp(rng.normal(0, 0.15)))
  else:
    outline = shapes.rectangle(rng)
  ring = sketches.draw_lines(rng, [outline])
  side = round(sketches.SIDE * rng.uniform(0.45, 0.75))
  inside = _enlarge(digits[rng.integers(len(digits))], side / 28)
  start = (sketches.SIDE - side) // 2
  part = ring[start : start + side, start : start + side]
  np.maximum(part, inside, out=part)
  return ring


def part(
  rng: np.random.Generator, digits: np.ndarray, labels: np.ndarray
) -> np.ndarray:
  """Cuts a digit in half, and keeps a half that cannot be read."""
  label, half = HALVES[rng.integers(len(HALVES))]
  image = digits[rng.choice(np.flatnonzero(labels == label))]
  image = mnist_format.crop_to_ink(image)
  kept = rng.uniform(0.3, 0.42)
  height, width = np.ceil(kept * np.array(image.shape)).astype(int)
  halves = {
    'upper': image[:height],
    'lower': image[-height:],
    'left': image[:, :width],
    'right': image[:, -width:],
  }
  return _enlarge(halves[half], 2.0)


def mirrored(
  rng: np.random.Generator, digits: np.ndarray, labels: np.ndarray
) -> np.ndarray:
  """Mirrors a digit, or turns it on its side or upside down.

  Only where that is no other digit: a 5 in the mirror may be a 2.
  """
  label, turns, is_mirrored = MIRRORED[rng.integers(len(MIRRORED))]
  image = digits[rng.choice(np.flatnonzero(labels == label))]
  image = np.rot90(image, turns)
  return _enlarge(image[:, ::-1] if is_mirrored else image, 2.0)


def pair(
  rng: np.random.Generator, digits: np.ndarray, labels: np.ndarray
) -> np.ndarray:
  """Puts two digits side by side; most of them touch."""
  first, second = (
    image[:, image.any(axis=0)]
    for image in digits[rng.integers(len(digits), size=2)]
  )
  # At most half of the narrower one: a 1 inside a 7 leaves a 7.
  most = min(first.shape[1], second.shape[1]) // 2
  overlap = min(rng.integers(-2, 5), most)
  width = first.shape[1] + second.shape[1] - overlap
  both = np.zeros((34, width), np.uint8)
  places = rng.integers(0, 7, 2)
  for image, top, left in (
    (first, places[0], 0),
    (second, places[1], width - second.shape[1]),
  ):
    place = both[top : top + 28, left : left + image.shape[1]]
    np.maximum(place, image, out=place)
  return _enlarge(both, 2.0)


def _enlarge(image: np.ndarray, scale: float) -> np.ndarray:
  """Resizes uint8 [h, w]; returns ink."""
  height, width = (max(1, round(scale * side)) for side in image.shape)
  resized = Image.fromarray(image).resize(
    (width, height), Image.Resampling.BICUBIC
  )
  return np.asarray(resized, np.float32) / 255


KINDS: dict[str, Kind] = {
  **{
    shape.__name__: of_shape(shape)
    for shape in (
      *(shapes.letter, shapes.word, shapes.scribble, shapes.cross),
      *(shapes.check, shapes.comma, shapes.dot, shapes.dash, shapes.polygon),
      *(shapes.outline, shapes.doodle, shapes.star, shapes.arrow),
      *(shapes.blotch, shapes.hatching),
    )
  },
  **{kind.__name__: kind for kind in (encircled, part, mirrored, pair)},
}
# Those that are hardest to tell from digits come more often.
_HARD = (
  *('letter', 'letter', 'letter', 'letter', 'letter', 'word', 'comma'),
  *('encircled', 'polygon', 'outline', 'doodle', 'arrow', 'pair', 'mirrored'),
)
TURNS = (*KINDS.values(), *(KINDS[name] for name in _HARD))
