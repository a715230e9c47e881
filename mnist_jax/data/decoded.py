"""A decoded copy of a data set on disk: four arrays that are mapped in.

TFDS stores one PNG per image. These take seconds to decode; the arrays load in
milliseconds.
"""

import hashlib
import json
import os
import pathlib
import uuid
from typing import NamedTuple

import numpy as np


class Arrays(NamedTuple):
  """A data set in its official order.

  Attributes:
    train_images: uint8 [num_train, 28, 28], 0 is background and 255 is ink.
    train_labels: uint8 [num_train], below the number of classes.
    test_images: uint8 [num_test, 28, 28].
    test_labels: uint8 [num_test].
  """

  train_images: np.ndarray
  train_labels: np.ndarray
  test_images: np.ndarray
  test_labels: np.ndarray


class Named(NamedTuple):
  """A data set whose files say what its classes are.

  Attributes:
    arrays: the images and labels.
    class_names: in the order of the labels; `class_names.DIGITS` are digits.
    notice: what the user should know about these files, in one sentence.
  """

  arrays: Arrays
  class_names: tuple[str, ...]
  notice: str = ''


# Of MNIST's four arrays, in the order of `Arrays`.
MNIST_FINGERPRINTS = (
  '157fe16da1dbced4a1376f4be5df2d665d51d11177dcaf7aa4848b1ff033343f',
  'e6a049a9876d2010dddfc2322bb8cad03f5934de9a0b5012c7251eca5b5a7201',
  'fbf9701b11f5659e6366884b0bbf01ea129fb049e3239251eddb226ada72239e',
  '6a90c4ebf8538b9b76438e5dddb0f5afc42d636e8e259d894485f9314cdad47d',
)


_RECORD = 'fingerprints.json'


def fingerprint(array: np.ndarray) -> str:
  """Returns the sha256 of an array's dtype, shape and elements, in hex."""
  digest = hashlib.sha256(f'{array.dtype.str}{array.shape}'.encode())
  digest.update(np.ascontiguousarray(array).data)
  return digest.hexdigest()


def is_mnist(arrays: Arrays) -> bool:
  """Returns whether `arrays` are exactly MNIST, in its official order."""
  return tuple(map(fingerprint, arrays)) == MNIST_FINGERPRINTS


def load(
  directory: pathlib.Path, known: tuple[str, ...] | None
) -> Arrays | None:
  """Maps in the decoded copy that `save` wrote to `directory`.

  Args:
    directory: of the copy.
    known: the fingerprints that the arrays must have; None for those that were
      recorded when they were saved.

  Returns:
    Read-only arrays, or None if the copy is missing, damaged or another one.
  """
  try:
    arrays = Arrays(
      *(np.load(directory / f'{f}.npy', mmap_mode='r') for f in Arrays._fields)
    )
    known = known or tuple(json.loads((directory / _RECORD).read_bytes()))
  # NumPy reports a damaged header through several types of exception.
  except Exception:
    return None
  return arrays if tuple(map(fingerprint, arrays)) == known else None


def save(
  directory: pathlib.Path, arrays: Arrays, *, record: bool = False
) -> None:
  """Writes the decoded copy; each file appears complete or not at all.

  Args:
    directory: created if it does not exist.
    arrays: the data set.
    record: whether to record the fingerprints, where they are not known.

  Raises:
    OSError: the directory cannot be written.
  """
  directory.mkdir(parents=True, exist_ok=True)
  for field, array in arrays._asdict().items():
    # A unique name, as two processes may write at the same time.
    partial = directory / f'{field}.{uuid.uuid4().hex}.partial'
    try:
      with partial.open('xb') as file:
        np.save(file, array)
      os.replace(partial, directory / f'{field}.npy')
    finally:
      partial.unlink(missing_ok=True)
  if record:
    fingerprints = list(map(fingerprint, arrays))
    (directory / _RECORD).write_text(json.dumps(fingerprints))
