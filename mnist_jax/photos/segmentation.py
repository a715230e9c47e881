"""Ink -> the pixels of each digit, in reading order."""

import dataclasses

import numpy as np
from scipy import ndimage

MAX_DIGITS = 100
_MAX_PARTS = 2_000
_WIDEST = 2.5  # Times its height; a wider part is a line.
_MANY = 8
_DOT = 0.025  # Of the shorter side; as large as the dots of squared paper.
_EIGHT = np.ones((3, 3), bool)


@dataclasses.dataclass(frozen=True)
class Found:
  """One digit in the working picture."""

  ink: np.ndarray  # [h, w] float32 in [0, 1], 0 off the digit.
  box: tuple[int, int, int, int]  # x0, y0, x1, y1, half open.


@dataclasses.dataclass
class Part:
  """Some connected ink, or several such parts of one digit."""

  labels: list[int]
  x0: int
  y0: int
  x1: int
  y1: int

  @property
  def width(self):
    return self.x1 - self.x0

  @property
  def height(self):
    return self.y1 - self.y0


def find(ink: np.ndarray, noise: float) -> list[Found]:
  """Finds the digits.

  Args:
    ink: [h, w] float32 in [0, 1].
    noise: its standard deviation.

  Returns:
    Lines from top to bottom, each left to right; none where there would be
    more than MAX_DIGITS.
  """
  floor = max(6 * noise, 0.05)
  full = peak(ink)
  if full < floor:
    return []
  share = 0.15 if max(ink.shape) < 64 else 0.3
  labels, parts = _parts(ink, max(0.04, 3.5 * noise, share * full), 0.5 * full)
  parts = _without_fragments(parts, ink.shape)
  digits = [
    digit
    for line in _lines(parts)
    for digit in _joined(line)
    if digit.width < _WIDEST * digit.height
  ]
  if len(digits) > MAX_DIGITS or _are_dots(digits, ink.shape):
    return []  # A texture, or a page of print.
  return [_cut(ink, labels, digit, noise) for digit in digits]


def _are_dots(digits, shape):
  """Returns whether there are many tiny ones, as where faint lines cross."""
  size = max((max(d.width, d.height) for d in digits), default=0)
  return len(digits) >= _MANY and size < _DOT * min(shape)


def peak(ink: np.ndarray) -> float:
  """Returns the strength of a full stroke, however small the digit is.

  A printed frame is often stronger; so the middle is asked first.
  """
  y, x = (round(0.15 * side) for side in ink.shape)
  middle, whole = (
    _strongest(ink[y : len(ink) - y, x : -x or None]),
    _strongest(ink),
  )
  return middle if middle > 0.25 * whole else whole


def _strongest(ink):
  rank = max(1, ink.size // 2000)
  ink = ink[ink > 0.01]  # Little of a page is, which saves most of the time.
  return float(np.partition(ink, -rank)[-rank]) if len(ink) >= rank else 0.0


def _parts(ink, low, high):
  labels, count = ndimage.label(ink > low, _EIGHT)
  boxes = ndimage.find_objects(labels)
  strong = np.bincount(labels[ink > high], minlength=count + 1)[1:] > 0
  parts = [
    Part([i], x.start, y.start, x.stop, y.stop)
    for i, (y, x) in enumerate(boxes, 1)
    if strong[i - 1]
  ]
  parts.sort(key=lambda part: -part.width * part.height)
  return labels, parts[:_MAX_PARTS]


def _without_fragments(parts, shape):
  """Drops specks, and what hugs the border as a frame does."""
  inner = [part for part in parts if not _hugs_border(part, shape)]
  if inner:
    tall = max(max(part.height, part.width) for part in inner)
    if tall > 0.12 * min(shape):
      parts = inner
  tall = max((max(part.height, part.width) for part in parts), default=0)
  return [
    part
    for part in parts
    if max(part.height, part.width) >= 0.25 * tall
    and max(part.height, part.width) >= 4
  ]


def _hugs_border(part, shape):
  height, width = shape
  near = max(1, 0.04 * min(shape))
  x0, y0 = part.x0 <= near, part.y0 <= near
  x1, y1 = part.x1 >= width - near, part.y1 >= height - near
  narrow, low = part.width < 0.15 * width, part.height < 0.15 * height
  if x0 and x1 and part.height < 0.3 * height:
    return part.y1 < 0.4 * height or part.y0 > 0.6 * height
  # By the shorter side, so that a 1 may be the last of many digits.
  reach = 0.2 * min(shape)
  beside = part.x1 < reach or part.x0 > width - reach
  long = part.height > 0.6 * height and part.width < 0.25 * part.height
  return (beside and long) or ((x0 or x1) and narrow) or ((y0 or y1) and low)


def _lines(parts):
  """Returns lists of parts whose heights overlap, from top to bottom."""
  lines = []
  for part in sorted(parts, key=lambda part: -part.height):
    for line in lines:
      top, bottom = line[0].y0, line[0].y1  # The tallest comes first.
      if top <= (part.y0 + part.y1) / 2 < bottom:
        line.append(part)
        break
    else:
      lines.append([part])
  lines.sort(key=lambda line: line[0].y0 + line[0].y1)
  return lines


def _joined(line):
  """Joins parts above each other or too small to stand alone."""
  tall = line[0].height
  digits = []
  for part in sorted(line, key=lambda part: part.x0):
    if digits and _belongs(digits[-1], part, tall):
      digits[-1] = _union(digits[-1], part)
    else:
      digits.append(part)
  return digits


def _belongs(left, right, tall):
  overlap = min(left.x1, right.x1) - max(left.x0, right.x0)
  if overlap >= 0.4 * min(left.width, right.width):
    return True
  short = min(left.height, right.height) < 0.65 * tall
  return short and -overlap < 0.15 * tall


def _union(a, b):
  return Part(
    a.labels + b.labels,
    min(a.x0, b.x0),
    min(a.y0, b.y0),
    max(a.x1, b.x1),
    max(a.y1, b.y1),
  )


def _cut(ink, labels, part, noise):
  """Returns the ink of a digit alone, with the soft edge of its strokes."""
  margin = 2
  y0, x0 = max(0, part.y0 - margin), max(0, part.x0 - margin)
  window = slice(y0, part.y1 + margin), slice(x0, part.x1 + margin)
  own = np.isin(labels[window], part.labels)
  others = (labels[window] > 0) & ~own
  near = ndimage.binary_dilation(own, _EIGHT) & ~others
  values = ink[window]
  full = np.percentile(values[own], 75)
  values = np.where(near & (values > 3 * noise), values / full, 0)
  return Found(np.clip(values, 0, 1), (part.x0, part.y0, part.x1, part.y1))
