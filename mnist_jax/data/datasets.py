"""The data sets by name, split for training, validation and test.

`load_dataset` is the one door. MNIST comes through TFDS, checked against
checksums; the copy that it maps in afterwards is checked too.
"""

import contextlib
import dataclasses
import os
import pathlib
from typing import Any

import numpy as np

from mnist_jax import errors
from mnist_jax.data import decoded, official, splits

NAMES = ('auto', 'mnist', 'uci_digits')


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
  """Some images with their labels.

  Attributes:
    images: uint8 [N, 28, 28], 0 is background and 255 is ink; may be read-only.
    labels: int32 [N], 0..9.
    indices: int32 [N], the row of each image in the data set's own official
      order: of the training file for train and valid, of the test file for
      test.
  """

  images: np.ndarray
  labels: np.ndarray
  indices: np.ndarray

  def __len__(self) -> int:
    return len(self.labels)


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
  """A data set in three splits.

  Attributes:
    name: 'mnist' or 'uci_digits'; never 'auto'.
    train: what is left of the training set after `valid` is held out.
    valid: what choices are made on; its length may be 0.
    test: the whole test set in its official order.
    notice: why 'auto' gave uci_digits, in one sentence; else ''.
  """

  name: str
  train: Split
  valid: Split
  test: Split
  notice: str = ''


def load_dataset(config_data: Any) -> Dataset:
  """Load the data set that a config asks for.

  Args:
    config_data: an object with these attributes, all of them strings. `name`:
      'mnist'; 'uci_digits'; or 'auto', which is mnist where it can be had and
      uci_digits elsewhere. `valid`: 'writer_disjoint', 'random' or 'none' (see
      `splits.choose_valid_rows`). `manual_dir`: a folder with the four
      official .gz files; '' is the environment variable MNIST_JAX_MANUAL_DIR.
      `data_dir`: where TFDS keeps its data; '' is the environment variable
      TFDS_DATA_DIR, or else ~/tensorflow_datasets.

  Returns:
    The data set; uint8 images, int32 labels and row numbers.

  Raises:
    UserError: an unknown choice, MNIST that cannot be had, or a folder or file
      that is not what it should be.
  """
  _check_choice('data.name', config_data.name, NAMES)
  _check_choice('data.valid', config_data.valid, splits.VALID)
  if config_data.name == 'uci_digits':
    return _load_uci_digits(config_data.valid)
  manual_dir = _directory(config_data.manual_dir, 'MNIST_JAX_MANUAL_DIR')
  try:
    return _load_mnist(config_data, manual_dir)
  except official.NotAvailableError as error:
    if config_data.name == 'mnist' or manual_dir:
      raise
    notice = (
      f'MNIST cannot be had here ({error.reason}), so these are the 1,797 '
      'small digits of uci_digits and no result is a result on MNIST.'
    )
    return _load_uci_digits(config_data.valid, notice)


def _check_choice(field: str, value: str, choices: tuple[str, ...]) -> None:
  if value not in choices:
    raise errors.UserError(
      f'{field} {value!r} is unknown; choose one of {", ".join(choices)}'
    )


def _load_uci_digits(valid: str, notice: str = '') -> Dataset:
  from mnist_jax.data import uci_digits  # Pillow is for those who need it.

  return _split('uci_digits', uci_digits.load(), valid, notice)


def _load_mnist(config_data: Any, manual_dir: pathlib.Path | None) -> Dataset:
  if manual_dir:
    # A folder that the user names must be right, even when it is not needed.
    official.check_manual_dir(manual_dir)
  data_dir = _directory(
    config_data.data_dir, 'TFDS_DATA_DIR', '~/tensorflow_datasets'
  )
  return _split('mnist', _mnist_arrays(data_dir, manual_dir), config_data.valid)


def _directory(
  value: str, variable: str, default: str = ''
) -> pathlib.Path | None:
  value = value or os.environ.get(variable, '') or default
  return pathlib.Path(value).expanduser().absolute() if value else None


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
  # A prepared copy on a read-only disk serves too, only slower.
  with contextlib.suppress(OSError):
    decoded.save(copy_dir, arrays)
  return arrays


def _import_tfds_mnist():
  # Imported only to prepare or decode: it takes longer than all the rest.
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
  valid_rows = splits.choose_valid_rows(name, valid)
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


def _take(images: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> Split:
  return Split(images[rows], labels[rows].astype(np.int32), rows)
