"""The data sets by name, split for training, validation and test.

Callers use `load_dataset`; a recipe can add to DATASETS.
"""

import dataclasses
from typing import Any, Self

import numpy as np

from mnist_jax import errors
from mnist_jax.data import class_names as names_lib
from mnist_jax.data import decoded, official, registry, splits

DATASETS, Entry = registry.DATASETS, registry.Entry
AUTO = 'auto'
NON_DIGIT = -1  # The label of images that are no digits.


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
  """Some images with their labels.

  Attributes:
    images: uint8 [N, 28, 28], 0 is background and 255 is ink; may be read-only.
    labels: int32 [N], below the number of classes; NON_DIGIT where a trainer
      has added non-digits.
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
    notice: why 'auto' gave uci_digits, or which files were left out, in one
      sentence; '' otherwise.
    class_names: in the order of the labels.
  """

  name: str
  train: Split
  valid: Split
  test: Split
  notice: str = ''
  class_names: tuple[str, ...] = names_lib.DIGITS


def load_dataset(config_data: Any) -> Dataset:
  """Loads the data set that a config asks for.

  Args:
    config_data: an object with these attributes, all of them strings. `name`:
      of DATASETS; 'auto' is mnist where it is available and uci_digits
      elsewhere. `valid` and `framing`: as in mnist_jax/config.py.
      `manual_dir`: a folder with the official files, or one's own; for MNIST ''
      stands for the environment variable MNIST_JAX_MANUAL_DIR. `data_dir`:
      where TFDS keeps its data; '' stands for the environment variable
      TFDS_DATA_DIR, or ~/tensorflow_datasets.

  Raises:
    UserError: an unknown name, a data set that is not available, or a folder
      or file that is not what it should be.
  """
  name, valid = config_data.name, config_data.valid
  errors.check_word('data.name', name, choices())
  if name != AUTO:
    known = registry.find(name)
    splits.check(name, valid, known.writers)  # Before anything is downloaded.
    if not callable(known.load):
      raise errors.UserError(
        f'data set {name!r} is a {type(known.load).__name__}; the entry of '
        'DATASETS must be a function that loads it'
      )
    return _split(name, known.load(config_data), valid)
  try:
    return _split('mnist', registry.find('mnist').load(config_data), valid)
  except official.NotAvailableError as error:
    if registry.manual_dir('mnist', config_data):
      raise
    notice = (
      f'MNIST is not available here ({error.reason}), so these are the 1,797 '
      'small digits of uci_digits, and no result is a result on MNIST.'
    )
    arrays: Any = registry.find('uci_digits').load(config_data)
    return _split('uci_digits', decoded.Named(arrays, (), notice), valid)


def choices() -> list[str]:
  """Returns what `data.name` may be."""
  return [AUTO, *DATASETS]


def _split(
  name: str, loaded: decoded.Arrays | decoded.Named, valid: str
) -> Dataset:
  known = registry.find(name)
  if not isinstance(loaded, decoded.Named):
    loaded = decoded.Named(loaded, ())
  arrays, class_names = loaded.arrays, loaded.class_names or known.class_names
  if isinstance(arrays, decoded.Arrays):  # Of anything that NumPy can read.
    arrays = decoded.Arrays(*map(np.asarray, arrays))
  if fault := _find_fault(arrays, class_names, known.num_images):
    raise errors.UserError(
      f'data set {name!r} gives {fault}; correct the entry of DATASETS'
    )
  num_train = len(arrays.train_labels)
  valid_rows = splits.choose_valid_rows(name, valid, num_train, known.writers)
  all_rows = np.arange(num_train, dtype=np.int32)
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
    notice=loaded.notice,
    class_names=class_names,
  )


def _find_fault(
  arrays: Any, class_names: tuple[str, ...], num_images: tuple[int, int] | None
) -> str:
  """Returns what is wrong with a data set; '' if nothing."""
  if not isinstance(arrays, decoded.Arrays):
    return f'a {type(arrays).__name__}, not decoded.Arrays'
  if fault := names_lib.find_fault(class_names):
    return fault
  last = len(class_names) - 1
  for part in ('train', 'test'):
    images = getattr(arrays, f'{part}_images')
    labels = getattr(arrays, f'{part}_labels')
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
      shape = list(images.shape)
      return f'{part}_images {images.dtype} {shape}, not uint8 [N, 28, 28]'
    if labels.dtype.kind not in 'iu' or labels.shape != images.shape[:1]:
      shape = list(labels.shape)
      return f'{part}_labels {labels.dtype} {shape}, not int [{len(images)}]'
    if not len(labels) or labels.min() < 0 or labels.max() > last:
      return f'{part}_labels that are none, or not all in 0..{last}'
  counts = len(arrays.train_labels), len(arrays.test_labels)
  if num_images and counts != num_images:
    return f'{counts} images of training and test, not {num_images}'
  return ''


def _take(images: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> Split:
  return Split(images[rows], labels[rows].astype(np.int32), rows)
