"""Grey -> how much ink lies on each pixel; paper, light and polarity are gone.

Paper is what is left when everything narrower than a third of the picture is
taken away (a morphological opening); ink is the difference to it.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

WORKING_SIDE = 1_000
_THUMB = 96
_MAJORITY = 0.7  # Of the shorter side.
_WINDOW = 0.35  # Of the shorter side: wider than any stroke.


def measure(pixels: np.ndarray) -> tuple[np.ndarray, float]:
  """Measures the ink.

  Args:
    pixels: [H, W] uint8.

  Returns:
    [h, w] float32 in [0, 1], 1 for black on white or white on black, at most
    WORKING_SIDE on a side, and the standard deviation of its noise.
  """
  grey = _resize(pixels, WORKING_SIDE).astype(np.float32) / 255
  ink = _over_paper(1 - grey if _is_dark(grey) else grey)
  return ink, _noise(ink)


def _is_dark(grey):
  """Returns whether the ink is darker than the paper.

  Paper fills most of any large window, wherever a shadow or a table's edge
  runs: what departs from the median is ink, whatever the border looks like.
  """
  thumb = _resize(grey, 32)
  window = max(3, round(_MAJORITY * min(thumb.shape)))
  paper = ndimage.median_filter(thumb, window, mode='reflect')
  return ((thumb - paper) ** 3).sum() < 0


def _over_paper(bright):
  """Returns bright strokes [h, w] without what lies behind them."""
  thumb = _resize(bright, _THUMB)
  smooth = ndimage.gaussian_filter(thumb, max(thumb.shape) / 96)
  window = max(3, round(_WINDOW * min(thumb.shape)))
  paper = ndimage.grey_opening(smooth, (window, window), mode='reflect')
  paper = _resize_to(paper, bright.shape)
  return np.clip(bright - paper, 0, 1)


def _noise(ink):
  """Returns the spread of neighbouring pixels, by the median of differences."""
  if min(ink.shape) < 3:
    return 0.0
  ripple = ink[1:-1, 1:-1] - (ink[:-2, 1:-1] + ink[2:, 1:-1]) / 2
  return float(np.median(np.abs(ripple))) * 1.4826 / np.sqrt(1.5)


def _resize(array, side):
  scale = side / max(array.shape)
  if scale >= 1:
    return array
  return _resize_to(array, [max(1, round(n * scale)) for n in array.shape])


def _resize_to(array, shape):
  return np.asarray(
    Image.fromarray(array).resize(
      (shape[1], shape[0]), Image.Resampling.BILINEAR
    )
  )
