"""Finds a sheet or a board, and removes the table or the wall around it."""

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.filters import threshold_otsu

from mnist_jax.photos import segmentation

_THUMBNAIL = 96  # Pixels of the longer side.
_CONTRAST = 0.2  # Of white; between the sheet and what surrounds it.
_AREA = (0.1, 0.92)  # Of the picture.
_BLANK = 0.75  # Of the area in the sheet's outline; a bold 0 has less.
_COMPACT = 0.78  # Of its bounding box; less where it is tilted by much.


def remove_table(grey: np.ndarray) -> np.ndarray:
  """Continues a sheet over what surrounds it.

  Args:
    grey: [h, w] float32 in [0, 1].

  Returns:
    [h, w] float32; `grey` itself where no sheet has a table on at least three
    of its sides. (The lit part of a page in shadow reaches more borders.)
  """
  if min(grey.shape) < segmentation.SCENE_SIDE:
    return grey
  scale = _THUMBNAIL / max(grey.shape)
  height, width = (max(8, round(scale * side)) for side in grey.shape)
  thumbnail = np.asarray(
    Image.fromarray(grey).resize((width, height), Image.Resampling.BOX)
  )
  light = thumbnail > threshold_otsu(thumbnail)
  if light.all() or not light.any():
    return grey
  if thumbnail[light].mean() - thumbnail[~light].mean() < _CONTRAST:
    return grey
  for mask in (light, ~light):
    sheet = _find_sheet(mask)
    if sheet is not None:
      return _continue_sheet(grey, thumbnail, sheet)
  return grey


def _find_sheet(mask: np.ndarray) -> np.ndarray | None:
  """Returns the largest area [h, w], holes filled, if it can be a sheet."""
  labels, _ = ndimage.label(mask)
  sizes = np.bincount(labels.ravel())
  sizes[0] = 0
  largest = labels == np.argmax(sizes)
  outline = ndimage.binary_fill_holes(largest)
  box = ndimage.find_objects(outline.astype(int))[0]
  borders = outline[0], outline[-1], outline[:, 0], outline[:, -1]
  if (
    sum(border.mean() > 0.05 for border in borders) <= 1
    and _AREA[0] < outline.mean() < _AREA[1]
    and largest.sum() > _BLANK * outline.sum()
    and outline[box].mean() > _COMPACT
    and mask[~outline].mean() < 0.2
  ):
    return outline
  return None


def _continue_sheet(
  grey: np.ndarray, thumbnail: np.ndarray, sheet: np.ndarray
) -> np.ndarray:
  """Gives pixels off the sheet the brightness of the nearest pixel on it."""
  inside = ndimage.binary_erosion(sheet, iterations=2, border_value=1)
  if not inside.any():
    return grey
  smooth = ndimage.median_filter(thumbnail, 7)
  _, nearest = ndimage.distance_transform_edt(~inside, return_indices=True)
  size = grey.shape[1], grey.shape[0]
  filled = Image.fromarray(smooth[tuple(nearest)]).resize(size)
  share = Image.fromarray(inside.astype(np.float32)).resize(size)
  return np.where(np.asarray(share) > 0.5, grey, np.asarray(filled))
