"""Letters and shapes that are no digits, drawn by hand.

Each takes a random generator and returns ink, float32 [h, w] in [0, 1]. The
photo pipeline frames all to one size, so a dot is a disc of 20 pixels.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from mnist_jax.data import sketches

FONTS = (
  *(
    f'DejaVuSans{mono}{style}'
    for mono in ('', 'Mono')
    for style in ('', '-Bold', '-Oblique', '-BoldOblique')
  ),
  *(font for font in ('cmss10', 'cmtt10') for _ in range(2)),
)
LETTERS = 'ACEFHJKLMNPRTUVWXYacdefhjkmnprtuvwx'


def letter(
  rng: np.random.Generator, fonts: Sequence[str] = FONTS
) -> np.ndarray:
  """Draws a letter that does not look like a digit."""
  text = rng.choice(list(LETTERS))
  return sketches.draw_text(rng, text, rng.choice(fonts))


def word(rng: np.random.Generator, fonts: Sequence[str] = FONTS) -> np.ndarray:
  """Draws two or three letters."""
  text = ''.join(rng.choice(list(LETTERS), rng.integers(2, 4)))
  return sketches.draw_text(rng, text, rng.choice(fonts))


def scribble(rng: np.random.Generator) -> np.ndarray:
  """Draws a long curve to and fro."""
  points = rng.uniform(-0.1, 1.1, (rng.integers(8, 14), 2))
  return sketches.draw_lines(rng, [sketches.curve(points)])


def cross(rng: np.random.Generator) -> np.ndarray:
  """Draws two or three lines through one point, as in x, + and *."""
  count = rng.choice([2, 2, 3])
  turn = np.pi * np.arange(count) / count + rng.uniform(0, np.pi)
  ends = np.stack([np.cos(turn), np.sin(turn)], -1) / 2
  return sketches.draw_lines(rng, [np.stack([0.5 - e, 0.5 + e]) for e in ends])


def check(rng: np.random.Generator) -> np.ndarray:
  """Draws a check mark."""
  knee = rng.uniform((0.3, 0.8), (0.45, 1.0))
  line = np.array([[0.0, rng.uniform(0.4, 0.55)], knee, [1.0, 0.05]])
  return sketches.draw_lines(rng, [line])


def comma(rng: np.random.Generator) -> np.ndarray:
  """Draws a comma: a round head and a tail that bends and tapers."""
  y, x = np.mgrid[0 : sketches.SIDE, 0 : sketches.SIDE] / sketches.SIDE
  ink = np.zeros_like(x, np.float32)
  head, length = rng.uniform(0.14, 0.25), rng.uniform(0.35, 0.6)
  lean, bend = rng.uniform(-0.1, 0.4), rng.uniform(0.1, 0.8)
  taper, power = rng.uniform(0.6, 0.95), rng.uniform(0.08, 1.0)
  for t in np.linspace(0, 1, 30):
    middle = 0.6 + lean * t - bend * t**2, 0.25 + length * t
    radius = head * (1 - taper * t**power)
    ink = np.maximum(ink, np.hypot(x - middle[0], y - middle[1]) < radius)
  return ink.astype(np.float32)


def dot(rng: np.random.Generator) -> np.ndarray:
  """Draws a filled dot, not quite round, or two above each other."""
  y, x = np.mgrid[-1 : 1 : sketches.SIDE * 1j, -1 : 1 : sketches.SIDE * 1j]
  x, y = x * rng.uniform(1.05, 1.5), y * rng.uniform(1.05, 1.5)
  if rng.random() < 0.7:
    return (np.hypot(x, y) < 1).astype(np.float32)
  apart = rng.uniform(0.5, 0.7)
  return (np.hypot(x, np.abs(y) - apart) < 0.8 - apart / 2).astype(np.float32)


def dash(rng: np.random.Generator) -> np.ndarray:
  """Draws one to three horizontal lines."""
  heights = np.arange(rng.integers(1, 4)) * rng.uniform(0.25, 0.4) + 0.1
  return sketches.draw_lines(
    rng, [np.array([[0.0, height], [1.0, height]]) for height in heights]
  )


def polygon(rng: np.random.Generator) -> np.ndarray:
  """Draws a polygon of 3 to 5 corners, at times with a line through it."""
  count = rng.choice([3, 4, 4, 5])
  if count == 4:
    outline = rectangle(rng)
  else:
    turn = 2 * np.pi * (np.arange(count + 1) / count + rng.uniform())
    outline = 0.5 + 0.5 * np.stack([np.cos(turn), np.sin(turn)], -1)
  lines = [outline]
  if rng.random() < 0.4:
    first, second = rng.choice(count, 2, replace=False)
    ends = [outline[i : i + 2].mean(axis=0) for i in (first, second)]
    lines.append(np.stack(ends))
  return sketches.draw_lines(rng, lines, jitter=0.02)


def outline(rng: np.random.Generator) -> np.ndarray:
  """Draws a closed line with three to five bulges."""
  count = 2 * rng.integers(3, 6)
  radius = np.where(np.arange(count) % 2, rng.uniform(0.15, 0.28), 0.5)
  radius = radius * rng.uniform(0.85, 1.0, count)
  turn = 2 * np.pi * (np.arange(count) + rng.uniform(-0.2, 0.2, count)) / count
  turn += rng.uniform(0, 2 * np.pi)
  points = 0.5 + radius[:, None] * np.stack([np.cos(turn), np.sin(turn)], -1)
  closed = np.concatenate([points, points[:3]])
  return sketches.draw_lines(rng, [sketches.curve(closed)], thickest=0.15)


def doodle(rng: np.random.Generator) -> np.ndarray:
  """Draws three to six lines, corners, bends and circles, anywhere."""
  lines = []
  for _ in range(rng.integers(3, 7)):
    if rng.random() < 0.25:
      radius = rng.uniform(0.08, 0.3)
      x, y = rng.uniform(radius, 1 - radius, 2)
      lines.append(sketches.circle(rng, x, y, radius))
    elif rng.random() < 0.3:
      lines.append(sketches.curve(rng.uniform(0, 1, (5, 2)), 20))
    else:
      lines.append(rng.uniform(0, 1, (rng.integers(2, 4), 2)))
  return sketches.draw_lines(rng, lines, thickest=0.15)


def star(rng: np.random.Generator) -> np.ndarray:
  """Draws a star of five points, in one line."""
  turn = 2 * np.pi * np.array([0, 2, 4, 1, 3, 0]) / 5 - np.pi / 2
  points = 0.5 + 0.5 * np.stack([np.cos(turn), np.sin(turn)], -1)
  line = points + rng.normal(0, 0.03, points.shape)
  return sketches.draw_lines(rng, [line])


def arrow(rng: np.random.Generator) -> np.ndarray:
  """Draws an arrow in any direction but upwards, where it may be a 1."""
  turn = rng.uniform(-0.25, 1.25) * np.pi
  along = np.array([np.cos(turn), np.sin(turn)]) / 2
  across = np.array([-along[1], along[0]]) * rng.uniform(0.5, 0.9)
  tip, neck = 0.5 + along, 0.5 + along * rng.uniform(0.0, 0.4)
  lines = [np.stack([0.5 - along, tip])]
  lines.append(np.stack([neck - across, tip, neck + across]))
  return sketches.draw_lines(rng, lines)


def blotch(rng: np.random.Generator) -> np.ndarray:
  """Draws a stain with a ragged edge and holes."""
  y, x = np.mgrid[-1 : 1 : sketches.SIDE * 1j, -1 : 1 : sketches.SIDE * 1j]
  noise = ndimage.gaussian_filter(
    rng.normal(size=(sketches.SIDE, sketches.SIDE)), rng.uniform(2, 7)
  )
  stain = (
    0.6 - np.hypot(x, y * rng.uniform(0.8, 1.25)) + noise / noise.std() / 3
  )
  return np.clip(stain * 8, 0, 1).astype(np.float32)


def hatching(rng: np.random.Generator) -> np.ndarray:
  """Draws four to six parallel lines, in one direction or to and fro."""
  count = rng.integers(4, 7)
  across = np.linspace(0, 1, count)
  slant = rng.uniform(-0.2, 0.2)
  tops = np.stack([across + slant, np.zeros(count)], -1)
  bottoms = np.stack([across - slant, np.ones(count)], -1)
  if rng.random() < 0.5:
    tops, bottoms = tops[:, ::-1], bottoms[:, ::-1]
  lines = list(np.stack([tops, bottoms], 1))
  if rng.random() < 0.5:
    lines = [np.concatenate(lines)]
  return sketches.draw_lines(rng, lines, thickest=0.13)


def rectangle(rng: np.random.Generator) -> np.ndarray:
  """Returns the corners [5, 2] of a rectangle, neither narrow nor flat."""
  wide, high = rng.uniform(0.75, 1.0, 2)
  return np.array([[0, 0], [wide, 0], [wide, high], [0, high], [0, 0]])
