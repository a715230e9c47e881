"""Sheets of 130 to 400 digits, and sheets without any."""

import math

import numpy as np

from experiments.pages import glyphs, paper
from experiments.pages.page import Page, Sheet

COUNTS = 130, 400


def many(digits: glyphs.Digits, rng: np.random.Generator) -> Page:
  """Draws a sheet full of rows; the last one may be shorter."""
  count = int(rng.integers(COUNTS[0], COUNTS[1] + 1))
  columns = round(math.sqrt(count) * rng.uniform(0.9, 1.4))
  height = rng.uniform(24, 32)
  across, down = height * rng.uniform(1.25, 1.6), height * rng.uniform(1.5, 1.9)
  margin = height * rng.uniform(0.5, 2)
  sheet = Sheet(
    2 * margin + columns * across,
    2 * margin + math.ceil(count / columns) * down,
  )
  for i in range(count):
    glyph = glyphs.draw(digits, rng, height)
    row, column = divmod(i, columns)
    middle_x = margin + (column + 0.5) * across
    middle_y = margin + (row + 0.5) * down + height * rng.uniform(-0.08, 0.08)
    tall, wide = glyph.ink.shape
    sheet.put(glyph, middle_x - wide / 2, middle_y - tall / 2)
  return sheet.finish(rng, 'to 250' if count <= 250 else 'over 250')


def empty(digits: glyphs.Digits, rng: np.random.Generator) -> Page:
  """Draws paper without a digit: bare, ruled or squared, some in shadow."""
  del digits
  sheet = Sheet(*rng.integers(60, 1000, 2))
  kind = rng.choice(['bare', 'ruled', 'squared'])
  pitch = rng.uniform(12, 80)
  if kind == 'ruled':
    sheet.add(paper.ruling(sheet.ink.shape, rng, pitch))
  if kind == 'squared':
    sheet.add(paper.squares(sheet.ink.shape, rng, pitch))
  if rng.random() < 0.5:
    return sheet.finish(rng, kind)
  light = paper.shadow(sheet.ink.shape, rng)
  return sheet.finish(rng, f'{kind}, shadow', light=light, inverted=0)
