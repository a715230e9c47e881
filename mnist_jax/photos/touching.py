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
_STEP = 0.1  # Of the height: from one place to try a cut to the next.
_REACH = 0.2  # Of the height: how far a cut may stray to each side.
_MAX_CUTS = 7
_NARROW, _WIDE = 0.12, 1.35  # Of the height: the widths of pieces.
_MOST_INK = 0.2  # Of the height: what a cut goes through, one stroke.
_STRAY = 0.02  # The cost of a step to the side, in full ink.


class Piece(NamedTuple):
  """The ink between two cuts."""

  start: int  # The number of the cut on its left; 0 is the left end.
  stop: int  # The number of the cut on its right.
  ink: np.ndarray  # [h, w] float32 in [0, 1], 0 off the piece.
  box: segmentation.Box  # In pixels of the ink that was cut.


def cut(ink: np.ndarray) -> list[Piece]:
  """Cuts ink into pieces that overlap.

  Args:
    ink: [h, w] float32 in [0, 1], 0 off the digits.

  Returns:
    Every piece between two cuts that is neither too narrow nor too wide for a
    digit; at most 36.
  """
  scale = min(1.0, _HEIGHT / ink.shape[0])
  size = [max(2, round(scale * side)) for side in ink.shape[::-1]]
  small = np.asarray(Image.fromarray(ink).resize(size)).clip(0, 1)
  height, width = small.shape
  seams = _find_seams(small)
  edges = [np.zeros(height, int), *seams, np.full(height, width)]
  pieces = []
  for start in range(len(edges) - 1):
    for stop in range(start + 1, len(edges)):
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
        pieces.append(Piece(start, stop, part, box))
  return pieces


def num_cuts(pieces: list[Piece]) -> int:
  """Returns the number of the right end."""
  return max((piece.stop for piece in pieces), default=0)


def _find_seams(ink: np.ndarray) -> list[np.ndarray]:
  """Returns the best cuts from left to right, each the column [h] of a row."""
  height, width = ink.shape
  step, reach = max(1, round(_STEP * height)), round(_REACH * height)
  places = np.arange(step, width - step // 2, step)
  if not len(places):
    return []
  padded = np.pad(ink, ((0, 0), (reach + 1, reach + 1)))
  columns = places[:, None] + np.arange(2 * reach + 3)[None]  # In `padded`.
  total, came = padded[0][columns].copy(), []
  for row in padded[1:]:
    ways = np.stack(
      [
        np.pad(total, ((0, 0), (1, 0)), constant_values=np.inf)[:, :-1]
        + _STRAY,
        total,
        np.pad(total, ((0, 0), (0, 1)), constant_values=np.inf)[:, 1:] + _STRAY,
      ]
    )
    came.append(ways.argmin(axis=0) - 1)
    total = ways.min(axis=0) + row[columns]
  ends = total.argmin(axis=1)
  costs = total.min(axis=1)
  seams = []
  for place, end in enumerate(ends):
    path = [end]
    for steps in reversed(came):
      path.append(path[-1] + steps[place, path[-1]])
    seam = columns[place][np.array(path[::-1])] - reach - 1
    seams.append(seam.clip(0, width))
  return _choose(seams, costs, step, _MOST_INK * height)


def _choose(
  seams: list[np.ndarray], costs: np.ndarray, step: int, most: float
) -> list[np.ndarray]:
  """Returns the cheapest seams that are apart from each other."""
  chosen: list[np.ndarray] = []
  for i in np.argsort(costs, kind='stable'):
    if len(chosen) == _MAX_CUTS or costs[i] > most:
      break
    if all(np.abs(seams[i] - other).mean() >= 0.7 * step for other in chosen):
      chosen.append(seams[i])
  return sorted(chosen, key=lambda seam: float(seam.mean()))


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
