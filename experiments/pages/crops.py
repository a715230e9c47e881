"""Single digits: cut out tightly, alone on paper, or broken into parts."""

import numpy as np

from experiments.pages import glyphs, rows
from experiments.pages.page import Page, Sheet

MARGINS = 0, 0.02, 0.05, 0.1  # Of the longer side of the digit.
_LEAST_PAPER = 0.2  # A cut-out 1 that fills its picture shows nothing to read.


def crop(digits: glyphs.Digits, rng: np.random.Generator, height: int) -> Page:
  """Draws a digit of that height, cut to its ink with a small margin."""
  glyph = _fit(digits, rng, height)
  while (glyph.ink < glyphs.VISIBLE).mean() < _LEAST_PAPER:
    glyph = _fit(digits, rng, height)
  share = rng.choice(MARGINS)
  margin = round(share * max(glyph.ink.shape))
  sheet = Sheet(*(side + 2 * margin for side in glyph.ink.shape[::-1]))
  sheet.put(glyph, margin, margin)
  blur = min(0.8, 0.015 * height)
  return sheet.finish(rng, f'margin {share:.0%}', inverted=0.5, blur=blur)


def _fit(
  digits: glyphs.Digits, rng: np.random.Generator, height: int
) -> glyphs.Glyph:
  image, label = digits.pick(rng)
  _, top, _, bottom = glyphs.box(image / 255)
  return glyphs.Glyph(
    glyphs.enlarge(image, rng, height / (bottom - top)), label
  )


def alone(digits: glyphs.Digits, rng: np.random.Generator) -> Page:
  """Draws one digit with room around it."""
  height = rows.draw_height(rng)
  glyph = glyphs.draw(digits, rng, height)
  return rows.lay_out([glyph], [(0, 0)], rng, height).finish(rng)


def broken(digits: glyphs.Digits, rng: np.random.Generator) -> Page:
  """Draws 1 to 5 digits, each of two or three parts above each other."""
  height, gap, x = rows.draw_height(rng), rng.uniform(0.2, 0.5), 0
  found, places = [], []
  for _ in range(rng.integers(1, 6)):
    image, label = digits.pick(rng)
    image = break_apart(image, rng)
    glyph = glyphs.Glyph(
      glyphs.enlarge(image, rng, height / glyphs.SIDE), label
    )
    found.append(glyph)
    places.append((x, round(rng.uniform(0, 0.1) * height)))
    x += round(glyph.ink.shape[1] + gap * height)
  variant = 'alone' if len(found) == 1 else 'in a row'
  return rows.lay_out(found, places, rng, height).finish(rng, variant)


def break_apart(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
  """Erases one or two gaps of 1 to 3 rows where a digit has little ink.

  Args:
    image: [28, 28] uint8.
    rng: decides on the gaps.

  Returns:
    The same with gaps. What is left above, below and between them is at least
    4 pixels high, and no horizontal stroke is erased.
  """
  image = image.copy()
  ink = image.sum(axis=1, dtype=float)
  _, top, _, bottom = glyphs.box(image / 255)
  usual = np.median(ink[top:bottom])
  for _ in range(rng.integers(1, 3)):
    gap = int(rng.integers(1, 4))
    free = [
      y
      for y in range(top + 4, bottom - 4 - gap)
      if (ink[y : y + gap] <= 1.1 * usual).all()
      and ink[y - 4 : y + gap + 4].all()
    ]
    if free:
      y = rng.choice(free)
      image[y : y + gap] = ink[y : y + gap] = 0
  return image
