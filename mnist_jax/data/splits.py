"""The rows of a training set that are held out for validation."""

import pathlib

import numpy as np

from mnist_jax import errors

# How many rows of the training set are held out; of others a tenth.
NUM_VALID = {'mnist': 6_087, 'uci_digits': 200}

_MNIST_WRITER_DISJOINT = pathlib.Path(__file__).with_name(
  'mnist_valid_writer_disjoint.npy'
)


def choose_valid_rows(name: str, valid: str, num_train: int) -> np.ndarray:
  """Returns the rows of the official training set to validate on.

  'writer_disjoint' holds out all images of some writers, as test sets do. With
  'random' the model has trained on nearly every hand that it is judged on. For
  MNIST the writers are the 54 in the README beside this file. uci_digits does
  not name its writers, but neighbouring rows tend to be by the same hand, so
  the rows at the end come close.

  Args:
    name: of the data set.
    valid: 'writer_disjoint', 'random' (as many rows, always the same) or
      'none'.
    num_train: rows of the training set.

  Returns:
    int32 [num_valid], ascending; num_valid is 0 for 'none'.

  Raises:
    UserError: `valid` is none of these, or the writers are not known.
  """
  num_valid = NUM_VALID.get(name, num_train // 10)
  if valid == 'none':
    rows = np.arange(0)
  elif valid == 'random':
    rows = np.sort(np.random.default_rng(0).permutation(num_train)[:num_valid])
  elif valid != 'writer_disjoint':
    raise errors.UserError(
      f'data.valid {valid!r} is unknown; mnist_jax/config.py lists the choices'
    )
  elif name not in NUM_VALID:
    raise errors.UserError(
      f"data.valid 'writer_disjoint' needs the writers of {name!r}, which are "
      'not known; set data.valid=random'
    )
  elif name == 'mnist':
    rows = np.load(_MNIST_WRITER_DISJOINT)
  else:
    rows = np.arange(num_train - num_valid, num_train)
  return rows.astype(np.int32)
