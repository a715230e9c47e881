"""Non-digits of kinds, and letters of fonts, that training never sees."""

import functools

import numpy as np

from mnist_jax.data import non_digits, shapes, sketches

FONTS = ('cmr10', 'STIXGeneral', 'DejaVuSerif')
SYMBOLS = '?&@#%=~<>{}'


def smiley(rng: np.random.Generator) -> np.ndarray:
  """Draws a circle with two eyes and a mouth."""
  turn = np.linspace(0.15, 0.85, 15) * np.pi
  mouth = 0.5 + 0.25 * np.stack([np.cos(turn), np.sin(turn)], -1)
  eyes = [np.array([[x, 0.38], [x, 0.42]]) for x in (0.35, 0.65)]
  lines = [sketches.circle(rng, radius=0.5), mouth, *eyes]
  return sketches.draw_lines(rng, lines, jitter=0.02, thickest=0.12)


def house(rng: np.random.Generator) -> np.ndarray:
  """Draws a square with a roof, and most often a door."""
  left, right = rng.uniform(0.05, 0.2), rng.uniform(0.8, 0.95)
  eaves = rng.uniform(0.35, 0.5)
  walls = [[left, eaves], [left, 1], [right, 1], [right, eaves], [left, eaves]]
  roof = [[left, eaves], [0.5, 0], [right, eaves]]
  lines = [np.array(walls), np.array(roof)]
  if rng.random() < 0.7:
    lines.append(np.array([[0.45, 1], [0.45, 0.7], [0.6, 0.7], [0.6, 1]]))
  return sketches.draw_lines(rng, lines, thickest=0.13)


def heart(rng: np.random.Generator) -> np.ndarray:
  """Draws the outline of a heart."""
  t = np.linspace(0, 2 * np.pi, 50)
  x = 16 * np.sin(t) ** 3
  y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
  line = np.stack([(x + 16) / 32, (12 - y) / 29], -1)
  return sketches.draw_lines(rng, [line])


def spiral(rng: np.random.Generator) -> np.ndarray:
  """Draws a spiral of two to four turns."""
  turn = np.linspace(0, 2 * np.pi * rng.uniform(2, 4), 90)
  radius = 0.5 * turn / turn[-1]
  turn = turn * rng.choice([-1, 1]) + rng.uniform(0, 2 * np.pi)
  line = 0.5 + radius[:, None] * np.stack([np.cos(turn), np.sin(turn)], -1)
  return sketches.draw_lines(rng, [line], thickest=0.12)


def flower(rng: np.random.Generator) -> np.ndarray:
  """Draws a blossom of five to seven petals on a stem."""
  turn = np.linspace(0, 2 * np.pi, 80)
  radius = 0.22 * (1 + 0.4 * np.cos(rng.integers(5, 8) * turn))
  petals = [0.5, 0.3] + radius[:, None] * np.stack(
    [np.cos(turn), np.sin(turn)], -1
  )
  leaf = np.array([[0.5, 0.8], [0.8, 0.65]])
  lines = [petals, np.array([[0.5, 0.6], [0.5, 1.0]]), leaf]
  return sketches.draw_lines(rng, lines, thickest=0.13)


def symbol(rng: np.random.Generator) -> np.ndarray:
  """Draws a sign such as ? or %."""
  return sketches.draw_text(rng, rng.choice(list(SYMBOLS)), 'DejaVuSans')


def three(
  rng: np.random.Generator, digits: np.ndarray, labels: np.ndarray
) -> np.ndarray:
  """Puts three digits side by side."""
  images = digits[rng.integers(len(digits), size=3)]
  tight = [image[:, image.any(axis=0)] for image in images]
  return np.concatenate(tight, axis=1).astype(np.float32) / 255


KINDS: dict[str, non_digits.Kind] = {
  'letter, other fonts': non_digits.of_shape(
    functools.partial(shapes.letter, fonts=FONTS)
  ),
  'word, other fonts': non_digits.of_shape(
    functools.partial(shapes.word, fonts=FONTS)
  ),
  **{
    shape.__name__: non_digits.of_shape(shape)
    for shape in (smiley, house, heart, spiral, flower, symbol)
  },
  'three': three,
}
