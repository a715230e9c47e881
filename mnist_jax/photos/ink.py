"""Grey -> how much ink lies on each pixel; paper, light and polarity are gone.

Paper is what is left when everything narrower than a third of the picture is
taken away (a morphological opening); ink is the difference to it, as a share
of what black or white ink would make there.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

from mnist_jax.photos import paper as paper_lib
from mnist_jax.photos import shadow_edges

WORKING_SIDE = 1_000
_THUMB = 96
_NARROW = 4  # Pixels of a thumbnail of 48, as a radius: the widest stroke.
_MAJORITY = 0.7  # Of the shorter side: paper fills most of such a window.
_WINDOW = 0.35  # Of the shorter side: wider than any stroke.
_BROAD = 0.5  # Of the shorter side: less than half of it is ink.
_DETAILED = 64  # Smaller pictures are digits cut out, without a table.
_STEP = 0.25  # Of white: as between a sheet and the table under it.
_SOLID = 0.3  # Of the shorter side: wider than the boldest stroke.
_GRAIN = 0.06  # Of the longer side: about the width of a stroke.
_DARKEST = 0.25  # Less light than this, and noise would count as ink.


def measure(pixels: np.ndarray) -> tuple[np.ndarray, float]:
  """Measures the ink.

  Args:
    pixels: [H, W] uint8.

  Returns:
    [h, w] float32 in [0, 1], 1 for black on white or white on black, at most
    WORKING_SIDE on a side, and the standard deviation of bare paper in it.
  """
  drawn = _drawn(pixels)
  if drawn is not None:
    return _resize(drawn, WORKING_SIDE), 0.0
  grey = _resize(pixels, WORKING_SIDE).astype(np.float32) / 255
  if max(grey.shape) > 250:
    grey = ndimage.gaussian_filter(grey, max(grey.shape) / 1000)
  whole, grey = grey, paper_lib.without_table(grey)
  dark = _is_dark(grey)
  bright = 1 - grey if dark else grey
  paper = _paper(bright)
  ink = (bright - paper) / np.maximum(1 - paper, _DARKEST)
  sample = ink[:: max(1, ink.shape[0] // 300), :: max(1, ink.shape[1] // 300)]
  lower, usual = np.percentile(sample, (25, 50))  # Ink lies above both.
  noise = 1.4826 * min(float(usual - lower), 1.5 * _grain(sample))
  ink = np.clip(ink - usual, 0, 1)
  ink = _without_edges(ink, paper, max(6 * noise, 0.05))
  return shadow_edges.without_edges(
    ink, 1 - whole if dark else whole, noise
  ), noise


def _drawn(pixels):
  """Returns the ink [H, W] of strokes on one colour, else None.

  A page asks for such pictures again and again while somebody draws.
  """
  around = pixels[0, 0]
  edges = pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]
  if around not in (0, 255) or any((edge != around).any() for edge in edges):
    return None
  ink = (255 - pixels if around else pixels).astype(np.float32) / 255
  thumb = _resize(ink, 32) > 0.1
  window = max(2, round(_SOLID * min(thumb.shape)))
  if ndimage.minimum_filter(thumb, window, mode='constant').any():
    return None  # A sheet, and what is written is on it.
  return ink


def _grain(sample):
  """Returns the median distance of a pixel from those around it.

  Beside it the spread of all pixels also holds what light does to the paper,
  which hides faint strokes but is none of their width.
  """
  reach = max(3, round(_GRAIN * max(sample.shape)))
  return float(
    np.median(np.abs(sample - ndimage.uniform_filter(sample, reach)))
  )


def _without_edges(ink, paper, floor):
  """Removes parts along an edge of the paper, which light makes there."""
  if min(ink.shape) < _DETAILED:
    return ink
  thumb = _resize(paper, _THUMB)
  reach = 5
  step = ndimage.maximum_filter(thumb, reach) - ndimage.minimum_filter(
    thumb, reach
  )
  edges = ndimage.maximum_filter(step > _STEP, reach)
  if not edges.any():
    return ink
  edges = _resize_to(edges.astype(np.float32), ink.shape) > 0.5
  labels, count = ndimage.label(ink > floor, np.ones((3, 3)))
  share = ndimage.mean(edges, labels, np.arange(count + 1))
  share[0] = 0
  return np.where((share > 0.5)[labels], 0, ink)


def _is_dark(grey):
  """Returns whether the ink is darker than the paper, whatever is around it.

  Strokes are narrow, unlike sheets and tables, so they are asked first. Very
  bold ones are not, but paper fills most of any window.
  """
  # By the shorter side, so that digits in a long row are not blurred away.
  thumb = _resize(grey, min(480, 48 * max(grey.shape) / min(grey.shape)))
  if min(grey.shape) >= _DETAILED:
    y, x = np.mgrid[-_NARROW : _NARROW + 1, -_NARROW : _NARROW + 1]
    disc = x * x + y * y <= _NARROW**2
    dark = (ndimage.black_tophat(thumb, footprint=disc) ** 3).sum()
    light = (ndimage.white_tophat(thumb, footprint=disc) ** 3).sum()
    if abs(dark - light) > 0.6 * (dark + light):
      return dark > light
  thumb = _resize(thumb, 32)
  window = max(3, round(_MAJORITY * min(thumb.shape)))
  paper = ndimage.median_filter(thumb, window, mode='reflect')
  return ((thumb - paper) ** 3).sum() < 0


def _paper(bright):
  """Returns what lies behind bright strokes, [h, w]."""
  thumb = _resize(bright, _THUMB)
  paper = ndimage.gaussian_filter(thumb, max(thumb.shape) / 96)
  window = max(3, round(_WINDOW * min(thumb.shape)))
  # Light that grows towards a border goes on growing beyond it.
  paper = np.pad(paper, window, mode='reflect', reflect_type='odd')
  paper = ndimage.grey_opening(paper, (window, window))
  paper = paper[window:-window, window:-window]
  if min(bright.shape) >= _DETAILED:
    paper = np.maximum(paper, _behind(bright, paper.shape))
  return _resize_to(paper, bright.shape)


def _behind(bright, shape):
  """Returns the median around each pixel, which keeps a table's edge sharp."""
  thumb = _resize(bright, 32)
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
