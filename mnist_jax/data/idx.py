"""IDX, the format of MNIST's files, and any four of them as a data set.

The header is two zero bytes, the element type (8: unsigned byte), the number of
dimensions, and each dimension as a big-endian int32 (LeCun's MNIST page).
"""

import gzip
import io
import math
import os
import pathlib
import re
import zlib
from typing import Any

import numpy as np

from mnist_jax import errors
from mnist_jax.data import class_names, decoded

MAX_ELEMENTS = 2**30  # Of one file; EMNIST's largest has 0.5 * 2**30.
CLASS_NAMES = 'classes.txt'  # Beside the four files, a name on each line.
_WANTED = (
  'a data set is four IDX files, gzipped or not, whose names end in '
  'train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte '
  'and t10k-labels-idx1-ubyte'
)
_TURNED = (
  'the images of files that are called emnist-... lie on their sides, and have '
  'been turned upright; rename them if they were upright before'
)
_NAME = re.compile(
  r'(.*[-_.])?(?P<part>train|t10k|test)-(?P<kind>images|labels)'
  r'[-.]idx[13]-ubyte(\.gz)?'
)


def parse(data: bytes) -> np.ndarray:
  """Reads an IDX file of unsigned bytes, gzipped or not.

  No more is unpacked than the header promises, and that is bounded.

  Returns:
    A read-only uint8 array of the shape that the header states.

  Raises:
    ValueError: it is no such file, or has not as many elements as it says.
    OSError, EOFError, zlib.error: it is damaged in the middle.
  """
  file: Any = io.BytesIO(data)
  if data[:2] == b'\x1f\x8b':
    file = gzip.GzipFile(fileobj=file)
  start = file.read(4)
  if start[:3] != b'\0\0\x08' or len(start) < 4 or not 1 <= start[3] <= 3:
    raise ValueError(f'it starts with {start!r}, as no IDX file of bytes does')
  sizes = file.read(4 * start[3])
  if len(sizes) < 4 * start[3]:
    raise ValueError('it ends within its header')
  shape = tuple(np.frombuffer(sizes, '>u4').tolist())
  count = math.prod(shape)
  if count > MAX_ELEMENTS:
    raise ValueError(f'it says that it has {count:,} bytes, which is too many')
  elements = file.read(count + 1)
  if len(elements) != count:
    than = 'more than' if len(elements) > count else f'{len(elements):,}, not'
    raise ValueError(f'it has {than} the {count:,} bytes that it says')
  return np.frombuffer(elements, np.uint8).reshape(shape)


def read_folder(folder: str | pathlib.Path) -> decoded.Named:
  """Reads four IDX files, a training set and a test set of 28x28 images.

  Args:
    folder: with four files as MNIST has them; their names may begin with
      anything, as in letters-train-images-idx3-ubyte.gz, and have test for
      t10k. A file CLASS_NAMES names the classes, a line each; without it they
      are class 0, class 1, ... Where all four begin with emnist-, the images
      are turned upright.

  Raises:
    UserError: a file is missing, twice there, or not such a file; the images
      have another size; or the labels are not 0, 1, ... without a gap.
  """
  folder = pathlib.Path(os.path.expanduser(folder))
  paths = _find(folder)
  arrays = decoded.Arrays(*map(_read, paths))
  for images, labels, *where in zip(
    arrays[::2], arrays[1::2], paths[::2], paths[1::2], strict=True
  ):
    _check_shapes(images, labels, *where)
  num_classes = _count_classes(arrays, paths)
  names = _read_names(folder / CLASS_NAMES, num_classes)
  if all(path.name.startswith('emnist-') for path in paths):
    return decoded.Named(turn_upright(arrays), names, _TURNED)
  return decoded.Named(arrays, names)


def turn_upright(arrays: decoded.Arrays) -> decoded.Arrays:
  """Swaps rows and columns of the images, as EMNIST's files have them."""
  train, test = (
    np.ascontiguousarray(images.transpose(0, 2, 1)) for images in arrays[::2]
  )
  return arrays._replace(train_images=train, test_images=test)


