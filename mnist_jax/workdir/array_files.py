"""Reads the .npz files that runs write; nothing in a file is trusted.

A few hundred bytes can promise terabytes. So the sizes in the directory of the
file and in the header of each array are checked before any memory is taken.
"""

import math
import pathlib
import zipfile
from collections.abc import Mapping

import numpy as np
from numpy.lib import format as npy_format

from mnist_jax import errors

# Per file and per array. A run on MNIST has 1 MB in all; the logits of 116,323
# test images of 62 classes, the most that a known data set has, have 29 MB.
MAX_BYTES = 2**27


def read_arrays(
  path: pathlib.Path, schema: Mapping[str, tuple], *, way_out: str
) -> dict[str, np.ndarray]:
  """Reads arrays of an .npz file.

  Args:
    path: of the file.
    schema: by the name of the array its dtype and its axes. An axis is a
      number, or a letter for one that must be at least 1, and the same wherever
      the letter stands: {'logits': ('float32', 'N', 10)}.
    way_out: what the user can do about a bad file, for the error.

  Returns:
    The arrays, read-only; {} where there is no such file, or none of them.

  Raises:
    errors.UserError: when some of the arrays are missing, or do not fit the
      schema; when the file is damaged, encrypted, or larger than MAX_BYTES.
  """
  try:
    if not path.exists():
      return {}
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
      raise ValueError(f'not a file of at most {MAX_BYTES // 2**20} MB')
    with zipfile.ZipFile(path) as archive:
      found = {info.filename: info for info in archive.infolist()}
      missing = [name for name in schema if f'{name}.npy' not in found]
      if len(missing) == len(schema):
        return {}
      if missing:
        raise ValueError(f'it has no {missing[0]}')
      arrays = {
        name: _read_array(archive, found[f'{name}.npy']) for name in schema
      }
      _check(arrays, schema)
  except Exception as error:  # Whatever a damaged file makes zipfile raise.
    reason = ' '.join(str(error).split())[:120]
    raise errors.UserError(
      f'{path} cannot be read ({reason}); {way_out}'
    ) from error
  return arrays


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo):
  # Other methods of compression may ask for gigabytes of working memory.
  if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
    raise ValueError(f'{member.filename} is compressed in another way')
  if member.file_size > MAX_BYTES:
    raise ValueError(f'{member.filename} is above {MAX_BYTES // 2**20} MB')
  with archive.open(member) as file:
    if npy_format.read_magic(file) != (1, 0):
      raise ValueError(f'{member.filename} is of another version of .npy')
    shape, by_column, dtype = npy_format.read_array_header_1_0(file)
    if dtype.hasobject:
      raise ValueError(f'{member.filename} holds Python objects')
    if math.prod(shape) * dtype.itemsize != member.file_size - file.tell():
      raise ValueError(f'{member.filename} is not as large as its header says')
    array = np.frombuffer(file.read(), dtype)
  return array.reshape(shape, order='F' if by_column else 'C')


def _check(arrays: Mapping[str, np.ndarray], schema: Mapping[str, tuple]):
  sizes: dict[str, int] = {}
  for name, (dtype, *axes) in schema.items():
    array = arrays[name]
    fits = str(array.dtype) == dtype and array.ndim == len(axes)
    for axis, size in zip(axes, array.shape, strict=False):
      wanted = axis if isinstance(axis, int) else sizes.setdefault(axis, size)
      fits = fits and size == wanted >= 1
    if not fits:
      shape = ', '.join(str(sizes.get(axis) or axis) for axis in axes)
      raise ValueError(
        f'{name} is {array.dtype} {list(array.shape)}, and must be {dtype} '
        f'[{shape}]'
      )
