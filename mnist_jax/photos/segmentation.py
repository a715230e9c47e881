"""Ink -> the pixels of each digit, in reading order."""

import dataclasses

import numpy as np
from scipy import ndimage

MAX_DIGITS = 100
# With a shorter side than this (in pixels) a picture is taken for one digit,
# cut out: it shows no sheet on a table, and no shadow's edge.
SCENE_SIDE = 64
NEIGHBOURS = np.ones((3, 3), bool)  # Diagonal neighbours are connected too.
_MAX_PARTS = 2_000
_WIDEST = 2.5  # Times its height; anything wider is a line.
_MANY = 8
_DOT = 0.025  # Of the shorter side; as large as the dots of squared paper.

Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels, half open.


@dataclasses.dataclass(frozen=True)
class DigitInk:
  """One digit in the picture of ink."""

  ink: np.ndarray  # [h, w] float32 in [0, 1], 0 off the digit.
  box: Box


@dataclasses.dataclass
class Part:
  """A connected part of the ink, or several that belong to one digit."""

  labels: list[int]
  x0: int
  y0: int
  x1: int
  y1: int

  @property
  def width(self) -> int:
    return self.x1 - self.x0

  @property
  def height(self) -> int:
    return self.y1 - self.y0

  @property
  def size(self) -> int:
    return max(self.width, self.height)


def find_digits(ink: np.ndarray, noise: float) -> list[DigitInk]:
  """Finds the digits.

  Args:
    ink: [h, w] float32 in [0, 1].
    noise: the standard deviation of `ink` on bare paper.

  Returns:
    Rows from top to bottom, each left to right; none where there would be more
    than MAX_DIGITS.
  """
  full = peak(ink)
  if full < faintest_stroke(noise):
    return []
  share = 0.15 if max(ink.shape) < SCENE_SIDE else 0.3
  labels, parts = _find_parts(ink, threshold(noise, share * full), 0.5 * full)
  parts = _remove_fragments(parts, ink.shape)
  digits = [
    digit
    for row in _split_into_rows(parts)
    for digit in _join_parts(row)
    if digit.width < _WIDEST * digit.height
  ]
  if len(digits) > MAX_DIGITS or _are_dots(digits, ink.shape):
    return []  # A texture, or a page of print.
  return [_cut_out(ink, labels, digit, noise) for digit in digits]


def threshold(noise: float, least: float) -> float:
  """Returns the ink above which a pixel belongs to a part."""
  return max(3.5 * noise, 0.04, least)


def faintest_stroke(noise: float) -> float:
  """Returns the ink that the strongest pixels of a stroke have at least."""
  return max(6 * noise, 0.05)


def peak(ink: np.ndarray) -> float:
  """Returns the strength of a full stroke, however small the digit is.

  It is measured in the middle of the picture if there is ink: the frame around
  it is often stronger, and printed.
  """
  y, x = (round(0.15 * side) for side in ink.shape)
  middle = _strongest(ink[y : len(ink) - y, x : -x or None])
  whole = _strongest(ink)
  return middle if middle > 0.25 * whole else whole


