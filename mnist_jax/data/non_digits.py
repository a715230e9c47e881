"""Drawings that are no digits, for a network to learn to be unsure of.

Hendrycks, Mazeika and Dietterich, Deep Anomaly Detection with Outlier Exposure,
ICLR 2019: what a network has seen of non-digits makes it unsure of others too.

A vertical bar is a 1 in somebody's hand, an ellipse is a 0, and some letters
are digits (O, l, S, Z, b, g): none of them is drawn here.
"""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from mnist_jax.data import mnist_format, sketches

# (rng, images of digits [N, 28, 28] uint8, their labels [N]) -> ink [h, w].
Kind = Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]

FONTS = tuple(
  f'DejaVuSans{mono}{style}'
  for mono in ('', 'Mono')
  for style in ('', '-Bold', '-Oblique', '-BoldOblique')
)
LETTERS = 'ACEFHJKLMNPRTUVWXYacdefhjkmnprtuvwx'
# Of each digit, the halves that cannot be read as any digit: the upper half of
# a 9 can, as 0, and so can the lower half, as 1.
HALVES = (
  *((0, 'upper'), (0, 'lower'), (2, 'left'), (2, 'right'), (3, 'left')),
  *((4, 'upper'), (5, 'right'), (7, 'left')),
)


def frame_as_mnist(ink: np.ndarray) -> np.ndarray:
  """Frames ink [h, w] as the photo pipeline does, but for its stroke width.

  Most strokes here are as wide as MNIST's anyway, and the pipeline would take
  three times as long to see to it.
  """
  return mnist_format.whiten(mnist_format.frame_digit(ink))


def draw(
  count: int,
  digits: np.ndarray,
  labels: np.ndarray,
  *,
  seed: int,
  kinds: Sequence[Kind] | None = None,
  frame: Callable[[np.ndarray], np.ndarray] = frame_as_mnist,
) -> np.ndarray:
  """Draws non-digits of all kinds by turns.

  Args:
    count: how many to draw; may be 0.
    digits: uint8 [N, 28, 28], some real digits to cut up and to combine.
    labels: [N] integers in 0..9; all ten digits occur.
    seed: the same seed gives the same pixels.
    kinds: what to draw by turns; None for TURNS.
    frame: turns ink [h, w] into uint8 [28, 28].

  Returns:
    uint8 [count, 28, 28], 0 is background and 255 is ink.
  """
  turns = kinds or TURNS
  images = np.zeros((count, 28, 28), np.uint8)
  for i in range(count):
    rng = np.random.default_rng((seed, i))
    ink = turns[i % len(turns)](rng, digits, labels)
    images[i] = frame(sketches.distort(rng, ink))
  return images


def letter(rng, digits, labels, fonts=FONTS) -> np.ndarray:
  """Draws a letter that does not look like a digit."""
  text = rng.choice(list(LETTERS))
  return sketches.draw_text(rng, text, rng.choice(fonts))


def word(rng, digits, labels, fonts=FONTS) -> np.ndarray:
  """Draws two or three letters."""
  text = ''.join(rng.choice(list(LETTERS), rng.integers(2, 4)))
  return sketches.draw_text(rng, text, rng.choice(fonts))


def scribble(rng, digits, labels) -> np.ndarray:
  """Draws a long curve to and fro."""
  points = rng.uniform(-0.1, 1.1, (rng.integers(8, 14), 2))
  return sketches.draw_lines(rng, [sketches.curve(points)])


def encircled(rng, digits, labels) -> np.ndarray:
  """Draws a circle or a box around a digit."""
  if rng.random() < 0.75:
    outline = sketches.circle(rng, aspect=np.exp(rng.normal(0, 0.15)))
  else:
    outline = _rectangle(rng)
  ring = sketches.draw_lines(rng, [outline])
  side = round(sketches.SIDE * rng.uniform(0.45, 0.75))
  inside = _enlarge(digits[rng.integers(len(digits))], side / 28)
  start = (sketches.SIDE - side) // 2
  part = ring[start : start + side, start : start + side]
  np.maximum(part, inside, out=part)
  return ring


