"""The rows of a training set that are held out for validation."""

import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mnist_jax import errors

_MNIST_WRITER_DISJOINT = pathlib.Path(__file__).with_name(
  'mnist_valid_writer_disjoint.npy'
)


class Writers(NamedTuple):
  """What is known of who made the training images of a data set.

  Attributes:
    num_valid: how many rows are held out.
    rows: (rows of the training set) -> those by writers of whom nothing else
      is in it, [num_valid], ascending.
  """

  num_valid: int
  rows: Callable[[int], np.ndarray]


def _last_rows(num_train: int) -> np.ndarray:
  return np.arange(num_train - UCI_DIGITS.num_valid, num_train)


# All images by 54 writers; README.md in this folder says how they were chosen.
MNIST = Writers(6_087, lambda _: np.load(_MNIST_WRITER_DISJOINT))
# Its writers have no names, but neighbouring rows tend to be by the same hand,
# so the rows at the end come close.
UCI_DIGITS = Writers(200, _last_rows)


def choose_valid_rows(
  name: str, valid: str, num_train: int, writers: Writers | None
) -> np.ndarray:
  """Returns the rows of the official training set to validate on.

  'writer_disjoint' holds out all images of some writers, as test sets do. With
  'random' the model has trained on nearly every hand that it is judged on.

  Args:
    name: of the data set, for errors.
    valid: 'writer_disjoint', 'random' (as many rows, always the same) or
      'none'.
    num_train: rows of the training set.
    writers: of the data set; None where they are not known, and 'random' holds
      out a tenth, and one row at least.

  Returns:
    int32 [num_valid], ascending; num_valid is 0 for 'none'.

  Raises:
    UserError: `valid` is none of these, the writers are not known, or no row
      would be left to train on.
  """
  check(name, valid, writers)
  rows = np.arange(0)
  if valid == 'random':
    num_valid = writers.num_valid if writers else max(1, num_train // 10)
    if num_valid >= num_train:
      raise errors.UserError(
        f'data.valid {valid!r} holds out {num_valid} of the {num_train} '
        f'training images of {name!r}, and none is left; set data.valid=none'
      )
    rows = np.sort(np.random.default_rng(0).permutation(num_train)[:num_valid])
  elif valid == 'writer_disjoint' and writers:
    rows = writers.rows(num_train)
  return rows.astype(np.int32)


def check(name: str, valid: str, writers: Writers | None) -> None:
  """Raises a UserError if `choose_valid_rows` would; needs no images."""
  if valid not in ('writer_disjoint', 'random', 'none'):
    raise errors.UserError(
      f'data.valid {valid!r} is unknown; mnist_jax/config.py lists the choices'
    )
  if valid == 'writer_disjoint' and writers is None:
    raise errors.UserError(
      f"data.valid 'writer_disjoint' needs the writers of {name!r}, which are "
      'not known; set data.valid=random'
    )
