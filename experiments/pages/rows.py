"""Rows of digits."""

from collections.abc import Callable

import numpy as np

from experiments.pages import glyphs, paper
from experiments.pages.page import Page, Sheet

SIZES = 24, 160  # Pixels of the height of a digit.


def draw_height(rng: np.random.Generator) -> float:
  """Returns a height in pixels; small digits are as likely as large ones."""
  return float(np.exp(rng.uniform(*np.log(SIZES))))


def plain(digits: glyphs.Digits, rng: np.random.Generator) -> Page:
  """Draws 4 to 7 digits in a row."""
  return _write(digits, rng, draw_height(rng)).finish(rng)


def tilted(digits: glyphs.Digits, rng: np.random.Generator) -> Page:
  """Draws a row that rises or falls by up to 20 degrees."""
  angle = rng.uniform(-20, 20)
  steep = 'over 10 degrees' if abs(angle) > 10 else 'to 10 degrees'
  return _write(digits, rng, draw_height(rng), angle).finish(rng, steep)


def shadowed(digits: glyphs.Digits, rng: np.random.Generator) -> Page:
  """Draws a row that lies partly in the shadow."""
  sheet = _write(digits, rng, draw_height(rng))
  light = paper.shadow(sheet.ink.shape, rng)
  return sheet.finish(rng, light=light, inverted=0)


def squared(digits: glyphs.Digits, rng: np.random.Generator) -> Page:
  """Draws a row on squared paper."""
  height = draw_height(rng)
  sheet = _write(digits, rng, height)
  pitch = max(10, height * rng.uniform(0.5, 1.5))
  sheet.add(paper.squares(sheet.ink.shape, rng, pitch))
  return sheet.finish(rng, inverted=0)


def underlined(digits: glyphs.Digits, rng: np.random.Generator) -> Page:
  """Draws a row with a line under it or through it."""
  height = draw_height(rng)
  sheet = _write(digits, rng, height)
  x0, y0, x1, y1 = _bounds(sheet)
  page_width = sheet.ink.shape[1]
  place, length = rng.choice(list(_PLACES)), rng.choice(list(_ENDS))
  ends = _ENDS[length](rng, x0, x1, page_width)
  y = _PLACES[place](rng, y0, y1, height)
  width = max(1, height * rng.uniform(0.02, 0.07))
  sheet.add(paper.stroke(sheet.ink.shape, rng, ends, y, width))
  return sheet.finish(rng, f'{place}, {length}')


def _bounds(sheet: Sheet) -> tuple[int, int, int, int]:
  x0, y0, x1, y1 = zip(*sheet.boxes, strict=True)
  return min(x0), min(y0), max(x1), max(y1)


_PLACES: dict[str, Callable[..., float]] = {
  'under': lambda rng, y0, y1, height: y1 + height * rng.uniform(0.02, 0.25),
  'through': lambda rng, y0, y1, height: (
    y0 + (y1 - y0) * rng.uniform(0.35, 0.65)
  ),
}


_ENDS: dict[str, Callable[..., tuple[float, float]]] = {
  'part of the row': lambda rng, x0, x1, width: _within(rng, x0, x1),
  'the row': lambda rng, x0, x1, width: (
    x0 - rng.uniform(0, 0.9) * x0,
    x1 + rng.uniform(0, 0.9) * (width - x1),
  ),
  'to one border': lambda rng, x0, x1, width: (
    (-1, x1 + 0.5 * (width - x1)) if rng.random() < 0.5 else (x0 / 2, width + 1)
  ),
  'to both borders': lambda rng, x0, x1, width: (-1, width + 1),
}


def _within(
  rng: np.random.Generator, x0: float, x1: float
) -> tuple[float, float]:
  length = rng.uniform(0.4, 0.95) * (x1 - x0)
  left = rng.uniform(x0, x1 - length)
  return left, left + length


def touching_pair(digits: glyphs.Digits, rng: np.random.Generator) -> Page:
  """Draws two digits that touch, and nothing else."""
  return _write(digits, rng, draw_height(rng), count=2, touching=1).finish(rng)


