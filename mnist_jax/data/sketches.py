"""Lines, letters and distortions, as ink on a small canvas.

Ink is float32 [h, w] in [0, 1]; 0 is paper. Lines are drawn in the unit square,
x to the right and y down.
"""

import functools
import importlib.util
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

SIDE = 48  # Pixels of the unit square.
# Widths of most strokes in MNIST, as parts of the longer side of a digit.
_THIN, _THICK = 1.8 / 20, 4.5 / 20


def draw_lines(
  rng: np.random.Generator,
  lines: Sequence[np.ndarray],
  *,
  jitter: float = 0.03,
  thickest: float = _THICK,
) -> np.ndarray:
  """Draws lines with a pen of a random width, common in MNIST.

  Args:
    rng: decides the width, and how far points are off.
    lines: each [N, 2], points x, y in the unit square; one point is a dot.
    jitter: standard deviation of the points of lines of at most five.
    thickest: largest width of the pen.

  Returns:
    [SIDE, SIDE] float32.
  """
  width = SIDE * rng.uniform(_THIN, thickest)
  image = Image.new('L', (SIDE, SIDE))
  pen = ImageDraw.Draw(image)
  for line in lines:
    off = rng.normal(0, jitter, (len(line), 2)) if len(line) < 6 else 0.0
    points = width / 2 + (SIDE - width) * np.clip(line + off, 0, 1)
    pen.line([tuple(p) for p in points], fill=255, width=round(width))
    for x, y in points:  # Round ends and corners.
      reach = (round(width) - 1) / 2
      pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)
  return _as_ink(image)


def draw_text(rng: np.random.Generator, text: str, font: str) -> np.ndarray:
  """Draws letters with strokes of a random width.

  Args:
    rng: decides the width of the strokes.
    text: at least one character that the font has.
    font: one of those that ship with matplotlib, such as 'DejaVuSans-Bold'.

  Returns:
    [h, w] float32, as large as the text with a margin.
  """
  typeface = load_font(font)
  left, top, right, bottom = typeface.getbbox(text)
  image = Image.new('L', (int(right - left) + 8, int(bottom - top) + 8))
  ImageDraw.Draw(image).text((4 - left, 4 - top), text, 255, typeface)
  stem = SIDE * (0.17 if 'Bold' in font else 0.09)
  wanted = max(image.size) * rng.uniform(_THIN, _THICK)
  return widen(_as_ink(image), np.clip((wanted - stem) / 2, -1.5, 2.5))


@functools.cache
def load_font(name: str) -> ImageFont.FreeTypeFont:
  """Loads a font that ships with matplotlib."""
  # Importing matplotlib would take half a second.
  spec = importlib.util.find_spec('matplotlib')
  assert spec is not None
  assert spec.origin is not None
  folder = pathlib.Path(spec.origin).parent / 'mpl-data/fonts/ttf'
  return ImageFont.truetype(folder / f'{name}.ttf', size=SIDE)


def circle(
  rng: np.random.Generator,
  x: float = 0.5,
  y: float = 0.5,
  radius: float = 0.45,
  aspect: float = 1.0,
) -> np.ndarray:
  """Returns a circle [40, 2] drawn by hand: it begins and ends anywhere.

  `aspect` is its height by its width; the larger of them is `2 * radius`.
  """
  turn = np.linspace(0, 2 * np.pi * rng.uniform(0.97, 1.1), 40)
  turn += rng.uniform(0, 2 * np.pi)
  grown = radius * (1 + np.linspace(0, rng.uniform(-0.1, 0.1), 40))
  wide, high = min(1, 1 / aspect), min(1, aspect)
  return np.stack(
    [x + wide * grown * np.cos(turn), y + high * grown * np.sin(turn)], -1
  )


def curve(points: np.ndarray, count: int = 60) -> np.ndarray:
  """Returns a smooth line [count, 2] past points [N, 2]; N is at least 4."""
  at = np.linspace(1, len(points) - 2, count)
  first = np.minimum(at.astype(int), len(points) - 3)
  t = (at - first)[:, None]
  a, b, c, d = (points[first + k] for k in (-1, 0, 1, 2))
  # Catmull and Rom 1974.
  return 0.5 * (
    2 * b
    + (c - a) * t
    + (2 * a - 5 * b + 4 * c - d) * t**2
    + (3 * b - a - 3 * c + d) * t**3
  )


def widen(ink: np.ndarray, by: float) -> np.ndarray:
  """Moves the edges of strokes outwards by so many pixels; inwards below 0."""
  mask = ink > 0.5
  # From the middles of pixels to the edge, positive inside.
  inside, outside = map(ndimage.distance_transform_edt, (mask, ~mask))
  distance = np.where(mask, inside - 0.5, 0.5 - outside)
  moved = np.clip(distance + by + 0.5, 0, 1)
  # Strokes that are thinner than that would vanish.
  return (moved if moved.max() > 0.9 else ink).astype(np.float32)


def distort(rng: np.random.Generator, ink: np.ndarray) -> np.ndarray:
  """Turns, slants, stretches and bends ink at random, as hands differ.

  Returns:
    [H, W] float32, larger than `ink` so that nothing is cut off.
  """
  margin = max(ink.shape) // 4
  ink = np.pad(ink, margin)
  height, width = ink.shape
  angle, slant = rng.normal(0, 0.12), rng.normal(0, 0.15)
  turn = np.array(
    [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
  )
  stretch = np.diag(np.exp(rng.normal(0, 0.1, 2)))
  matrix = turn @ np.array([[1.0, 0.0], [slant, 1.0]]) @ stretch
  grid = np.mgrid[:height, :width].reshape(2, -1)
  middle = np.array([[height / 2], [width / 2]])
  bent = [_smooth_noise(rng, height, width) for _ in range(2)]
  points = matrix @ (grid - middle) + middle + np.reshape(bent, (2, -1))
  moved = ndimage.map_coordinates(
    ink, points.reshape(2, height, width), order=1
  )
  # What is too faint to see must not count as the drawing's edge.
  return np.where(moved > 0.05, moved, 0).astype(np.float32)


def _smooth_noise(
  rng: np.random.Generator, height: int, width: int
) -> np.ndarray:
  """Returns displacements [height, width] of some 3 % of a side."""
  coarse = rng.normal(0, 0.03 * min(height, width), (4, 4)).astype(np.float32)
  return np.asarray(
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
  )


def _as_ink(image: Image.Image) -> np.ndarray:
  return np.asarray(image, np.float32) / 255
