"""A photo, scan or drawing -> the digits in it, as MNIST stores its own.

"99 % on MNIST, wrong on my own digit" is nearly always a matter of how the
digit is cut out. The stages are pure functions of arrays:

  decode        bytes of many formats -> an upright grey picture
  crop          grey -> ink, for a picture cut out close to its digits
  paper         removes the table around a sheet
  ink           grey -> how much ink lies on each pixel, whatever the light
  shadow_edges  removes the edges of shadows and sheets
  line_removal  removes printed frames, ruled and squared paper
  segmentation  ink -> the pixels of each digit, in reading order
  layout        parts of digits -> whole digits in rows, tilted ones too
  touching      cuts ink that may be several digits into pieces
  normalize     one digit's ink -> [28, 28], framed as MNIST frames it
"""

import dataclasses
import functools
import pathlib

import numpy as np

from mnist_jax.photos import (
  crop,
  decode,
  ink,
  line_removal,
  normalize,
  segmentation,
  touching,
)
from mnist_jax.photos import deadline as deadline_lib

_FAINT = 0.15  # Of the strongest ink: a stroke in a crop, which has no shadow.
NO_DIGIT = 'no digit found'
TOO_MANY = (
  f'more than {segmentation.MAX_DIGITS} digits; cut the picture into parts'
)


@dataclasses.dataclass(frozen=True)
class Digit:
  """One digit of a picture."""

  image: np.ndarray  # [28, 28] uint8, bright on black, as MNIST stores it.
  box: segmentation.Box  # In pixels of the upright original.
  ink: np.ndarray  # [h, w] float32 in [0, 1], what was framed.
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
    digit = Digit(framed, _ink_box(framed, size), framed / np.float32(255))
    return Picture(pixels, size, (digit,), '')
  found, shape, margin = _find(pixels, deadline)
  if len(found) > segmentation.MAX_DIGITS:
    return Picture(pixels, size, (), TOO_MANY)
  digits = []
  for each in found:
    deadline.check('framing the digits')
    image = normalize.frame(each.ink)
    x0, y0, x1, y1 = each.box
    box = x0 - margin, y0 - margin, x1 - margin, y1 - margin
    digits.append(Digit(image, _scale_box(box, shape, size), each.ink))
  return Picture(pixels, size, tuple(digits), '' if digits else NO_DIGIT)


def _find(
  pixels: np.ndarray, deadline: deadline_lib.Deadline
) -> tuple[list[segmentation.DigitInk], tuple[int, ...], int]:
  """Finds the digits in a crop or in a whole scene.

  Returns:
    The digits, the shape of the ink without added paper, and how much paper
    was added on each side.
  """
  check = functools.partial(deadline.check, 'finding the digits')
  cropped = crop.measure(pixels)
  if cropped is not None:
    found = segmentation.find_digits(
      cropped.ink, cropped.noise, _FAINT, check=check
    )
    height, width = cropped.ink.shape
    shape = height - 2 * cropped.margin, width - 2 * cropped.margin
    return found, shape, cropped.margin
  strength, noise = ink.measure(pixels)
  deadline.check('finding the ink')
  rest = line_removal.remove_ruled_lines(strength, noise)
  deadline.check('removing ruled lines')
  is_ruled = not np.array_equal(rest, strength)
  found = segmentation.find_digits(rest, noise, is_ruled=is_ruled, check=check)
  return found, rest.shape, 0


def cut(
  digit: Digit, most: float = touching.MOST_INK
) -> list[tuple[touching.Piece, Digit]]:
  """Cuts what may be several touching digits; see `touching.cut`.

  Returns:
    Each piece, and the same as a digit of the picture.
  """
  x0, y0, x1, y1 = digit.box
  across = (x1 - x0) / digit.ink.shape[1]
  down = (y1 - y0) / digit.ink.shape[0]
  found = []
  for piece in touching.cut(digit.ink, most):
    left, top, right, bottom = piece.box
    box = (
      *(x0 + int(left * across), y0 + int(top * down)),
      *(x0 + round(right * across), y0 + round(bottom * down)),
    )
    image = normalize.frame(piece.ink)
    found.append((piece, Digit(image, box, piece.ink, touching=True)))
  return found


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
  left, top = max(0, int(x0 * across)), max(0, int(y0 * down))
  right = min(size[0], max(left + 1, round(x1 * across)))
  return left, top, right, min(size[1], max(top + 1, round(y1 * down)))