def cross(rng, digits, labels) -> np.ndarray:
  """Draws two or three lines through one point, as in x, + and *."""
  count = rng.choice([2, 2, 3])
  turn = np.pi * np.arange(count) / count + rng.uniform(0, np.pi)
  ends = np.stack([np.cos(turn), np.sin(turn)], -1) / 2
  return sketches.draw_lines(rng, [np.stack([0.5 - e, 0.5 + e]) for e in ends])


def check(rng, digits, labels) -> np.ndarray:
  """Draws a check mark."""
  knee = rng.uniform((0.3, 0.8), (0.45, 1.0))
  line = np.array([[0.0, rng.uniform(0.4, 0.55)], knee, [1.0, 0.05]])
  return sketches.draw_lines(rng, [line])


def comma(rng, digits, labels) -> np.ndarray:
  """Draws a comma: a round head and a tail that tapers."""
  y, x = np.mgrid[0 : sketches.SIDE, 0 : sketches.SIDE] / sketches.SIDE
  ink = np.zeros_like(x, np.float32)
  head, length = rng.uniform(0.18, 0.25), rng.uniform(0.4, 0.6)
  for t in np.linspace(0, 1, 20):
    middle = 0.6 - 0.3 * t**2, 0.25 + length * t
    radius = head * (1 - 0.75 * t)
    ink = np.maximum(ink, np.hypot(x - middle[0], y - middle[1]) < radius)
  return ink.astype(np.float32)


def dot(rng, digits, labels) -> np.ndarray:
  """Draws a filled dot, not quite round, or two above each other."""
  y, x = np.mgrid[-1 : 1 : sketches.SIDE * 1j, -1 : 1 : sketches.SIDE * 1j]
  x, y = x * rng.uniform(1.05, 1.5), y * rng.uniform(1.05, 1.5)
  if rng.random() < 0.7:
    return (np.hypot(x, y) < 1).astype(np.float32)
  apart = rng.uniform(0.5, 0.7)
  return (np.hypot(x, np.abs(y) - apart) < 0.8 - apart / 2).astype(np.float32)


def dash(rng, digits, labels) -> np.ndarray:
  """Draws one to three horizontal lines."""
  heights = np.arange(rng.integers(1, 4)) * rng.uniform(0.25, 0.4) + 0.1
  return sketches.draw_lines(
    rng, [np.array([[0.0, height], [1.0, height]]) for height in heights]
  )


def polygon(rng, digits, labels) -> np.ndarray:
  """Draws a polygon of 3 to 5 corners, at times with a line through it."""
  count = rng.choice([3, 4, 4, 5])
  if count == 4:
    outline = _rectangle(rng)
  else:
    turn = 2 * np.pi * (np.arange(count + 1) / count + rng.uniform())
    outline = 0.5 + 0.5 * np.stack([np.cos(turn), np.sin(turn)], -1)
  lines = [outline]
  if rng.random() < 0.4:
    first, second = rng.choice(count, 2, replace=False)
    ends = [outline[i : i + 2].mean(axis=0) for i in (first, second)]
    lines.append(np.stack(ends))
  return sketches.draw_lines(rng, lines, jitter=0.02)


def outline(rng, digits, labels) -> np.ndarray:
  """Draws a closed line with three to five bulges."""
  count = 2 * rng.integers(3, 6)
  radius = np.where(np.arange(count) % 2, rng.uniform(0.15, 0.28), 0.5)
  radius = radius * rng.uniform(0.85, 1.0, count)
  turn = 2 * np.pi * (np.arange(count) + rng.uniform(-0.2, 0.2, count)) / count
  turn += rng.uniform(0, 2 * np.pi)
  points = 0.5 + radius[:, None] * np.stack([np.cos(turn), np.sin(turn)], -1)
  closed = np.concatenate([points, points[:3]])
  return sketches.draw_lines(rng, [sketches.curve(closed)], thickest=0.15)


