"""Grey -> how much ink lies on each pixel; paper, light and polarity are gone.

Paper is what is left when everything narrower than a third of the picture is
taken away (a morphological opening); ink is the difference to it, as a share
of what black or white ink would make there.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

WORKING_SIDE = 1_000
_THUMB = 96
_MAJORITY = 0.7  # Of the shorter side: paper fills most of such a window.
_WINDOW = 0.35  # Of the shorter side: wider than any stroke.
_BROAD = 0.5  # Of the shorter side: less than half of it is ink.
_DETAILED = 64  # Smaller pictures are digits cut out, without a table.
_DARKEST = 0.25  # Less light than this, and noise would count as ink.


def measure(pixels: np.ndarray) -> tuple[np.ndarray, float]:
  """Measures the ink.

  Args:
    pixels: [H, W] uint8.

  Returns:
    [h, w] float32 in [0, 1], 1 for black on white or white on black, at most
    WORKING_SIDE on a side, and the standard deviation of bare paper in it.
  """
  grey = _resize(pixels, WORKING_SIDE).astype(np.float32) / 255
  if max(grey.shape) > 250:
    grey = ndimage.gaussian_filter(grey, max(grey.shape) / 1000)
  ink = _over_paper(1 - grey if _is_dark(grey) else grey)
  sample = ink[:: max(1, ink.shape[0] // 300), :: max(1, ink.shape[1] // 300)]
  paper = np.median(sample)
  lighter = sample[sample <= paper]
  noise = 1.4826 * float(np.median(paper - lighter))
  return np.clip(ink - paper, 0, 1), noise


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
  paper = ndimage.gaussian_filter(thumb, max(thumb.shape) / 96)
  window = max(3, round(_WINDOW * min(thumb.shape)))
  paper = ndimage.grey_opening(paper, (window, window), mode='reflect')
  if min(bright.shape) >= _DETAILED:
    paper = np.maximum(paper, _behind(bright, paper.shape))
  paper = _resize_to(paper, bright.shape)
  return np.clip((bright - paper) / np.maximum(1 - paper, _DARKEST), 0, 1)


def _behind(bright, shape):
  """Returns the median around each pixel, which keeps a table's edge sharp."""
  thumb = _resize(bright, 48)
  window = max(3, round(_BROAD * min(thumb.shape)))
  median = ndimage.median_filter(thumb, window, mode='reflect')
  # The edge itself is blurred over a pixel of the thumbnail.
  return _resize_to(ndimage.grey_dilation(median, 3), shape)


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
