"""Ink without printed frames, ruled and squared paper."""

import numpy as np
from scipy import ndimage

_LENGTH = 0.6  # Of the side: longer than a digit's straight strokes.
_SLACK = 0.02  # Of the side: how far a line may lean over that length.


def without_rules(ink: np.ndarray, noise: float) -> np.ndarray:
  """Removes long straight lines that run out of the picture.

  Args:
    ink: [h, w] float32 in [0, 1].
    noise: its standard deviation.

  Returns:
    The ink with 0 on such lines, but for strokes that cross them.
  """
  if min(ink.shape) < 12:
    return ink
  mask = ink > max(4 * noise, 0.06)
  lines = np.zeros_like(mask)
  kept = mask
  for axis in (0, 1):
    line = _lines(mask, axis)
    if line.any():
      kept = kept & ~line
      lines |= line
  if not lines.any() or not _enough(kept):
    return ink
  return np.where(lines & ~_bridges(kept, lines), 0, ink)


def _lines(mask, axis):
  """Returns lines [h, w] along `axis` that touch a border of the picture."""
  side, across = mask.shape[axis], mask.shape[1 - axis]
  slack = max(3, 2 * round(_SLACK * across) + 1)
  thick = ndimage.maximum_filter1d(mask.view(np.uint8), slack, 1 - axis)
  length = max(5, round(_LENGTH * side))
  runs = ndimage.minimum_filter1d(thick, length, axis, mode='nearest')
  runs = ndimage.maximum_filter1d(runs, length, axis)
  line = (runs > 0) & mask
  labels, count = ndimage.label(line, np.ones((3, 3)))
  if not count:
    return line
  good = [0]
  for i, box in enumerate(ndimage.find_objects(labels), 1):
    span = box[axis].stop - box[axis].start
    start, stop = box[1 - axis].start, box[1 - axis].stop
    through = box[axis].start <= 1 and box[axis].stop >= side - 1
    beside = start <= 1 or stop >= across - 1
    outer = stop < 0.2 * across or start > 0.8 * across
    if span < length or stop - start > 0.15 * across:
      continue
    if through or (beside and outer):
      good.append(i)
  return np.isin(labels, good[1:])


def _enough(mask):
  """Returns whether something of a digit's size is left."""
  labels, count = ndimage.label(mask, np.ones((3, 3)))
  return (
    any(
      max(s.stop - s.start for s in box) > 0.2 * min(mask.shape)
      for box in ndimage.find_objects(labels)
    )
    if count
    else False
  )


def _bridges(kept, lines):
  reach = 5
  return ndimage.binary_closing(kept, np.ones((reach, reach))) & lines
