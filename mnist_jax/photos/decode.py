"""Decodes image files of many formats into upright grey pixels.

Before anything is decoded, these are checked: the number of bytes, the format
(by the content, never by the name), and the number of pixels in the header.
"""

import contextlib
import ctypes
import io
import logging
import math
import os
import pathlib
import re
import stat
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image

from mnist_jax import errors

MAX_BYTES = 20_000_000
MAX_PIXELS = 50_000_000
# libwebp and Pillow hold four copies of a picture, 16 bytes for each pixel.
MAX_WEBP_PIXELS = 25_000_000
MAX_SIDE = 1_600
STRIP_PIXELS = 2**20  # Converted and shrunk at a time.
# Pixels times passes of a progressive JPEG; cameras write about ten passes.
MAX_PIXELS_IN_PASSES = 1_000_000_000
# Formats of photos, scans and drawings. Others that Pillow knows start programs
# (EPS), or are rare and little tested.
FORMATS = ('PNG', 'JPEG', 'GIF', 'BMP', 'WEBP', 'TIFF', 'PPM')
_JPEG = ('JPEG', 'MPO')  # MPO: a JPEG file with further pictures behind it.

_CUBIC = Image.Resampling.BICUBIC
# Why a file is damaged is in our own error. Pillow's log is still there for a
# program that asks for it; libtiff would write to stderr from C.
logging.getLogger('PIL').addHandler(logging.NullHandler())
with contextlib.suppress(AttributeError):  # Where it is linked into Pillow.
  ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler(None)
# Of `warnings.filters`: Pillow's, about odd palettes and tags.
_IGNORED = ('ignore', None, Warning, re.compile(r'PIL\.'), 0)

_ORIENTATION = 0x0112  # An EXIF tag; its values are the keys below.
_TURNS = {
  2: Image.Transpose.FLIP_LEFT_RIGHT,
  3: Image.Transpose.ROTATE_180,
  4: Image.Transpose.FLIP_TOP_BOTTOM,
  5: Image.Transpose.TRANSPOSE,
  6: Image.Transpose.ROTATE_270,
  7: Image.Transpose.TRANSVERSE,
  8: Image.Transpose.ROTATE_90,
}


def read(
  source: bytes | str | pathlib.Path,
) -> tuple[np.ndarray, tuple[int, int]]:
  """Reads an image file.

  Args:
    source: the file's content, or its path.

  Returns:
    [H, W] uint8 grey pixels, upright and at most MAX_SIDE on a side, and the
    width and height of the upright original.

  Raises:
    errors.UserError: when it is not an image, is damaged, or is over a limit.
  """
  if isinstance(source, bytes):
    name, content = 'the picture', source
  else:
    name, content = str(source), _read_file(pathlib.Path(source))
  _ignore_warnings()
  image = _open(name, content)
  _check_size(name, image, content)
  width, height = image.size
  try:
    grey = _to_grey(image)
    turn = _orientation(image)
  except Exception as error:  # A damaged file can cause any exception.
    raise _damaged(name, error) from error
  if image.format == 'TIFF':
    width, height = image.size  # Pillow has turned it while it loaded.
  elif turn in _TURNS:
    grey = grey.transpose(_TURNS[turn])
    if turn >= 5:
      width, height = height, width
  return np.asarray(grey), (width, height)


def _ignore_warnings() -> None:
  """Ignores Pillow's warnings from now on, in all threads.

  `warnings.catch_warnings` is not for threads: of two that overlap, one may
  restore what the other has set, for good.
  """
  if list(warnings.filters[:1]) != [_IGNORED]:
    warnings.filterwarnings('ignore', module=r'PIL\.')


def _read_file(path: pathlib.Path) -> bytes:
  try:
    with open(path, 'rb', opener=_open_at_once) as file:
      if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise errors.UserError(
          f'{path} is a pipe or a device; give the path of an image file'
        )
      return file.read(MAX_BYTES + 1)
  except (OSError, ValueError) as error:
    reason = getattr(error, 'strerror', None) or 'not a path'
    raise errors.UserError(
      f'cannot read {path}: {reason}; give the path of an image file'
    ) from error


def _open_at_once(path: str, flags: int) -> int:
  """Opens a file without waiting, as for a named pipe, which has no content."""
  return os.open(path, flags | getattr(os, 'O_NONBLOCK', 0))


def _open(name: str, content: bytes) -> Image.Image:
  if not content:
    raise errors.UserError(f'{name} is empty; an image file was expected')
  if len(content) > MAX_BYTES:
    raise errors.UserError(
      f'{name} is larger than {MAX_BYTES // 10**6} MB; make it smaller first'
    )
  try:
    return Image.open(io.BytesIO(content), formats=FORMATS)
  except Image.DecompressionBombError as error:  # Over Pillow's own limit.
    raise _too_large(name) from error
  except Exception as error:
    if content[4:8] == b'ftyp':
      raise errors.UserError(
        f'{name} is a HEIC or AVIF picture, which cannot be read here; save '
        'it as JPEG or PNG'
      ) from error
    raise errors.UserError(
      f'{name} is not an image that can be read; give a '
      f'{", ".join(FORMATS[:-1])} or {FORMATS[-1]} file'
    ) from error


