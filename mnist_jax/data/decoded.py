"""MNIST as four plain arrays on disk: decoded once, mapped in ever after.

TFDS stores a PNG per image, which takes seconds to decode; the arrays
themselves load in milliseconds.
"""

import hashlib
import os
import pathlib
import uuid
from typing import NamedTuple

import numpy as np


class Arrays(NamedTuple):
  """A data set in its official order.

  Attributes:
    train_images: uint8 [num_train, 28, 28], 0 is background and 255 is ink.
    train_labels: uint8 [num_train], 0..9.
    test_images: uint8 [num_test, 28, 28].
    test_labels: uint8 [num_test].
  """

  train_images: np.ndarray
  train_labels: np.ndarray
  test_images: np.ndarray
  test_labels: np.ndarray


# The fingerprints of the four arrays in the official order.
MNIST_FINGERPRINTS = (
  '157fe16da1dbced4a1376f4be5df2d665d51d11177dcaf7aa4848b1ff033343f',
  'e6a049a9876d2010dddfc2322bb8cad03f5934de9a0b5012c7251eca5b5a7201',
  'fbf9701b11f5659e6366884b0bbf01ea129fb049e3239251eddb226ada72239e',
  '6a90c4ebf8538b9b76438e5dddb0f5afc42d636e8e259d894485f9314cdad47d',
)


def fingerprint(array: np.ndarray) -> str:
  """Hash an array's dtype, shape and elements with sha256.

  Args:
    array: of any shape and dtype.

  Returns:
    64 hexadecimal digits.
  """
  digest = hashlib.sha256(f'{array.dtype.str}{array.shape}'.encode())
  digest.update(np.ascontiguousarray(array))
  return digest.hexdigest()


def is_mnist(arrays: Arrays) -> bool:
  """Say whether `arrays` are MNIST's to the last bit, in its own order."""
  return tuple(map(fingerprint, arrays)) == MNIST_FINGERPRINTS


def load(directory: pathlib.Path) -> Arrays | None:
  """Map in the decoded copy.

  Args:
    directory: where `save` put it.

  Returns:
    Read-only arrays, or None where the copy is missing, damaged or not MNIST.
  """
  try:
    arrays = Arrays(
      *(np.load(directory / f'{f}.npy', mmap_mode='r') for f in Arrays._fields)
    )
  # NumPy reports a damaged header through several types of exception.
  except Exception:
    return None
  return arrays if is_mnist(arrays) else None


def save(directory: pathlib.Path, arrays: Arrays) -> None:
  """Write the decoded copy; a reader never sees half a file.

  Args:
    directory: made if need be.
    arrays: the data set.

  Raises:
    OSError: the directory cannot be written.
  """
  directory.mkdir(parents=True, exist_ok=True)
  for field, array in arrays._asdict().items():
    # A name of its own for each writer: two processes may do this at once.
    partial = directory / f'{field}.{uuid.uuid4().hex}.partial'
    try:
      with partial.open('xb') as file:
        np.save(file, array)
      os.replace(partial, directory / f'{field}.npy')
    finally:
      partial.unlink(missing_ok=True)
