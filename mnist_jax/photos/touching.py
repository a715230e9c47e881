"""Cuts ink that may be several touching digits into pieces to choose from.

Over-segmentation (LeCun et al. 1998, section VII): there are more cuts than
needed, each a path from top to bottom through as little ink as possible. A
classifier then tells which of the pieces between two cuts are digits.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

from mnist_jax.photos import segmentation

_HEIGHT = 80  # Pixels; taller ink is shrunk to it.
_STEP = 0.05  # Of the height: from one place to try a cut to the next.
_REACHES = 0.07, 0.2  # Of the height: how far a cut may stray to each side.
_APART = 0.05  # Of the height: the mean distance of two cuts.
_MAX_CUTS = 12
_NARROW, _WIDE = 0.09, 1.35  # Of the height: the widths of pieces.
_TWO = 1.3  # Of the height: narrower ink is at most two digits.
MOST_INK = 0.45  # Of the height: what a cut goes through, one stroke.
_CONTRAST = 4  # Power of the ink, which is lighter where two strokes meet.
_STRAY = 0.02  # The cost of a step to the side, in full ink.


class Piece(NamedTuple):
  """The ink between two cuts."""

  start: int  # The number of the cut on its left; 0 is the left end.
  stop: int  # The number of the cut on its right.
  ink: np.ndarray  # [h, w] float32 in [0, 1], 0 off the piece.
  box: segmentation.Box  # In pixels of the ink that was cut.
  cost: float  # Of its height: the ink that the cut on its right goes through.


def cut(ink: np.ndarray, most: float = MOST_INK) -> list[Piece]:
  """Cuts ink into pieces that overlap.

  Args:
    ink: [h, w] float32 in [0, 1], 0 off the digits.
    most: the ink that a cut may go through, as a part of the height.

  Returns:
    Every piece between two cuts that is neither too narrow nor too wide for a
    digit. Ink that is at most two digits is cut once, into one of 12 pairs.
  """
  scale = min(1.0, _HEIGHT / ink.shape[0])
  size = [max(2, round(scale * side)) for side in ink.shape[::-1]]
  small = np.asarray(Image.fromarray(ink).resize(size)).clip(0, 1)
  height, width = small.shape
  seams, costs = _find_seams(small, most)
  costs = [0.0, *costs, 0.0]
  edges = [np.zeros(height, int), *seams, np.full(height, width)]
  pieces = []
  for start in range(len(edges) - 1):
    for stop in range(start + 1, len(edges)):
      if width < _TWO * height and start and stop < len(edges) - 1:
        continue
      piece = _take(small, edges[start], edges[stop])
      if piece is None:
        continue
      part, (x0, y0, x1, y1) = piece
      if _NARROW * height <= x1 - x0 <= _WIDE * height:
        across, down = ink.shape[1] / width, ink.shape[0] / height
        box = (
          *(int(x0 * across), int(y0 * down)),
          *(round(x1 * across), round(y1 * down)),
        )
        pieces.append(Piece(start, stop, part, box, costs[stop] / height))
  return pieces


def _find_seams(
  ink: np.ndarray, most: float
) -> tuple[list[np.ndarray], list[float]]:
  """Returns the best cuts from left to right and what each goes through.

  A cut has the column [h] of each row; what it goes through is in pixels of
  full ink.
  """
  height, width = ink.shape
  step = max(1, round(_STEP * height))
  places = np.arange(step, width - step // 2, step)
  if not len(places):
    return [], []
  found = [
    _cheapest(ink**_CONTRAST, places, round(reach * height))
    for reach in _REACHES
  ]
  seams = np.concatenate([seams for seams, _ in found])
  costs = np.concatenate([costs for _, costs in found])
  chosen = _choose(seams, costs, _APART * height, most * height)
  return [seams[i] for i in chosen], [float(costs[i]) for i in chosen]


def _cheapest(
  ink: np.ndarray, places: np.ndarray, reach: int
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the cheapest cut [n, h] within `reach` of each place, and costs."""
  width = ink.shape[1]
  padded = np.pad(ink, ((0, 0), (reach + 1, reach + 1)))
  columns = places[:, None] + np.arange(2 * reach + 3)[None]  # In `padded`.
  total, came = padded[0][columns], []
  sides = np.full((len(places), columns.shape[1] + 2), np.inf)
  for row in padded[1:]:
    sides[:, 1:-1] = total + _STRAY
    ways = np.stack([sides[:, :-2], total, sides[:, 2:]])
    came.append(ways.argmin(axis=0) - 1)
    total = ways.min(axis=0) + row[columns]
  all_places = np.arange(len(places))
  path = [total.argmin(axis=1)]
  for steps in reversed(came):
    path.append(path[-1] + steps[all_places, path[-1]])
  offsets = np.stack(path[::-1], axis=1)
  seams = np.take_along_axis(columns, offsets, axis=1) - reach - 1
  return seams.clip(0, width), total.min(axis=1)


def _choose(
  seams: np.ndarray, costs: np.ndarray, apart: float, most: float
) -> list[int]:
  """Returns which seams are cheapest and apart, from left to right."""
  chosen: list[int] = []
  for i in np.argsort(costs, kind='stable'):
    if len(chosen) == _MAX_CUTS or costs[i] > most:
      break
    if all(np.abs(seams[i] - seams[j]).mean() >= apart for j in chosen):
      chosen.append(int(i))
  return sorted(chosen, key=lambda i: float(seams[i].mean()))


def _take(
  ink: np.ndarray, left: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, segmentation.Box] | None:
  """Returns the ink between two cuts without splinters, and its box."""
  columns = np.arange(ink.shape[1])
  inside = (columns >= left[:, None]) & (columns < right[:, None])
  labels, count = ndimage.label((ink > 0.2) & inside, segmentation.NEIGHBOURS)
  if not count:
    return None
  sizes = np.bincount(labels.ravel())
  sizes[0] = 0
  kept = np.isin(labels, np.flatnonzero(sizes > 0.12 * sizes.max()))
  rows, cols = (np.flatnonzero(kept.any(axis=axis)) for axis in (1, 0))
  y0, y1, x0, x1 = rows[0], rows[-1] + 1, cols[0], cols[-1] + 1
  near = ndimage.binary_dilation(kept, segmentation.NEIGHBOURS) & inside
  part = np.where(near, ink, 0)
  return part, (int(x0), int(y0), int(x1), int(y1))