def _check_size(name: str, image: Image.Image, content: bytes) -> None:
  width, height = image.size
  if width < 1 or height < 1:
    raise errors.UserError(f'{name} has no pixels; give another picture')
  if width * height > MAX_PIXELS:
    raise _too_large(name, f' ({width:,} x {height:,})')
  if image.format == 'WEBP' and width * height > MAX_WEBP_PIXELS:
    raise errors.UserError(
      f'{name} is a WebP picture of more than {MAX_WEBP_PIXELS // 10**6} '
      f'million pixels ({width:,} x {height:,}); save it as JPEG or PNG'
    )
  if image.format in _JPEG:
    passes = content.count(b'\xff\xda')
    if passes * width * height > MAX_PIXELS_IN_PASSES and passes > 20:
      raise errors.UserError(
        f'{name} is a JPEG of {passes} passes; save it again as PNG'
      )


def _too_large(name: str, size: str = '') -> errors.UserError:
  return errors.UserError(
    f'{name} has more than {MAX_PIXELS // 10**6} million pixels{size}; make '
    'it smaller first'
  )


def _damaged(name: str, error: Exception) -> errors.UserError:
  reason = errors.first_line(error)[:80]
  return errors.UserError(
    f'{name} is damaged ({reason}); save it again as PNG or JPEG'
  )


def _orientation(image: Image.Image) -> int:
  """Returns how the camera was held, 1 to 8; 1 is upright."""
  try:
    return image.getexif().get(_ORIENTATION, 1)
  except Exception:  # Damaged EXIF data is no reason to refuse the picture.
    return 1


def _to_grey(image: Image.Image) -> Image.Image:
  """Returns the first frame in mode 'L', at most MAX_SIDE on a side."""
  if image.format in _JPEG:
    # The decoder can shrink by 2, 4 or 8 itself, which is much faster.
    image.draft(None, (MAX_SIDE, MAX_SIDE))
  image.load()
  if image.mode.startswith('I') or image.mode == 'F':
    return _shrink(_from_numbers(image), 'L')
  has_alpha = 'A' in image.mode.upper() and image.mode != 'LAB'
  if has_alpha or 'transparency' in image.info:
    return _on_background(_shrink(image, 'RGBA'))
  return _shrink(image, 'L' if image.mode == 'L' else 'RGB').convert('L')


def _strips(
  image: Image.Image, step: int = 1
) -> Iterator[tuple[int, Image.Image]]:
  """Yields strips, each with its first row; their rows divide by `step`.

  What is done by strips needs memory for one strip, not for another picture.
  """
  width, height = image.size
  rows = max(1, STRIP_PIXELS // (width * step)) * step
  for top in range(0, height, rows):
    yield top, image.crop((0, top, width, min(top + rows, height)))


def _shrink(image: Image.Image, mode: str) -> Image.Image:
  """Converts to `mode`, and shrinks to at most MAX_SIDE on a side.

  Up to rounding this is `image.convert(mode).resize(..., reducing_gap=2.0)`:
  averages over blocks of pixels, then a cubic filter, along the rows first.
  """
  width, height = image.size
  scale = MAX_SIDE / max(width, height)
  if scale >= 1:
    return image.convert(mode)
  size = max(1, round(width * scale)), max(1, round(height * scale))
  block = max(1, width // (2 * size[0])), max(1, height // (2 * size[1]))
  # In RGBa the colour of a transparent pixel has no weight.
  blended = mode.replace('A', 'a')
  narrow = Image.new(blended, (size[0], math.ceil(height / block[1])))
  for top, strip in _strips(image, block[1]):
    strip = strip.convert(mode).convert(blended).reduce(block)
    row_box = 0, 0, width / block[0], strip.height
    strip = strip.resize((size[0], strip.height), _CUBIC, row_box)
    narrow.paste(strip, (0, top // block[1]))
  box = 0, 0, size[0], height / block[1]
  return narrow.resize(size, _CUBIC, box).convert(mode)


def _from_numbers(image: Image.Image) -> Image.Image:
  """Scales the whole range of 16-bit, 32-bit or float pixels to mode 'L'."""
  low = high = 0.0
  for _, strip in _strips(image):
    values = _finite(strip)
    low, high = min(low, values.min()), max(high, values.max())
  grey = Image.new('L', image.size)
  for top, strip in _strips(image):
    values = np.round((_finite(strip) - low) * (255 / max(high - low, 1e-9)))
    grey.paste(Image.fromarray(values.astype(np.uint8)), (0, top))
  return grey


def _finite(strip: Image.Image) -> np.ndarray:
  """Returns the pixels [H, W] as float64, 0 for what is no number."""
  with np.errstate(invalid='ignore'):  # NumPy warns of a signalling NaN.
    values = np.asarray(strip, np.float64)
  return np.nan_to_num(values, copy=False, posinf=0.0, neginf=0.0)


def _on_background(image: Image.Image) -> Image.Image:
  """Puts a transparent picture on a background with contrast to its ink.

  A drawing may be only black ink, or only white ink, on transparent pixels.
  """
  grey, alpha = np.asarray(image.convert('L')), np.asarray(image.getchannel(3))
  visible = alpha > 127
  if visible.mean() > 0.5:
    background = np.median(grey[visible])
  elif alpha.sum() and np.average(grey, weights=alpha) > 127:
    background = 0
  else:
    background = 255
  share = alpha / 255
  return Image.fromarray(
    np.round(grey * share + background * (1 - share)).astype(np.uint8)
  )
