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


# Of the 54 writers in the README beside this file.
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
      out a tenth.

  Returns:
    int32 [num_valid], ascending; num_valid is 0 for 'none'.

  Raises:
    UserError: `valid` is none of these, or the writers are not known.
  """
  if valid == 'none':
    rows = np.arange(0)
  elif valid == 'random':
    num_valid = writers.num_valid if writers else num_train // 10
    rows = np.sort(np.random.default_rng(0).permutation(num_train)[:num_valid])
  elif valid != 'writer_disjoint':
    raise errors.UserError(
      f'data.valid {valid!r} is unknown; mnist_jax/config.py lists the choices'
    )
  elif writers is None:
    raise errors.UserError(
      f"data.valid 'writer_disjoint' needs the writers of {name!r}, which are "
      'not known; set data.valid=random'
    )
  else:
    rows = writers.rows(num_train)
  return rows.astype(np.int32)