def touching_in_row(digits: glyphs.Digits, rng: np.random.Generator) -> Page:
  """Draws a row in which two neighbours touch."""
  count = int(rng.integers(4, 8))
  touching = int(rng.integers(1, count))
  height = draw_height(rng)
  return _write(digits, rng, height, count=count, touching=touching).finish(rng)


def _write(
  digits: glyphs.Digits,
  rng: np.random.Generator,
  height: float,
  angle: float = 0,
  count: int = 0,
  touching: int = 0,
) -> Sheet:
  """Writes a row of digits on a sheet that has room around it.

  Args:
    digits: where they are picked.
    rng: decides on everything else.
    height: of the digits, in pixels.
    angle: by which the row rises, in degrees.
    count: of the digits; 4 to 7 when 0.
    touching: which digit touches the one before it; none when 0.
  """
  found = [
    glyphs.draw(digits, rng, height * rng.uniform(0.9, 1.1), angle)
    for _ in range(count or rng.integers(4, 8))
  ]
  if touching and found[touching].label == found[touching - 1].label == 1:
    return _write(digits, rng, height, angle, count, touching)  # As an N or U.
  places = _place(found, rng, height, angle, touching)
  return lay_out(found, places, rng, height)


def _place(
  found: list[glyphs.Glyph],
  rng: np.random.Generator,
  height: float,
  angle: float,
  touching: int,
) -> list[tuple[int, int]]:
  """Returns the top left corners of the digits of a row; see `_write`."""
  gap, turn, x = height * rng.uniform(0.15, 0.5), np.radians(angle), 0.0
  places: list[tuple[int, int]] = []
  for i, glyph in enumerate(found):
    tall, wide = glyph.ink.shape
    middle = x + wide / 2, -height * rng.uniform(-0.08, 0.08)
    if touching and i == touching:
      y = round(middle[1] - tall / 2)
      x = places[-1][0] + _touch(found[i - 1].ink, glyph.ink, y - places[-1][1])
      x -= round(rng.uniform(0, min(3, height / 16)))  # They may overlap.
      places.append((round(x), y))
      x += wide + gap
      continue
    x += wide + gap * rng.uniform(0.7, 1.3)
    across = middle[0] * np.cos(turn) + middle[1] * np.sin(turn)
    down = middle[1] * np.cos(turn) - middle[0] * np.sin(turn)
    places.append((round(across - wide / 2), round(down - tall / 2)))
  return places


def _touch(left: np.ndarray, right: np.ndarray, down: int) -> int:
  """Returns how far to the right of `left` the ink of `right` touches it.

  Args:
    left: the ink of a digit.
    right: the ink of the next digit.
    down: how far below the top of `left` the top of `right` lies.
  """
  rows = range(max(0, down), min(len(left), len(right) + down))
  reach = [
    np.flatnonzero(left[y] > 0.5)[-1] - np.flatnonzero(right[y - down] > 0.5)[0]
    for y in rows
    if (left[y] > 0.5).any() and (right[y - down] > 0.5).any()
  ]
  return int(max(reach, default=left.shape[1] - 1)) + 1


def lay_out(
  found: list[glyphs.Glyph],
  places: list[tuple[int, int]],
  rng: np.random.Generator,
  height: float,
) -> Sheet:
  """Puts digits on a sheet that reaches 0.4 to 1.5 heights beyond them."""
  left, top, right, bottom = height * rng.uniform(0.4, 1.5, 4)
  left -= min(x for x, _ in places)
  top -= min(y for _, y in places)
  pairs = list(zip(found, places, strict=True))
  sheet = Sheet(
    left + max(x + glyph.ink.shape[1] for glyph, (x, _) in pairs) + right,
    top + max(y + glyph.ink.shape[0] for glyph, (_, y) in pairs) + bottom,
  )
  for glyph, (x, y) in pairs:
    sheet.put(glyph, round(left) + x, round(top) + y)
  return sheet
