"""A sheet or a board without the table or wall around it."""

import numpy as np
from PIL import Image
from scipy import ndimage

_THUMB = 96
_SMALLEST = 64  # Pixels of a side; below it a picture is a digit cut out.
_CONTRAST = 0.2  # Of white; between the sheet and what surrounds it.
_AREA = (0.1, 0.92)  # Of the picture.
_OWN = 0.75  # Of the sheet's outline that is not ink; a bold 0 has less.
_COMPACT = 0.78  # Of its bounding box, at a tilt of some degrees.


def without_table(grey: np.ndarray) -> np.ndarray:
  """Continues a sheet over what surrounds it.

  Args:
    grey: [h, w] float32 in [0, 1].

  Returns:
    [h, w] float32; `grey` itself where there is no sheet with a table around
    it on three sides. A shadow's lit part reaches more of the borders.
  """
  if min(grey.shape) < _SMALLEST:
    return grey
  from skimage import filters  # Here because it takes a while.

  scale = _THUMB / max(grey.shape)
  height, width = (max(8, round(scale * side)) for side in grey.shape)
  thumb = np.asarray(
    Image.fromarray(grey).resize((width, height), Image.Resampling.BOX)
  )
  light = thumb > filters.threshold_otsu(thumb)
  if not (light.any() and not light.all()):
    return grey
  if thumb[light].mean() - thumb[~light].mean() < _CONTRAST:
    return grey
  for mask in (light, ~light):
    sheet = _sheet(mask)
    if sheet is not None:
      return _continued(grey, thumb, sheet)
  return grey


def _sheet(mask):
  """Returns the outline [h, w] of a compact area, or None."""
  labels, _ = ndimage.label(mask)
  sizes = np.bincount(labels.ravel())
  sizes[0] = 0
  own = labels == sizes.argmax()
  outline = ndimage.binary_fill_holes(own)
  box = ndimage.find_objects(outline.astype(int))[0]
  edges = outline[0], outline[-1], outline[:, 0], outline[:, -1]
  if (
    sum(edge.mean() > 0.05 for edge in edges) <= 1
    and _AREA[0] < outline.mean() < _AREA[1]
    and own.sum() > _OWN * outline.sum()
    and outline[box].mean() > _COMPACT
    and mask[~outline].mean() < 0.2
  ):
    return outline
  return None


def _continued(grey, thumb, sheet):
  inside = ndimage.binary_erosion(sheet, iterations=2, border_value=1)
  if not inside.any():
    return grey
  calm = ndimage.median_filter(thumb, 7)
  _, nearest = ndimage.distance_transform_edt(~inside, return_indices=True)
  size = grey.shape[1], grey.shape[0]
  filled = Image.fromarray(calm[tuple(nearest)]).resize(size)
  share = Image.fromarray(inside.astype(np.float32)).resize(size)
  return np.where(np.asarray(share) > 0.5, grey, np.asarray(filled))
