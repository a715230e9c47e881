"""The labels of MNIST's test set that five people looked at again.

Of the 10,000 test images, 87 were flagged by a model and each shown to five
people with two digits to choose from: the given label, and the model's guess.
15 labels found no majority. Only flagged images were reviewed, so this is a
lower bound on wrong labels.

Source: cleanlab/label-errors (Apache-2.0; Northcutt, Athalye and Mueller,
Pervasive Label Errors in Test Sets, 2021); the votes are in label_review.csv.
"""

import csv
import dataclasses
import functools
import pathlib

import numpy as np

from mnist_jax import errors

CSV = pathlib.Path(__file__).parent / 'label_review.csv'
UPHELD, GUESS = 'given-upheld', 'guess-by-majority'
NEITHER, NONE = 'neither-by-majority', 'no-majority'


@dataclasses.dataclass(frozen=True)
class Review:
  """What five people said of one test image.

  Attributes:
    given: the label of the data set, 0..9.
    guess: the digit that a model held to be right, 0..9.
    votes: how many chose the given label, the guess, and neither of the two.
    verdict: UPHELD, GUESS, NEITHER or NONE.
  """

  given: int
  guess: int
  votes: tuple[int, int, int]
  verdict: str

  @property
  def disputed(self) -> bool:
    """Whether the given label found no majority."""
    return self.verdict != UPHELD


@functools.cache
def load() -> dict[int, Review]:
  """Return the reviews by test index, in the data set's own order."""
  with CSV.open(newline='') as file:
    _, *rows = csv.reader(file)
  numbers = [[int(number) for number in row[:-1]] for row in rows]
  return {
    index: Review(given, guess, (kept, changed, neither), row[-1])
    for row, (index, given, guess, kept, changed, neither) in zip(
      rows, numbers, strict=True
    )
  }


def reviews_of(dataset_name: str) -> dict[int, Review]:
  """Return `load()` for MNIST, and nothing for any other data set."""
  return load() if dataset_name == 'mnist' else {}


def score(predicted: np.ndarray, labels: np.ndarray) -> dict:
  """Score predictions against the labels as the reviewers left them.

  Where a majority chose the guess, it is the label; images without a digit
  that a majority chose are left out.

  Args:
    predicted: [10000] int in 0..9, in the order of MNIST's test set.
    labels: [10000] int in 0..9, as given.

  Returns:
    `accuracy`, `num_errors`, `count`, and `disputed_errors`: how many of the
    errors against the given labels fall on disputed ones.

  Raises:
    errors.UserError: if the labels are not those that were reviewed.
  """
  reviews = load()
  if any(i >= len(labels) or labels[i] != r.given for i, r in reviews.items()):
    raise errors.UserError(
      'these labels are not those of the MNIST test set that was reviewed; '
      'train again on the official files'
    )
  disputed = [i for i, review in reviews.items() if review.disputed]
  human, counts = labels.copy(), np.ones(len(labels), bool)
  for i in disputed:
    human[i] = reviews[i].guess
    counts[i] = reviews[i].verdict == GUESS
  num_errors = int((predicted != human)[counts].sum())
  count = int(counts.sum())
  return {
    'accuracy': 1 - num_errors / count,
    'num_errors': num_errors,
    'count': count,
    'disputed_errors': int((predicted != labels)[disputed].sum()),
  }
