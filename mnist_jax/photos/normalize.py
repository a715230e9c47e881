"""One digit's ink -> [28, 28], as MNIST frames it."""

import numpy as np
from PIL import Image
from scipy import ndimage

from mnist_jax.data import mnist_format

# Widths of strokes in MNIST's training set, in pixels of its 20x20 box: 5 % are
# below 1.7, half are below 2.5, and 1 % are above 5.3.
THIN, THICK = 1.8, 5.0
_SIDE = 100  # Of the digit while its strokes are measured and changed.


def frame(ink: np.ndarray) -> np.ndarray:
  """Frames a digit as MNIST does, its strokes as wide and full as MNIST's.

  Args:
    ink: [h, w] in [0, 1], any size; 0 is background.

  Returns:
    [28, 28] uint8: the digit in a 20x20 box, its aspect kept, its centre of
    mass at the centre, anti-aliased; all 0 where there is no ink.
  """
  ink = _crop(np.asarray(ink, np.float32))
  if not ink.size:
    return np.zeros((28, 28), np.uint8)
  ink = _with_usual_strokes(ink)
  framed = mnist_format.frame_digit(ink).astype(np.float32)
  # A stroke between two pixels darkens both by half; MNIST's reach full white.
  full = np.percentile(framed[framed > 64], 80)
  return np.minimum(framed * (255 / full), 255).round().astype(np.uint8)


def already_framed(pixels: np.ndarray) -> np.ndarray | None:
  """Returns a picture that is framed as MNIST frames, else None.

  Args:
    pixels: [H, W] uint8, of either polarity.

  Returns:
    [28, 28] uint8, bright on black, or None.
  """
  if pixels.shape != (28, 28):
    return None
  image = 255 - pixels if np.median(pixels) > 127 else pixels
  height, width = _crop(image).shape
  if (image == 0).mean() < 0.3 or not 19 <= max(height, width) <= 20:
    return None
  mass = image / image.sum(dtype=float)
  places = np.arange(28)
  middle = mass.sum(axis=1) @ places, mass.sum(axis=0) @ places
  if image.max() < 200 or np.abs(np.subtract(middle, 14)).max() > 0.7:
    return None
  return image


def _crop(ink):
  rows = np.flatnonzero((ink > 0).any(axis=1))
  columns = np.flatnonzero((ink > 0).any(axis=0))
  if not len(rows):
    return ink[:0, :0]
  return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _with_usual_strokes(ink):
  """Returns the ink, thickened or thinned where MNIST has nothing like it."""
  scale = _SIDE / max(ink.shape)
  shape = [max(1, round(scale * side)) for side in ink.shape]
  large = np.asarray(
    Image.fromarray(ink).resize(shape[::-1], Image.Resampling.BICUBIC)
  )
  width = stroke_width(large)
  if THIN <= width <= THICK:
    return ink
  wanted = THIN + 0.4 if width < THIN else THICK - 0.5
  return _change_width(np.clip(large, 0, 1), (wanted - width) * _SIDE / 20)


def stroke_width(large: np.ndarray) -> float:
  """Returns the mean width of strokes, in pixels of a 20x20 box."""
  from skimage import morphology  # Here because it takes half a second.

  mask = np.pad(large > 0.5, 1)
  ridge = morphology.skeletonize(mask)
  if not ridge.any():
    return 0.0
  distance = ndimage.distance_transform_edt(mask)
  return float(2 * distance[ridge].mean() * 20 / _SIDE)


def _change_width(large, by):
  radius = max(1, round(abs(by) / 2))
  y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
  disc = x * x + y * y <= radius * radius + 0.5
  if by < 0:
    return ndimage.grey_erosion(large, footprint=disc, mode='constant')
  return ndimage.grey_dilation(
    np.pad(large, radius), footprint=disc, mode='constant'
  )
