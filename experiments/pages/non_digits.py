"""What is no digit: letters, words, scribbles and symbols, each on its page.

Nothing here may be used in training: these pages show what the weights make of
things that they have not seen. Training draws its own, by other code and in
other fonts.
"""

import functools
import pathlib
from collections.abc import Callable

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import interpolate

from experiments.pages import glyphs, rows
from experiments.pages.page import Page, Sheet

FONTS = 'cmr10', 'STIXGeneral', 'DejaVuSerif'
# Without the letters that a person could take for a digit.
LETTERS = 'ACEFHKMNPRTUVWXYacdefhkmnprtuvwx'
WORDS = 'Exam', 'Name', 'Paper', 'Tax', 'Raum', 'Karte', 'Frame', 'net', 'Chart'
# These differ more from page to page than the others, so they are drawn as many
# times as often.
_WEIGHTS = {'letter': 4, 'word': 4, 'scribble': 3}
_FINER = 4  # Shapes are drawn so many times as large.


def draw(digits: glyphs.Digits, rng: np.random.Generator) -> Page:
  """Draws one thing that is no digit, with room around it."""
  del digits
  weights = np.array([_WEIGHTS.get(name, 1) for name in KINDS])
  name = rng.choice(list(KINDS), p=weights / weights.sum())
  height = rows.draw_height(rng)
  ink = glyphs.crop(KINDS[name](rng, round(height)))
  left, top, right, bottom = height * rng.uniform(0.4, 1.5, 4)
  tall, wide = ink.shape
  sheet = Sheet(left + wide + right, top + tall + bottom)
  sheet.add(ink, round(left), round(top))
  return sheet.finish(rng, name)


def write(text: str, rng: np.random.Generator, height: int) -> np.ndarray:
  """Returns the ink of a text in a random font, slightly turned."""
  font = _font(rng.choice(FONTS), round(1.4 * height))
  left, top, right, bottom = font.getbbox(text)
  size = round(right - left) + 4, round(bottom - top) + 4
  picture = Image.new('L', size)
  ImageDraw.Draw(picture).text((2 - left, 2 - top), text, 255, font)
  picture = picture.rotate(
    rng.uniform(-5, 5), Image.Resampling.BICUBIC, expand=True
  )
  return np.asarray(picture, np.float32) / 255


@functools.cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
  fonts = pathlib.Path(matplotlib.get_data_path()) / 'fonts' / 'ttf'
  return ImageFont.truetype(fonts / f'{name}.ttf', size)


def trace(
  lines: list[np.ndarray], rng: np.random.Generator, height: int
) -> np.ndarray:
  """Returns the ink of lines, as an unsteady hand draws them.

  Args:
    lines: arrays of points [N, 2], x and y in [0, 1].
    rng: decides on the pen's width, the slant and the unsteadiness.
    height: of the whole, in pixels.
  """
  side = _FINER * height
  width = max(_FINER * 1.5, side * rng.uniform(0.06, 0.13))
  turn = np.eye(2) + rng.uniform(-0.12, 0.12, (2, 2))
  picture = Image.new('L', (2 * side, 2 * side))
  pen = ImageDraw.Draw(picture)
  for line in lines:
    points = _dense(line)
    wobble = rng.normal(0, 0.012, (len(points) // 8 + 2, 2))
    at = np.linspace(0, len(wobble) - 1, len(points))
    points = points + np.stack(
      [np.interp(at, range(len(wobble)), column) for column in wobble.T], -1
    )
    points = ((points - 0.5) @ turn + 1) * side
    pen.line([*map(tuple, points)], 255, round(width), 'curve')
    for x, y in points[[0, -1]]:
      pen.ellipse(
        (x - width / 2, y - width / 2, x + width / 2, y + width / 2), 255
      )
  picture = picture.resize((2 * height, 2 * height), Image.Resampling.LANCZOS)
  return np.asarray(picture, np.float32) / 255


def _dense(line: np.ndarray) -> np.ndarray:
  """Returns points along a polyline, about 0.02 apart."""
  steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
  along = np.concatenate([[0], np.cumsum(steps)])
  at = np.linspace(0, along[-1], max(3, round(along[-1] / 0.02)))
  return np.stack([np.interp(at, along, column) for column in line.T], -1)


def polyline(*points: tuple[float, float]) -> np.ndarray:
  """Returns points as an array [N, 2]."""
  return np.array(points, float)


def ring(x: float = 0.5, y: float = 0.5, radius: float = 0.5) -> np.ndarray:
  """Returns points of a circle."""
  turn = np.linspace(0, 2 * np.pi, 60)
  return np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], -1)


def scribble(rng: np.random.Generator, height: int) -> np.ndarray:
  """Returns the ink of a long tangled line."""
  knots = rng.uniform(0, 1, (int(rng.integers(9, 16)), 2)) * [1.4, 1] - [0.2, 0]
  curve = interpolate.make_interp_spline(range(len(knots)), knots, k=3)
  points = np.clip(curve(np.linspace(0, len(knots) - 1, 300)), -0.3, 1.3)
  return trace([points], rng, height)


CROSS = [polyline((0, 0), (1, 1)), polyline((1, 0), (0, 1))]
PLUS = [polyline((0, 0.5), (1, 0.5)), polyline((0.5, 0), (0.5, 1))]
_STAR = np.pi * (0.8 * np.arange(6) - 0.5)

SHAPES = {
  'cross': CROSS,
  'plus': PLUS,
  'asterisk': CROSS + PLUS,
  'ringed cross': [ring(), *(0.7 * line + 0.15 for line in CROSS)],
  'two rings': [ring(), ring(radius=0.22)],
  'smiley': [
    ring(),
    ring(0.33, 0.38, 0.03),
    ring(0.67, 0.38, 0.03),
    polyline((0.25, 0.62), (0.38, 0.75), (0.62, 0.75), (0.75, 0.62)),
  ],
  'house': [
    polyline((0, 1), (0, 0.45), (0.5, 0), (1, 0.45), (1, 1), (0, 1)),
    polyline((0.4, 1), (0.4, 0.65), (0.62, 0.65), (0.62, 1)),
  ],
  'star': [np.stack([0.5 + 0.5 * np.cos(_STAR), 0.5 + 0.5 * np.sin(_STAR)], 1)],
  'tick': [polyline((0, 0.6), (0.35, 1), (1.1, 0))],
  'arrow': [
    polyline((0, 0.5), (1.2, 0.5)),
    polyline((0.85, 0.2), (1.2, 0.5), (0.85, 0.8)),
  ],
  'fence': [
    *(polyline((x, 0), (x - 0.08, 1)) for x in (0.35, 0.7)),
    *(polyline((0, y), (1, y)) for y in (0.33, 0.67)),
  ],
  'triangle': [polyline((0.5, 0), (1.05, 1), (-0.05, 1), (0.5, 0))],
}

KINDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
  'letter': lambda rng, height: write(rng.choice([*LETTERS]), rng, height),
  'word': lambda rng, height: write(rng.choice(WORDS), rng, height),
  'comma': lambda rng, height: write(',', rng, 3 * height),
  'scribble': scribble,
} | {name: functools.partial(trace, lines) for name, lines in SHAPES.items()}