def _find(folder: pathlib.Path) -> list[pathlib.Path]:
  """Returns the four files in the order of `decoded.Arrays`."""
  try:
    names = sorted(os.listdir(folder))
  except (OSError, ValueError) as error:
    reason = getattr(error, 'strerror', None) or 'not a path'
    raise errors.UserError(
      f'the folder {folder} cannot be read ({reason}); point data.manual_dir '
      f'at one with four IDX files: {_WANTED}'
    ) from error
  found: dict[tuple[str, str], list[str]] = {
    (part, kind): []
    for part in ('train', 'test')
    for kind in ('images', 'labels')
  }
  for name in names:
    if match := _NAME.fullmatch(name):
      part = 'train' if match['part'] == 'train' else 'test'
      found[part, match['kind']].append(name)
  for (part, kind), each in found.items():
    if len(each) != 1:
      many = f'{len(each)} files of {part} {kind} ({", ".join(each)})'
      raise errors.UserError(
        f'{folder} has {many if each else f"no file of {part} {kind}"}; '
        f'{_WANTED}'
      )
  return [folder / name for (name,) in found.values()]


def _read(path: pathlib.Path) -> np.ndarray:
  try:
    if path.stat().st_size > MAX_ELEMENTS + 16:
      raise ValueError('it is larger than 1 GB')
    return parse(path.read_bytes())
  except (OSError, EOFError, ValueError, zlib.error) as error:
    raise errors.UserError(f'{path} cannot be read ({error}); {_WANTED}') from (
      error
    )


def _check_shapes(
  images: np.ndarray,
  labels: np.ndarray,
  images_path: pathlib.Path,
  labels_path: pathlib.Path,
) -> None:
  if images.ndim != 3 or images.shape[1:] != (28, 28):
    shape = ' x '.join(map(str, images.shape))
    raise errors.UserError(
      f'{images_path} holds {shape} bytes, and must hold images of 28 x 28; '
      'resize them, or save them as pictures for data.name=folders'
    )
  if not len(images) or labels.shape != images.shape[:1]:
    shape = ' x '.join(map(str, labels.shape))
    raise errors.UserError(
      f'{labels_path} holds {shape} labels for the {len(images):,} images of '
      f'{images_path.name}; there must be one for each, and at least one'
    )


def _count_classes(arrays: decoded.Arrays, paths: list[pathlib.Path]) -> int:
  """Returns the number of classes; both sets have labels from 0 to it."""
  known = np.unique(arrays.train_labels)
  if known[0] or len(known) <= known[-1]:
    raise errors.UserError(
      f'{paths[1]} has {len(known)} different labels from {known[0]} to '
      f'{known[-1]}; they must be 0, 1, 2, ... without a gap'
    )
  if (largest := arrays.test_labels.max()) > known[-1]:
    raise errors.UserError(
      f'{paths[3]} has a label {largest}, and the training set has none above '
      f'{known[-1]}'
    )
  return len(known)


def _read_names(path: pathlib.Path, num_classes: int) -> tuple[str, ...]:
  names = class_names.numbered(num_classes)
  if path.exists():
    try:
      text = path.read_bytes()[: 2**16].decode('utf-8-sig')
    except (OSError, UnicodeError) as error:
      raise errors.UserError(
        f'{path} cannot be read ({error}); write a name on each line, in UTF-8'
      ) from error
    names = tuple(line.strip() for line in text.splitlines() if line.strip())
  fault = class_names.find_fault(names)
  if not fault and len(names) != num_classes:
    fault = f'{len(names)} names for {num_classes} classes'
  if fault:
    where = path if path.exists() else path.parent
    raise errors.UserError(
      f'{where} has {fault}; write one name on each line of {CLASS_NAMES}, in '
      'the order of the labels'
    )
  return names
