"""The 87 reviewed labels are carried over as they were published."""

import numpy as np
import pytest

from mnist_jax import errors
from mnist_jax.analysis.run import label_review

# Test index: given label -> what a majority of five people saw.
CORRECTED = {
  **{947: (8, 9), 1621: (0, 6), 1901: (9, 4), 2462: (2, 0), 2597: (5, 3)},
  **{3558: (5, 0), 5937: (5, 3), 6651: (0, 6), 6783: (1, 6), 9729: (5, 6)},
}


@pytest.fixture
def labels():
  """As MNIST has them where they were reviewed; sevens elsewhere."""
  labels = np.full(10_000, 7)
  for i, review in label_review.load().items():
    labels[i] = review.given
  return labels


def test_fifteen_of_87_labels_found_no_majority():
  reviews = label_review.load()
  assert len(reviews) == 87
  assert sum(r.disputed for r in reviews.values()) == 15
  assert {
    i: (r.given, r.guess)
    for i, r in reviews.items()
    if r.verdict == label_review.GUESS
  } == CORRECTED
  assert {2654, 3520, 9679} == {
    i for i, r in reviews.items() if r.verdict == label_review.NEITHER
  }


def test_a_verdict_follows_from_its_five_votes():
  for review in label_review.load().values():
    given, guess, neither = review.votes
    assert given + guess + neither == 5
    verdicts = (label_review.UPHELD, label_review.GUESS, label_review.NEITHER)
    winners = [v for v, n in zip(verdicts, review.votes, strict=True) if n >= 3]
    assert review.verdict == (winners or [label_review.NONE])[0]


def test_siding_with_the_people_is_no_error_and_with_the_label_is(labels):
  official = label_review.score(labels, labels)
  assert official['num_errors'] == 10 and official['count'] == 9_995
  human = labels.copy()
  for i, (_, digit) in CORRECTED.items():
    human[i] = digit
  score = label_review.score(human, labels)
  assert score['num_errors'] == 0 and score['accuracy'] == 1.0
  assert score['disputed_errors'] == 10


def test_an_error_elsewhere_counts_as_ever(labels):
  predicted = labels.copy()
  predicted[0] = 1
  score = label_review.score(predicted, labels)
  assert score['num_errors'] == 11 and score['disputed_errors'] == 0


def test_other_labels_than_mnists_are_refused(labels):
  with pytest.raises(errors.UserError, match='not those of the MNIST test set'):
    label_review.score(labels[::-1], labels[::-1])


def test_only_mnist_was_reviewed():
  assert label_review.reviews_of('uci_digits') == {}
