"""The data sets by name, split for training, validation and test.

Callers use `load_dataset`; a recipe can add to DATASETS. MNIST is prepared by
TFDS from files with known checksums. Later runs map in a decoded copy of it,
which is checked again each time.
"""

import contextlib
import dataclasses
import os
import pathlib
import types
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from mnist_jax import errors
from mnist_jax.data import decoded, official, splits

NON_DIGIT = -1  # The label of images that are no digits.


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
  """Some images with their labels.

  Attributes:
    images: uint8 [N, 28, 28], 0 is background and 255 is ink; may be read-only.
    labels: int32 [N], 0..9; NON_DIGIT where a trainer has added non-digits.
    indices: int32 [N], the row of each image in the official training set
      (train and valid) or the official test set (test); -1 of added images.
  """

  images: np.ndarray
  labels: np.ndarray
  indices: np.ndarray

  def __len__(self) -> int:
    return len(self.labels)

  def num_digits(self) -> int:
    """Returns how many images are digits: all, unless non-digits were added."""
    return int((self.labels != NON_DIGIT).sum())

  def followed_by(self, images: np.ndarray, labels: np.ndarray) -> Self:
    """Returns this split and after it images [M, 28, 28] with labels [M]."""
    return dataclasses.replace(
      self,
      images=np.concatenate([self.images, images]),
      labels=np.concatenate([self.labels, labels]).astype(np.int32),
      indices=np.append(self.indices, np.full(len(images), -1, np.int32)),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
  """A data set in three splits.

  Attributes:
    name: of DATASETS; never 'auto'.
    train: the training set without `valid`.
    valid: held out of the training set to make choices on; may be empty.
    test: the whole test set in its official order.
    notice: why 'auto' gave uci_digits, in one sentence; '' otherwise.
  """

  name: str
  train: Split
  valid: Split
  test: Split
  notice: str = ''


def load_dataset(config_data: Any) -> Dataset:
  """Loads the data set that a config asks for.

  Args:
    config_data: an object with these attributes, all of them strings. `name`:
      of DATASETS; 'auto' is mnist where it is available and uci_digits
      elsewhere. `valid`: as in mnist_jax/config.py. `manual_dir`: a folder
      with the four official .gz files; '' stands for the environment variable
      MNIST_JAX_MANUAL_DIR. `data_dir`: where TFDS keeps its data; '' stands
      for the environment variable TFDS_DATA_DIR, or ~/tensorflow_datasets.

  Raises:
    UserError: an unknown name, MNIST is not available, or a folder or file is
      not what it should be.
  """
  name, valid = config_data.name, config_data.valid
  errors.check_word('data.name', name, choices())
  if name != AUTO:
    return _split(name, DATASETS[name](config_data), valid)
  try:
    return _split('mnist', _load_mnist(config_data), valid)
  except official.NotAvailableError as error:
    if _manual_dir(config_data):
      raise
    notice = (
      f'MNIST is not available here ({error.reason}), so these are the 1,797 '
      'small digits of uci_digits, and no result is a result on MNIST.'
    )
    return _split('uci_digits', _load_uci_digits(config_data), valid, notice)


def choices() -> list[str]:
  """Returns what `data.name` may be."""
  return [AUTO, *DATASETS]


def _load_uci_digits(unused_config_data: Any) -> decoded.Arrays:
  from mnist_jax.data import uci_digits  # Needs Pillow, which others do not.

  return uci_digits.load()


def _load_mnist(config_data: Any) -> decoded.Arrays:
  manual_dir = _manual_dir(config_data)
  if manual_dir:
    # Also when the decoded copy exists: a wrong folder should not go unnoticed.
    official.check_manual_dir(manual_dir)
  data_dir = _absolute(
    config_data.data_dir
    or os.environ.get('TFDS_DATA_DIR')
    or '~/tensorflow_datasets'
  )
  return _mnist_arrays(data_dir, manual_dir)


# Each loads a data set in its official order, given the `data` part of a
# config. Its test set is the one that results are about.
DATASETS: dict[str, Callable[[Any], decoded.Arrays]] = {
  'mnist': _load_mnist,
  'uci_digits': _load_uci_digits,
}
AUTO = 'auto'


def _manual_dir(config_data: Any) -> pathlib.Path | None:
  manual = config_data.manual_dir or os.environ.get('MNIST_JAX_MANUAL_DIR')
  return _absolute(manual) if manual else None


def _absolute(path: str) -> pathlib.Path:
  try:
    return pathlib.Path(path).expanduser().absolute()
  except RuntimeError as error:
    raise errors.UserError(
      f'the folder {path} begins with the home of an unknown user; write it '
      'without ~'
    ) from error


def _mnist_arrays(
  data_dir: pathlib.Path, manual_dir: pathlib.Path | None
) -> decoded.Arrays:
  copy_dir = data_dir / 'mnist' / 'decoded-3.0.1'
  arrays = decoded.load(copy_dir)
  if arrays is not None:
    return arrays
  tfds_mnist = _import_tfds_mnist()
  if not os.path.exists(tfds_mnist.prepared_dir(data_dir)):
    tfds_mnist.prepare(data_dir, manual_dir)
  arrays = tfds_mnist.read(data_dir)
  # Where the disk is read-only, every run decodes again.
  with contextlib.suppress(OSError):
    decoded.save(copy_dir, arrays)
  return arrays


def _import_tfds_mnist() -> types.ModuleType:
  # Imported only to prepare or decode, as the import takes seconds.
  try:
    from mnist_jax.data import tfds_mnist
  except ImportError as error:
    raise official.NotAvailableError(
      str(error), 'pip install tensorflow-datasets array_record pillow'
    ) from error
  return tfds_mnist


def _split(
  name: str, arrays: decoded.Arrays, valid: str, notice: str = ''
) -> Dataset:
  if fault := _find_fault(arrays):
    raise errors.UserError(
      f'data set {name!r} gives {fault}; correct the entry of DATASETS'
    )
  valid_rows = splits.choose_valid_rows(name, valid, len(arrays.train_labels))
  all_rows = np.arange(len(arrays.train_labels), dtype=np.int32)
  train_rows = np.delete(all_rows, valid_rows)
  return Dataset(
    name=name,
    train=_take(arrays.train_images, arrays.train_labels, train_rows),
    valid=_take(arrays.train_images, arrays.train_labels, valid_rows),
    test=Split(
      arrays.test_images,
      arrays.test_labels.astype(np.int32),
      np.arange(len(arrays.test_labels), dtype=np.int32),
    ),
    notice=notice,
  )


def _find_fault(arrays: Any) -> str:
  """Returns what is wrong with the arrays of a data set; '' if nothing."""
  if not isinstance(arrays, decoded.Arrays):
    return f'a {type(arrays).__name__}, not decoded.Arrays'
  for part in ('train', 'test'):
    images = np.asarray(getattr(arrays, f'{part}_images'))
    labels = np.asarray(getattr(arrays, f'{part}_labels'))
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
      shape = list(images.shape)
      return f'{part}_images {images.dtype} {shape}, not uint8 [N, 28, 28]'
    if labels.dtype.kind not in 'iu' or labels.shape != images.shape[:1]:
      shape = list(labels.shape)
      return f'{part}_labels {labels.dtype} {shape}, not int [{len(images)}]'
    if not len(labels) or labels.min() < 0 or labels.max() > 9:
      return f'{part}_labels that are none, or not all in 0..9'
  return ''


def _take(images: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> Split:
  return Split(images[rows], labels[rows].astype(np.int32), rows)