def doodle(rng, digits, labels) -> np.ndarray:
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


def star(rng, digits, labels) -> np.ndarray:
  """Draws a star of five points, in one line."""
  turn = 2 * np.pi * np.array([0, 2, 4, 1, 3, 0]) / 5 - np.pi / 2
  points = 0.5 + 0.5 * np.stack([np.cos(turn), np.sin(turn)], -1)
  line = points + rng.normal(0, 0.03, points.shape)
  return sketches.draw_lines(rng, [line])


def arrow(rng, digits, labels) -> np.ndarray:
  """Draws an arrow in any direction but upwards, where it may be a 1."""
  turn = rng.uniform(-0.25, 1.25) * np.pi
  along = np.array([np.cos(turn), np.sin(turn)]) / 2
  across = np.array([-along[1], along[0]]) * rng.uniform(0.5, 0.9)
  tip, neck = 0.5 + along, 0.5 + along * rng.uniform(0.0, 0.4)
  lines = [np.stack([0.5 - along, tip])]
  lines.append(np.stack([neck - across, tip, neck + across]))
  return sketches.draw_lines(rng, lines)


def part(rng, digits, labels) -> np.ndarray:
  """Cuts a digit in half, and keeps a half that cannot be read."""
  label, half = HALVES[rng.integers(len(HALVES))]
  image = digits[rng.choice(np.flatnonzero(labels == label))]
  rows = np.flatnonzero(image.any(axis=1))
  columns = np.flatnonzero(image.any(axis=0))
  image = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
  kept = rng.uniform(0.3, 0.42)
  height, width = np.ceil(kept * np.array(image.shape)).astype(int)
  halves = {
    'upper': image[:height],
    'lower': image[-height:],
    'left': image[:, :width],
    'right': image[:, -width:],
  }
  return _enlarge(halves[half], 2.0)


def pair(rng, digits, labels) -> np.ndarray:
  """Puts two digits side by side; most of them touch."""
  first, second = (
    image[:, image.any(axis=0)]
    for image in digits[rng.integers(len(digits), size=2)]
  )
  overlap = rng.integers(-2, 5)
  width = first.shape[1] + second.shape[1] - overlap
  both = np.zeros((34, width), np.uint8)
  places = rng.integers(0, 7, 2)
  for image, top, left in (
    (first, places[0], 0),
    (second, places[1], width - second.shape[1]),
  ):
    place = both[top : top + 28, left : left + image.shape[1]]
    np.maximum(place, image, out=place)
  return _enlarge(both, 2.0)


def blotch(rng, digits, labels) -> np.ndarray:
  """Draws a stain."""
  return sketches.blotch(rng)


def hatching(rng, digits, labels) -> np.ndarray:
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


KINDS: dict[str, Kind] = {
  kind.__name__: kind
  for kind in (
    *(letter, word, scribble, encircled, cross, check, comma, dot),
    *(dash, polygon, outline, doodle, star, arrow, part, pair),
    *(blotch, hatching),
  )
}
# Those that are hardest to tell from digits come more often.
TURNS = (
  *KINDS.values(),
  *(letter, letter, encircled, polygon, outline, doodle, arrow, pair),
)


def _rectangle(rng: np.random.Generator) -> np.ndarray:
  """Returns the corners [5, 2] of a rectangle, neither narrow nor flat."""
  wide, high = rng.uniform(0.75, 1.0, 2)
  return np.array([[0, 0], [wide, 0], [wide, high], [0, high], [0, 0]])


def _enlarge(image: np.ndarray, scale: float) -> np.ndarray:
  """Resizes uint8 [h, w]; returns ink."""
  height, width = (max(1, round(scale * side)) for side in image.shape)
  resized = Image.fromarray(image).resize(
    (width, height), Image.Resampling.BICUBIC
  )
  return np.asarray(resized, np.float32) / 255
