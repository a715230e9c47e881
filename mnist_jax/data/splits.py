"""Which rows of a training set are held out for validation."""

import pathlib

import numpy as np

VALID = ('writer_disjoint', 'random', 'none')

# Rows in the training set, and how many of them are held out.
SIZES = {'mnist': (60_000, 6_087), 'uci_digits': (1_300, 200)}

_MNIST_WRITER_DISJOINT = pathlib.Path(__file__).with_name(
  'mnist_valid_writer_disjoint.npy'
)


def choose_valid_rows(name: str, valid: str) -> np.ndarray:
  """Choose the rows of the official training set to validate on.

  `writer_disjoint` keeps all images of some people out of training, as the
  test sets do; a random choice lets the model see every hand it is judged on.
  For MNIST these are the 54 writers of the README beside this file.
  uci_digits names no writers, but neighbouring rows tend to be by the same
  hand, so a block at the end is the nearest thing.

  Args:
    name: 'mnist' or 'uci_digits'.
    valid: 'writer_disjoint', 'random' (as many rows, the same ones every time)
      or 'none'.

  Returns:
    int32 [num_valid], ascending; num_valid is 0 for 'none'.
  """
  num_train, num_valid = SIZES[name]
  if valid == 'none':
    rows = np.arange(0)
  elif valid == 'random':
    rows = np.sort(np.random.default_rng(0).permutation(num_train)[:num_valid])
  elif name == 'mnist':
    rows = np.load(_MNIST_WRITER_DISJOINT)
  else:
    rows = np.arange(num_train - num_valid, num_train)
  return rows.astype(np.int32)
