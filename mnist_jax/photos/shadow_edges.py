"""Ink without the edges of what is bright and what is dark in a picture.

Both sides of a stroke are paper. Of an edge, as between a sheet and the table
under it, one side is as dark as the edge itself.
"""

import numpy as np
from scipy import ndimage

from mnist_jax.photos import segmentation

_SMALLEST = 64  # Pixels of a side; below it a picture is a digit cut out.
_LONG = 0.08  # Of the shorter side; a shorter part is not asked.
_REACH = 0.012  # Of the longer side; edges of a photo are soft.
_SHARE = 0.2  # Of the contrast to one side that the other must have.
_MAX_PARTS = 60
_EIGHT = np.ones((3, 3), bool)


def without_edges(
  ink: np.ndarray, bright: np.ndarray, noise: float
) -> np.ndarray:
  """Removes parts with paper on one side only.

  Args:
    ink: [h, w] float32 in [0, 1].
    bright: [h, w] float32 in [0, 1], the picture with bright strokes.
    noise: the standard deviation of `ink` on bare paper.

  Returns:
    The ink with 0 on parts that are an edge.
  """
  if min(ink.shape) < _SMALLEST:
    return ink
  floor = max(3.5 * noise, 0.04, 0.2 * segmentation.peak(ink))
  labels, _ = ndimage.label(ink > floor, _EIGHT)
  reach = max(2, round(_REACH * max(ink.shape)))
  removed = []
  for i, box in _long_parts(labels, _LONG * min(ink.shape)):
    window = tuple(
      slice(max(0, side.start - 2 * reach), side.stop + 2 * reach)
      for side in box
    )
    if _is_edge(labels[window], i, bright[window], reach):
      removed.append(i)
  if not removed:
    return ink
  gone = np.isin(labels, removed)
  soft = ndimage.maximum_filter(gone, 3) & (labels == 0)
  return np.where(gone | soft, 0, ink)


def _long_parts(labels, shortest):
  """Returns numbers and boxes of the longest parts."""
  boxes = enumerate(ndimage.find_objects(labels), 1)
  parts = [
    (max(side.stop - side.start for side in box), i, box) for i, box in boxes
  ]
  parts = sorted((part for part in parts if part[0] > shortest), reverse=True)
  return [part[1:] for part in parts[:_MAX_PARTS]]


def _is_edge(labels, i, bright, reach):
  own = labels == i
  near = ndimage.maximum_filter(own, 2 * reach + 1)
  ring = ndimage.maximum_filter(near, 2 * reach + 1) & ~near & (labels == 0)
  if ring.sum() < 9:
    return False
  # A third of the ring each, since an edge has corners and uneven light.
  paper, other = np.percentile(bright[ring], (17, 83))
  stroke = np.median(bright[own])
  return stroke - other < _SHARE * (stroke - paper)
