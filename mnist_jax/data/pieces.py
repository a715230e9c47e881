"""Pieces of touching digits, for a network to learn which of them are digits.

The best cut is the one whose pieces read best (`touching`). A network that has
seen only whole digits is as sure of many a wrong piece, so here are both: right
pieces with the marks of the cut, and wrong ones, with half a digit or parts of
two. LeCun et al. 1998, section VII, train their network on such pieces, too.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

from mnist_jax.data import datasets, non_digits
from mnist_jax.photos import touching

_HEIGHT = 60  # Pixels of a digit's longer side.
_SIDE = 20  # The same in MNIST.
_MOST_OVERLAP = 0.06  # Of the height.
# A right piece has this share of a digit's ink, and of its own ink at most so
# much is the neighbour's. A wrong one is clearly worse; others are left out.
_WHOLE, _CLEAN = 0.93, 0.06
_HALF, _MIXED = 0.65, 0.25
_NARROW = 0.4  # Of its height; a narrower rest may be a 1.
_LOW = 0.4  # Of the height of both; a lower rest is read as no digit anyway.
_MOST_OF_A_PAIR = 4  # Wrong pieces; many of them are alike.


class Pair(NamedTuple):
  """Two digits that touch, each on the canvas [h, w] of both, float32."""

  left: np.ndarray
  right: np.ndarray
  labels: tuple[int, int]


def draw(
  count: int, digits: np.ndarray, labels: np.ndarray, *, seed: int
) -> tuple[np.ndarray, np.ndarray]:
  """Draws pairs of touching digits, and cuts them.

  Args:
    count: how many pieces to return; may be 0.
    digits: uint8 [N, 28, 28], real digits, not all of them 1.
    labels: [N] integers in 0..9.
    seed: the same seed gives the same pixels.

  Returns:
    Images uint8 [count, 28, 28], framed as MNIST's, and their labels int32
    [count]: 0..9, or datasets.NON_DIGIT for a wrong piece.
  """
  images = np.zeros((count, 28, 28), np.uint8)
  found = np.full(count, datasets.NON_DIGIT, np.int32)
  filled = number = 0
  while filled < count:
    rng = np.random.default_rng((seed, number))
    for ink, label in _choose(rng, draw_pair(rng, digits, labels)):
      if filled < count:
        images[filled] = non_digits.frame_as_mnist(ink)
        found[filled] = label
        filled += 1
    number += 1
  return images, found


def draw_pair(
  rng: np.random.Generator, digits: np.ndarray, labels: np.ndarray
) -> Pair:
  """Draws two digits, the right one moved to the left until they touch.

  Two 1s are not drawn, as they make an N or a U.
  """
  first, second = rng.integers(len(digits), size=2)
  while labels[first] == labels[second] == 1:
    first, second = rng.integers(len(digits), size=2)
  inks = [_enlarge(rng, digits[row]) for row in (first, second)]
  middle = max(map(len, inks)) // 2
  tops = [
    round(middle - len(ink) / 2 + _HEIGHT * rng.uniform(-0.08, 0.08))
    for ink in inks
  ]
  tops = [top - min(tops) for top in tops]
  height = max(top + len(ink) for top, ink in zip(tops, inks, strict=True))
  left, right = (
    np.pad(ink, ((top, height - top - len(ink)), (0, 0)))
    for top, ink in zip(tops, inks, strict=True)
  )
  start = _touch(left, right)
  start -= round(_HEIGHT * rng.uniform(0, _MOST_OVERLAP))
  start = max(0, start)
  width = max(left.shape[1], start + right.shape[1])
  return Pair(
    np.pad(left, ((0, 0), (0, width - left.shape[1]))),
    np.pad(right, ((0, 0), (start, width - start - right.shape[1]))),
    (int(labels[first]), int(labels[second])),
  )


def _enlarge(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
  """Returns the ink [h, w] of a digit, with edges as sharp as a pen's."""
  side = round(28 * _HEIGHT / _SIDE * rng.uniform(0.9, 1.1))
  picture = Image.fromarray(image).resize(
    (side, side), Image.Resampling.BICUBIC
  )
  ink = np.asarray(picture, np.float32) / 255
  ink = np.clip((ink - 0.3) * rng.uniform(1, 2.5) + 0.3, 0, 1)
  ink[ink < 0.1] = 0
  rows, columns = (np.flatnonzero((ink > 0.3).any(axis)) for axis in (1, 0))
  return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _touch(left: np.ndarray, right: np.ndarray) -> int:
  """Returns where `right` begins when it touches `left`, both of one height."""
  a, b = left > 0.5, right > 0.5
  both = a.any(axis=1) & b.any(axis=1)
  if not both.any():
    return left.shape[1]
  ends = left.shape[1] - a[both, ::-1].argmax(axis=1)
  return int((ends - b[both].argmax(axis=1)).max())


def _choose(
  rng: np.random.Generator, pair: Pair
) -> list[tuple[np.ndarray, int]]:
  """Cuts a pair; returns a right piece of each digit, and some wrong ones."""
  right: dict[int, list[np.ndarray]] = {0: [], 1: []}
  wrong = []
  for piece in touching.cut(np.maximum(pair.left, pair.right)):
    owner = judge(piece.ink, pair)
    if owner is not None:
      right[owner].append(piece.ink)
    elif is_wrong(piece.ink, pair):
      wrong.append(piece.ink)
  chosen = [
    (pieces[rng.integers(len(pieces))], pair.labels[owner])
    for owner, pieces in right.items()
    if pieces
  ]
  rng.shuffle(wrong)
  others = [(ink, datasets.NON_DIGIT) for ink in wrong[:_MOST_OF_A_PAIR]]
  return [*chosen, *others]


def judge(piece: np.ndarray, pair: Pair) -> int | None:
  """Returns which digit of a pair a piece [h, w] is: 0, 1, or None."""
  for owner, (share, foreign) in enumerate(_shares(piece, pair)):
    if share >= _WHOLE and foreign <= _CLEAN:
      return owner
  return None


def is_wrong(piece: np.ndarray, pair: Pair) -> bool:
  """Whether a piece is clearly no digit: half of one, or parts of two."""
  height, width = (np.ptp(np.flatnonzero(piece.any(axis))) for axis in (1, 0))
  if width < _NARROW * height or height < _LOW * len(piece):
    return False
  return all(
    share < _HALF or foreign > _MIXED for share, foreign in _shares(piece, pair)
  )


def _shares(piece: np.ndarray, pair: Pair) -> list[tuple[float, float]]:
  """Returns for each digit: the share of its ink that a piece has, and the
  share of the piece's ink that is only the other's."""
  inside = piece > 0
  found = []
  for own, other in ((pair.left, pair.right), (pair.right, pair.left)):
    foreign = np.maximum(other - own, 0)[inside].sum() / piece.sum()
    found.append((own[inside].sum() / own.sum(), foreign))
  return found
