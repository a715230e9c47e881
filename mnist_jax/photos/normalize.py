"""Frames the ink of one digit as MNIST does: [h, w] -> [28, 28]."""

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.morphology import skeletonize

from mnist_jax.photos import mnist_format

# Widths of strokes, in pixels of the 20x20 box. In MNIST's training set 5 % are
# below 1.7, half are below 2.5, and 1 % are above 5.3.
THIN, THICK = 1.8, 5.0
_SIDE = 100  # Pixels of the digit while its strokes are measured and changed.


def frame(ink: np.ndarray) -> np.ndarray:
  """Frames a digit as MNIST does, with strokes as wide and white as MNIST's.

  Args:
    ink: [h, w] in [0, 1], any size; 0 is background.

  Returns:
    [28, 28] uint8: the digit in a 20x20 box, its aspect kept, its centre of
    mass at the centre, anti-aliased; all 0 where there is no ink.
  """
  ink = mnist_format.crop_to_ink(np.asarray(ink, np.float32))
  if not ink.size:
    return np.zeros((28, 28), np.uint8)
  framed = mnist_format.frame_digit(_adjust_stroke_width(ink))
  # With the rounding of float32, as in normalize.js.
  return mnist_format.whiten(framed.astype(np.float32))


def already_framed(pixels: np.ndarray) -> np.ndarray | None:
  """Returns the picture if it is framed as MNIST's are, else None.

  Args:
    pixels: [H, W] uint8, of either polarity.

  Returns:
    [28, 28] uint8, bright on black, or None.
  """
  if pixels.shape != (28, 28):
    return None
  image = 255 - pixels if np.median(pixels) > 127 else pixels
  height, width = mnist_format.crop_to_ink(image).shape
  if (image == 0).mean() < 0.3 or not 19 <= max(height, width) <= 20:
    return None
  mass = image / image.sum(dtype=float)
  pixels_along = np.arange(28)
  centre = mass.sum(axis=1) @ pixels_along, mass.sum(axis=0) @ pixels_along
  if image.max() < 200 or np.abs(np.subtract(centre, 14)).max() > 0.7:
    return None
  return image


def _adjust_stroke_width(ink: np.ndarray) -> np.ndarray:
  """Thickens or thins strokes whose width is rare in MNIST."""
  scale = _SIDE / max(ink.shape)
  shape = [max(1, round(scale * side)) for side in ink.shape]
  large = np.asarray(
    Image.fromarray(ink).resize(shape[::-1], Image.Resampling.BICUBIC)
  )
  width = _measure_stroke_width(large)
  if THIN <= width <= THICK:
    return ink
  wanted = THIN + 0.4 if width < THIN else THICK - 0.5
  return _change_width(np.clip(large, 0, 1), (wanted - width) * _SIDE / 20)


def _measure_stroke_width(large: np.ndarray) -> float:
  """Returns the mean width of strokes, in pixels of a 20x20 box."""
  mask = np.pad(large > 0.5, 1)
  ridge = skeletonize(mask)
  if not ridge.any():
    return 0.0
  distance = ndimage.distance_transform_edt(mask)
  return float(2 * distance[ridge].mean() * 20 / _SIDE)


def _change_width(large: np.ndarray, by: float) -> np.ndarray:
  """Widens the strokes by so many pixels; narrows them where negative."""
  radius = max(1, round(abs(by) / 2))
  y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
  disc = x * x + y * y <= radius * radius + 0.5
  if by < 0:
    return ndimage.grey_erosion(large, footprint=disc, mode='constant')
  return ndimage.grey_dilation(
    np.pad(large, radius), footprint=disc, mode='constant'
  )
