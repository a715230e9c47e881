"""Ruled lines, squared paper, underlines and shadows; all are [H, W] arrays."""

import numpy as np

Shape = tuple[int, ...]


def lines(shape: Shape, pitch: float, angle: float, width: float) -> np.ndarray:
  """Returns the ink of parallel lines.

  Args:
    shape: of the page.
    pitch: pixels from one line to the next.
    angle: of the lines, in degrees; 0 is horizontal.
    width: of a line, in pixels.
  """
  y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
  turn = np.radians(angle)
  across = y * np.cos(turn) + x * np.sin(turn)
  off = np.abs((across + pitch / 2) % pitch - pitch / 2)
  return np.clip(width / 2 + 0.5 - off, 0, 1)


def squares(shape: Shape, rng: np.random.Generator, pitch: float) -> np.ndarray:
  """Returns the faint ink of squared paper."""
  angle, width = rng.uniform(-2, 2), rng.uniform(1, 2)
  grid = np.maximum(
    lines(shape, pitch, angle, width), lines(shape, pitch, angle + 90, width)
  )
  return rng.uniform(0.12, 0.4) * grid


def ruling(shape: Shape, rng: np.random.Generator, pitch: float) -> np.ndarray:
  """Returns the faint ink of ruled paper."""
  ruled = lines(shape, pitch, rng.uniform(-2, 2), rng.uniform(1, 2))
  return rng.uniform(0.12, 0.5) * ruled


def stroke(
  shape: Shape,
  rng: np.random.Generator,
  ends: tuple[float, float],
  y: float,
  width: float,
) -> np.ndarray:
  """Returns the ink of a nearly horizontal line, drawn by hand or by ruler.

  Args:
    shape: of the page.
    rng: decides on its slope and how it wavers.
    ends: where it begins and ends, in pixels from the left.
    y: its middle, in pixels from the top.
    width: of the line, in pixels.
  """
  rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
  left, right = ends
  middle = (left + right) / 2
  slope = np.tan(np.radians(rng.uniform(-1, 1)))
  waves = rng.integers(2) * rng.uniform(0, 0.6) * width
  phase, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 1) * shape[1]
  wave = waves * np.sin(phase + 2 * np.pi * columns / length)
  off = np.abs(rows - y - slope * (columns - middle) - wave)
  along = np.clip(np.minimum(columns - left, right - columns) + 0.5, 0, 1)
  return rng.uniform(0.6, 1) * along * np.clip(width / 2 + 0.5 - off, 0, 1)


def shadow(shape: Shape, rng: np.random.Generator) -> np.ndarray:
  """Returns the light on a page: fading to one side, and a shadow's edge."""
  y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
  y, x = y / shape[0] - 0.5, x / shape[1] - 0.5
  fading, casting = rng.uniform(0, 2 * np.pi, 2)
  fade = 1 + rng.uniform(0, 0.35) * (x * np.cos(fading) + y * np.sin(fading))
  across = x * np.cos(casting) + y * np.sin(casting) - rng.uniform(-0.3, 0.3)
  edge = 1 / (1 + np.exp(-across / rng.uniform(0.02, 0.15)))
  return fade * (1 - rng.uniform(0.2, 0.5) * edge)
