"""Ink -> the pixels of each digit, in reading order."""

import dataclasses
from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage

from mnist_jax.photos import layout
from mnist_jax.photos.layout import Box, Part

MAX_DIGITS = 400
# With a shorter side than this (in pixels) a picture is taken for one digit,
# cut out: it shows no sheet on a table, and no shadow's edge.
SCENE_SIDE = 64
NEIGHBOURS = np.ones((3, 3), bool)  # Diagonal neighbours are connected too.
_MAX_PARTS = 2_000
_WIDEST = 2.5  # Times its height; anything wider is a line.
_MANY = 8
# Of the shorter side, but at least in pixels: as large as the dots that squared
# paper leaves.
_DOT, _DOT_PIXELS = 0.015, 6
_HAIR = 0.06  # Of its length: the width of a line. Few pens are as thin.
_HAIR_AT_BORDER = 0.1


@dataclasses.dataclass(frozen=True)
class DigitInk:
  """One digit in the picture of ink."""

  ink: np.ndarray  # [h, w] float32 in [0, 1], 0 off the digit.
  box: Box


def find_digits(
  ink: np.ndarray,
  noise: float,
  share: float = 0.3,
  *,
  is_ruled: bool = False,
  is_level: bool = False,
  check: Callable[[], None] = lambda: None,
) -> list[DigitInk]:
  """Finds the digits.

  Args:
    ink: [h, w] float32 in [0, 1].
    noise: the standard deviation of `ink` on bare paper.
    share: of the strongest ink that a faint part of a stroke has.
    is_ruled: whether ruled lines were removed, of which a rest may be left.
    is_level: whether rows are known to be level.
    check: called now and then; what it raises ends this.

  Returns:
    Rows from top to bottom, each left to right.
  """
  full = peak(ink)
  if full < faintest_stroke(noise):
    return []
  if max(ink.shape) < SCENE_SIDE:
    share = 0.15
  labels, parts = _find_parts(ink, threshold(noise, share * full), 0.5 * full)
  parts = _remove_frame(parts, ink.shape)
  if _are_dots(parts, ink.shape):
    return []
  parts = _remove_fragments(layout.join_broken(parts, check))
  angle = 0 if is_level else layout.estimate_tilt(parts)
  if angle:
    return _find_tilted(ink, noise, share, angle, is_ruled, check)
  digits = [
    digit
    for row in layout.split_into_rows(parts)
    for digit in layout.join_row(row)
    if digit.width < _WIDEST * digit.height
  ]
  if is_ruled and _are_hairs(digits, labels):
    return []
  return [_cut_out(ink, labels, digit, noise) for digit in digits]


def _find_tilted(
  ink: np.ndarray,
  noise: float,
  share: float,
  angle: float,
  is_ruled: bool,
  check: Callable[[], None],
) -> list[DigitInk]:
  """Finds the digits after turning the picture so that rows are level."""
  turned = np.asarray(
    Image.fromarray(ink).rotate(
      angle, Image.Resampling.BICUBIC, expand=True, fillcolor=0.0
    )
  ).clip(0, 1)
  found = find_digits(
    turned, noise, share, is_ruled=is_ruled, is_level=True, check=check
  )
  return [
    dataclasses.replace(
      digit, box=_turn_back(digit.box, turned.shape, ink.shape, angle)
    )
    for digit in found
  ]


def _turn_back(
  box: Box, turned: tuple[int, ...], shape: tuple[int, ...], angle: float
) -> Box:
  """Returns the box around a box of the turned picture, in the picture."""
  x0, y0, x1, y1 = box
  corners = np.array([(x0, y0), (x1, y0), (x0, y1), (x1, y1)], float)
  corners -= np.array(turned[::-1]) / 2
  turn = np.radians(angle)
  cos, sin = np.cos(turn), np.sin(turn)
  corners = corners @ np.array([[cos, sin], [-sin, cos]])
  corners += np.array(shape[::-1]) / 2
  low = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
  high = np.minimum(np.ceil(corners.max(axis=0)), shape[::-1]).astype(int)
  return int(low[0]), int(low[1]), int(high[0]), int(high[1])


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


def _remove_frame(parts: list[Part], shape: tuple[int, ...]) -> list[Part]:
  """Removes what is no digit because of where it lies.

  In a whole scene a part that reaches three borders is the edge of a shadow, or
  a net of lines; in a smaller picture it may be a digit cut out without a
  margin. Parts along the border, as of a frame, are removed if others are left.
  """
  if min(shape) >= 2 * SCENE_SIDE:
    parts = [part for part in parts if _num_borders(part, shape) < 3]
  inner = [part for part in parts if not _is_along_border(part, shape)]
  if inner and max(part.size for part in inner) > 0.12 * min(shape):
    return inner
  return parts


def _num_borders(part: Part, shape: tuple[int, ...]) -> int:
  """Returns how many borders of the picture a part reaches."""
  height, width = shape
  return sum(
    (part.x0 <= 1, part.y0 <= 1, part.x1 >= width - 1, part.y1 >= height - 1)
  )


def _remove_fragments(parts: list[Part]) -> list[Part]:
  """Removes specks."""
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


def _are_dots(parts: list[Part], shape: tuple[int, ...]) -> bool:
  """Returns whether these are many dots, as where faint lines cross."""
  largest = max((part.size for part in parts), default=0)
  dot = max(_DOT * min(shape), _DOT_PIXELS)
  return len(parts) >= _MANY and largest < dot


def _are_hairs(digits: list[Part], labels: np.ndarray) -> bool:
  """Returns whether these are hairlines only, as rests of squared paper are.

  A single one may be a 1, unless it touches the border.
  """
  if not digits:
    return False
  height, width = labels.shape
  sizes = np.bincount(labels.ravel())
  thickness = [sizes[digit.labels].sum() / digit.size**2 for digit in digits]
  if len(digits) > 1:
    return max(thickness) < _HAIR
  (digit,) = digits
  inside = digit.x0 > 1 and digit.y0 > 1
  inside &= digit.x1 < width - 1 and digit.y1 < height - 1
  return not inside and thickness[0] < _HAIR_AT_BORDER


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