def _strongest(ink: np.ndarray) -> float:
  rank = max(1, ink.size // 2000)
  ink = ink[ink > 0.01]  # Few pixels are, so the partition is quick.
  return float(np.partition(ink, -rank)[-rank]) if len(ink) >= rank else 0.0


def _find_parts(
  ink: np.ndarray, low: float, high: float
) -> tuple[np.ndarray, list[Part]]:
  """Labels parts above `low` that somewhere reach `high`; largest first."""
  labels, count = ndimage.label(ink > low, NEIGHBOURS)
  boxes = ndimage.find_objects(labels)
  strong = np.bincount(labels[ink > high], minlength=count + 1)[1:] > 0
  parts = [
    Part([i], x.start, y.start, x.stop, y.stop)
    for i, (y, x) in enumerate(boxes, 1)
    if strong[i - 1]
  ]
  parts.sort(key=lambda part: -part.width * part.height)
  return labels, parts[:_MAX_PARTS]


def _remove_fragments(parts: list[Part], shape: tuple[int, ...]) -> list[Part]:
  """Removes specks, and parts along the border, as of a frame."""
  inner = [part for part in parts if not _is_along_border(part, shape)]
  if inner and max(part.size for part in inner) > 0.12 * min(shape):
    parts = inner
  largest = max((part.size for part in parts), default=0)
  return [part for part in parts if part.size >= max(0.25 * largest, 4)]


def _is_along_border(part: Part, shape: tuple[int, ...]) -> bool:
  height, width = shape
  near = max(1, 0.04 * min(shape))
  x0, y0 = part.x0 <= near, part.y0 <= near
  x1, y1 = part.x1 >= width - near, part.y1 >= height - near
  narrow, low = part.width < 0.15 * width, part.height < 0.15 * height
  if x0 and x1 and part.height < 0.3 * height:
    return part.y1 < 0.4 * height or part.y0 > 0.6 * height
  # Of the shorter side: in a long row of digits the last may be a 1.
  reach = 0.2 * min(shape)
  beside = part.x1 < reach or part.x0 > width - reach
  tall = part.height > 0.6 * height and part.width < 0.25 * part.height
  return (beside and tall) or ((x0 or x1) and narrow) or ((y0 or y1) and low)


def _split_into_rows(parts: list[Part]) -> list[list[Part]]:
  """Returns lists of parts whose heights overlap, from top to bottom."""
  rows: list[list[Part]] = []
  for part in sorted(parts, key=lambda part: -part.height):
    for row in rows:
      top, bottom = row[0].y0, row[0].y1  # The tallest comes first.
      if top <= (part.y0 + part.y1) / 2 < bottom:
        row.append(part)
        break
    else:
      rows.append([part])
  rows.sort(key=lambda row: row[0].y0 + row[0].y1)
  return rows


def _join_parts(row: list[Part]) -> list[Part]:
  """Joins parts above each other, or too small to be a digit alone."""
  tall = row[0].height
  digits: list[Part] = []
  for part in sorted(row, key=lambda part: part.x0):
    if digits and _belong_together(digits[-1], part, tall):
      digits[-1] = _join(digits[-1], part)
    else:
      digits.append(part)
  return digits


def _belong_together(left: Part, right: Part, tall: int) -> bool:
  overlap = min(left.x1, right.x1) - max(left.x0, right.x0)
  if overlap >= 0.4 * min(left.width, right.width):
    return True
  short = min(left.height, right.height) < 0.65 * tall
  return short and -overlap < 0.15 * tall


def _join(a: Part, b: Part) -> Part:
  return Part(
    a.labels + b.labels,
    min(a.x0, b.x0),
    min(a.y0, b.y0),
    max(a.x1, b.x1),
    max(a.y1, b.y1),
  )


def _are_dots(digits: list[Part], shape: tuple[int, ...]) -> bool:
  """Returns whether these are many dots, as where faint lines cross."""
  largest = max((digit.size for digit in digits), default=0)
  return len(digits) >= _MANY and largest < _DOT * min(shape)


def _cut_out(
  ink: np.ndarray, labels: np.ndarray, part: Part, noise: float
) -> DigitInk:
  """Returns the ink of one digit, with the soft edge of its strokes."""
  margin = 2
  y0, x0 = max(0, part.y0 - margin), max(0, part.x0 - margin)
  window = slice(y0, part.y1 + margin), slice(x0, part.x1 + margin)
  own = np.isin(labels[window], part.labels)
  others = (labels[window] > 0) & ~own
  near = ndimage.binary_dilation(own, NEIGHBOURS) & ~others
  values = ink[window]
  full = np.percentile(values[own], 75)
  values = np.where(near & (values > 3 * noise), values / full, 0)
  box = part.x0, part.y0, part.x1, part.y1
  return DigitInk(np.clip(values, 0, 1), box)
