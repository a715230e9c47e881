"""Removes ink that is only an edge between bright and dark, as of a shadow.

A stroke has paper on both sides. An edge, such as that of a sheet on a table,
has paper on one side only; the other side is as dark as the edge itself.
"""

import numpy as np
from scipy import ndimage

from mnist_jax.photos import segmentation

_LONG = 0.08  # Of the shorter side; shorter parts are left alone.
_REACH = 0.012  # Of the longer side; edges in a photo are soft.
_CONTRAST = 0.2  # Of the contrast to one side that the other side must have.
_MAX_PARTS = 60


def remove_edges(
  ink: np.ndarray, bright: np.ndarray, noise: float
) -> np.ndarray:
  """Removes connected ink that has paper on one side only.

  Args:
    ink: [h, w] float32 in [0, 1].
    bright: [h, w] float32 in [0, 1], the picture with bright strokes.
    noise: the standard deviation of `ink` on bare paper.

  Returns:
    The ink [h, w], 0 on edges.
  """
  if min(ink.shape) < segmentation.SCENE_SIDE:
    return ink
  full = segmentation.peak(ink)
  labels, _ = ndimage.label(
    ink > segmentation.threshold(noise, 0.2 * full), segmentation.NEIGHBOURS
  )
  reach = max(2, round(_REACH * max(ink.shape)))
  removed = []
  for i, box in _long_parts(labels, _LONG * min(ink.shape)):
    window = tuple(
      slice(max(0, side.start - 2 * reach), side.stop + 2 * reach)
      for side in box
    )
    if _is_edge(labels[window] == i, labels[window], bright[window], reach):
      removed.append(i)
  if not removed:
    return ink
  edges = np.isin(labels, removed)
  soft = ndimage.maximum_filter(edges, 3) & (labels == 0)
  return np.where(edges | soft, 0, ink)


def _long_parts(
  labels: np.ndarray, shortest: float
) -> list[tuple[int, tuple[slice, ...]]]:
  """Returns the labels and the boxes of the longest parts."""
  parts = [
    (max(side.stop - side.start for side in box), i, box)
    for i, box in enumerate(ndimage.find_objects(labels), 1)
  ]
  parts = sorted((part for part in parts if part[0] > shortest), reverse=True)
  return [part[1:] for part in parts[:_MAX_PARTS]]


def _is_edge(part, labels, bright, reach) -> bool:
  near = ndimage.maximum_filter(part, 2 * reach + 1)
  ring = ndimage.maximum_filter(near, 2 * reach + 1) & ~near & (labels == 0)
  if ring.sum() < 9:
    return False
  # The medians of the darkest and of the brightest third: with corners and
  # uneven light, the two sides of an edge are not just halves of the ring.
  paper, other = np.percentile(bright[ring], (17, 83))
  stroke = np.median(bright[part])
  return stroke - other < _CONTRAST * (stroke - paper)
