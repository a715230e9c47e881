"""A photo, scan or drawing -> the digits in it, as MNIST stores its own.

"99 % on MNIST, wrong on my own digit" is nearly always a matter of how the
digit is cut out. The stages are pure functions of arrays:

  decode        bytes of many formats -> an upright grey picture
  paper         removes the table around a sheet
  ink           grey -> how much ink lies on each pixel, whatever the light
  shadow_edges  removes the edges of shadows and sheets
  line_removal  removes printed frames, ruled and squared paper
  segmentation  ink -> the pixels of each digit, in reading order
  normalize     one digit's ink -> [28, 28], framed as MNIST frames it
"""

import dataclasses
import pathlib

import numpy as np

from mnist_jax.photos import deadline as deadline_lib
from mnist_jax.photos import decode, ink, line_removal, normalize, segmentation

NO_DIGIT = 'no digit found'


@dataclasses.dataclass(frozen=True)
class Digit:
  """One digit of a picture."""

  image: np.ndarray  # [28, 28] uint8, bright on black, as MNIST stores it.
  box: segmentation.Box  # In pixels of the upright original.
  touching: bool = False  # Whether it was cut from a neighbour it touches.


@dataclasses.dataclass(frozen=True)
class Picture:
  """What was found in one file."""

  pixels: np.ndarray  # [H, W] uint8 grey, upright, at most 1,600 on a side.
  size: tuple[int, int]  # Width and height of the upright original.
  digits: tuple[Digit, ...]  # Rows from top to bottom, each left to right.
  note: str  # '', or why there are no digits.


def read_picture(source: bytes | str | pathlib.Path) -> Picture:
  """Finds the digits in an image file.

  The polarity, the light, and the size, place and stroke width of a digit do
  not matter. Time and memory are bounded for any file. Nothing is kept between
  calls, so threads may share this function.

  Args:
    source: the file's content, or its path.

  Returns:
    A Picture; an empty page gives no digits and a note, not a guess.

  Raises:
    errors.UserError: when it cannot be read as an image, is over the limits in
      decode.py, or takes too long.
  """
  deadline = deadline_lib.Deadline()
  pixels, size = decode.read(source)
  deadline.check('decoding')
  framed = normalize.already_framed(pixels)
  if framed is not None:
    return Picture(pixels, size, (Digit(framed, _ink_box(framed, size)),), '')
  strength, noise = ink.measure(pixels)
  deadline.check('finding the ink')
  strength = line_removal.remove_ruled_lines(strength, noise)
  deadline.check('removing ruled lines')
  digits = []
  for found in segmentation.find_digits(strength, noise):
    deadline.check('framing the digits')
    image = normalize.frame(found.ink)
    digits.append(Digit(image, _scale_box(found.box, strength.shape, size)))
  return Picture(pixels, size, tuple(digits), '' if digits else NO_DIGIT)


def _ink_box(image: np.ndarray, size: tuple[int, int]) -> segmentation.Box:
  """Returns the box of all ink, in pixels of the original."""
  rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
  box = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
  return _scale_box(box, image.shape, size)


def _scale_box(
  box: segmentation.Box, shape: tuple[int, ...], size: tuple[int, int]
) -> segmentation.Box:
  """Scales a box from an array of that shape to pixels of the original."""
  across, down = size[0] / shape[1], size[1] / shape[0]
  x0, y0, x1, y1 = box
  left, top = int(x0 * across), int(y0 * down)
  right = min(size[0], max(left + 1, round(x1 * across)))
  return left, top, right, min(size[1], max(top + 1, round(y1 * down)))
