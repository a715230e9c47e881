"""Measures how much ink lies on each pixel of a grey picture.

The brightness of the paper is what remains when everything narrower than a
third of the picture is removed (a morphological opening). Ink is the difference
to it, as a fraction of what black ink, or white ink, would make there.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy import ndimage

from mnist_jax.photos import paper as paper_lib
from mnist_jax.photos import segmentation, shadow_edges

WORKING_SIDE = 1_000
_THUMBNAIL = 96  # Pixels of the longer side.
_NARROW = 4  # Pixels: half the widest stroke in a thumbnail of 48.
_MAJORITY = 0.7  # Of the shorter side: paper fills most of such a window.
_WINDOW = 0.35  # Of the shorter side: wider than any stroke.
_BROAD = 0.5  # Of the shorter side: less than half of such a window is ink.
_STEP = 0.25  # Of white: the contrast of a sheet to the table under it.
_SOLID = 0.3  # Of the shorter side: wider than the boldest stroke.
_GRAIN = 0.06  # Of the longer side: about the width of a stroke.
_DARKEST = 0.25  # With less light than this, noise would count as ink.


def measure(pixels: np.ndarray) -> tuple[np.ndarray, float]:
  """Measures the ink.

  Args:
    pixels: [H, W] uint8.

  Returns:
    [h, w] float32 in [0, 1], 1 for black on white or white on black, at most
    WORKING_SIDE on a side; and its standard deviation on bare paper.
  """
  drawn = _read_drawing(pixels)
  if drawn is not None:
    return _shrink(drawn, WORKING_SIDE), 0.0
  whole = _shrink(pixels, WORKING_SIDE).astype(np.float32) / 255
  if max(whole.shape) > 250:
    whole = ndimage.gaussian_filter(whole, max(whole.shape) / 1000)
  grey = paper_lib.remove_table(whole)
  dark = _is_ink_dark(grey)
  bright = 1 - grey if dark else grey  # From here on strokes are bright.
  paper = _estimate_paper(bright)
  ink = (bright - paper) / np.maximum(1 - paper, _DARKEST)
  sample = ink[:: max(1, ink.shape[0] // 300), :: max(1, ink.shape[1] // 300)]
  lower, median = np.percentile(sample, (25, 50))  # Strokes lie above both.
  noise = 1.4826 * min(float(median - lower), 1.5 * _measure_grain(sample))
  ink = np.clip(ink - median, 0, 1)
  ink = _remove_paper_edges(ink, paper, segmentation.faintest_stroke(noise))
  bright = 1 - whole if dark else whole
  return shadow_edges.remove_edges(ink, bright, noise), noise


def _read_drawing(pixels: np.ndarray) -> np.ndarray | None:
  """Returns the ink [H, W] of strokes on pure black or white, else None.

  The demo's page sends such a picture with every new stroke, so it should be
  quick.
  """
  background = pixels[0, 0]
  borders = pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]
  if background not in (0, 255):
    return None
  if any((border != background).any() for border in borders):
    return None
  ink = (255 - pixels if background else pixels).astype(np.float32) / 255
  thumbnail = _shrink(ink, 32) > 0.1
  window = max(2, round(_SOLID * min(thumbnail.shape)))
  if ndimage.minimum_filter(thumbnail, window, mode='constant').any():
    return None  # It is a sheet, and the digits are on it.
  return ink


def _measure_grain(sample: np.ndarray) -> float:
  """Returns the median distance of a pixel from the mean around it.

  The spread of all pixels also holds uneven light on the paper, which would
  hide faint strokes.
  """
  reach = max(3, round(_GRAIN * max(sample.shape)))
  return float(
    np.median(np.abs(sample - ndimage.uniform_filter(sample, reach)))
  )


def _remove_paper_edges(
  ink: np.ndarray, paper: np.ndarray, threshold: float
) -> np.ndarray:
  """Removes parts along steps in the brightness of the paper."""
  if min(ink.shape) < segmentation.SCENE_SIDE:
    return ink
  thumbnail = _shrink(paper, _THUMBNAIL)
  reach = 5
  step = ndimage.maximum_filter(thumbnail, reach) - ndimage.minimum_filter(
    thumbnail, reach
  )
  edges = ndimage.maximum_filter(step > _STEP, reach)
  if not edges.any():
    return ink
  edges = _resize(edges.astype(np.float32), ink.shape) > 0.5
  labels, count = ndimage.label(ink > threshold, segmentation.NEIGHBOURS)
  share = ndimage.mean(edges, labels, np.arange(count + 1))
  share[0] = 0
  return np.where((share > 0.5)[labels], 0, ink)


def _is_ink_dark(grey: np.ndarray) -> bool:
  """Returns whether the ink is darker than the paper.

  Narrow features decide first: strokes are narrow, sheets and tables are not.
  Where they do not decide, as with very bold strokes, the majority does: paper
  fills most of any window.
  """
  # By the shorter side, so that digits in a long row are not blurred away.
  thumbnail = _shrink(grey, min(480, 48 * max(grey.shape) / min(grey.shape)))
  if min(grey.shape) >= segmentation.SCENE_SIDE:
    y, x = np.mgrid[-_NARROW : _NARROW + 1, -_NARROW : _NARROW + 1]
    disc = x * x + y * y <= _NARROW**2
    dark = (ndimage.black_tophat(thumbnail, footprint=disc) ** 3).sum()
    light = (ndimage.white_tophat(thumbnail, footprint=disc) ** 3).sum()
    if abs(dark - light) > 0.35 * (dark + light):
      return dark > light
  thumbnail = _shrink(thumbnail, 32)
  window = max(3, round(_MAJORITY * min(thumbnail.shape)))
  paper = ndimage.median_filter(thumbnail, window, mode='reflect')
  return ((thumbnail - paper) ** 3).sum() < 0


def _estimate_paper(bright: np.ndarray) -> np.ndarray:
  """Returns the brightness [h, w] of the paper behind bright strokes."""
  thumbnail = _shrink(bright, _THUMBNAIL)
  paper = ndimage.gaussian_filter(thumbnail, max(thumbnail.shape) / 96)
  window = max(3, round(_WINDOW * min(thumbnail.shape)))
  # Light that grows towards the border goes on growing beyond it.
  paper = np.pad(paper, window, mode='reflect', reflect_type='odd')
  paper = ndimage.grey_opening(paper, (window, window))
  paper = paper[window:-window, window:-window]
  if min(bright.shape) >= segmentation.SCENE_SIDE:
    paper = np.maximum(paper, _local_median(bright, paper.shape))
  return _resize(paper, bright.shape)


def _local_median(bright: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
  """Returns the median around each pixel; it keeps a table's edge sharp."""
  thumbnail = _shrink(bright, 32)
  window = max(3, round(_BROAD * min(thumbnail.shape)))
  median = ndimage.median_filter(thumbnail, window, mode='reflect')
  # The edge itself is blurred over a pixel of the thumbnail.
  return _resize(ndimage.grey_dilation(median, 3), shape)


def _shrink(array: np.ndarray, longer_side: float) -> np.ndarray:
  """Returns the picture with its longer side as given, if that is less."""
  scale = longer_side / max(array.shape)
  if scale >= 1:
    return array
  return _resize(array, [max(1, round(scale * side)) for side in array.shape])


def _resize(array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
  return np.asarray(
    Image.fromarray(array).resize(
      (shape[1], shape[0]), Image.Resampling.BILINEAR
    )
  )
