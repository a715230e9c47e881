"""The tables say what scikit-learn and hand-computed cases say."""

import json

import numpy as np
import pytest
import sklearn.metrics
from scipy import special

from mnist_jax.analysis import statistics
from mnist_jax.analysis.run import classification


@pytest.fixture(scope='module')
def answers():
  """Labels and predictions of 500 images; no 9 among either."""
  rng = np.random.default_rng(0)
  labels = rng.integers(0, 9, 500)
  predicted = np.where(rng.random(500) < 0.3, rng.integers(0, 9, 500), labels)
  return labels.astype(np.int32), predicted


def test_softmax_is_scipys_and_large_logits_do_not_overflow():
  logits = np.random.default_rng(0).normal(0, 300, (50, 10)).astype(np.float32)
  np.testing.assert_allclose(
    classification.softmax(logits),
    special.softmax(logits.astype(np.float64), axis=1),
    rtol=1e-12,
  )


def test_softmax_leaves_its_argument_alone():
  logits = np.arange(10.0)[None]
  classification.softmax(logits)
  np.testing.assert_array_equal(logits, np.arange(10.0)[None])


def test_confusion_matrix_is_scikit_learns(answers):
  expected = sklearn.metrics.confusion_matrix(*answers, labels=range(10))
  np.testing.assert_array_equal(
    classification.confusion_matrix(*answers), expected
  )


def test_rows_are_true_and_columns_predicted():
  matrix = classification.confusion_matrix(np.array([4]), np.array([9]))
  assert matrix[4, 9] == matrix.sum() == 1


def test_per_class_is_scikit_learns_with_zero_for_a_missing_digit(answers):
  rows = classification.per_class(classification.confusion_matrix(*answers))
  expected = sklearn.metrics.precision_recall_fscore_support(
    *answers, labels=range(10), zero_division=0
  )
  names = ('precision', 'recall', 'f1', 'support')
  for name, column in zip(names, expected, strict=True):
    np.testing.assert_allclose([row[name] for row in rows], column)
  assert [row['digit'] for row in rows] == list(range(10))


def test_most_confused_pairs_come_by_count_and_then_by_digit():
  matrix = np.diag(np.full(10, 90))
  matrix[7, 1], matrix[4, 9], matrix[4, 8], matrix[0, 6] = 5, 3, 3, 1
  pairs = classification.most_confused(matrix, num_pairs=3)
  assert [tuple(pair.values()) for pair in pairs] == [
    (7, 1, 5),
    (4, 8, 3),
    (4, 9, 3),
  ]
  assert len(classification.most_confused(matrix)) == 4


def test_errors_come_most_confident_first_and_equal_ones_by_index():
  probabilities = np.full((5, 10), 0.01)
  probabilities[range(5), 3] = [0.6, 0.9, 0.99, 0.9, 0.7]
  labels = np.array([1, 1, 3, 1, 1])  # Only image 2 is read right.
  np.testing.assert_array_equal(
    classification.errors_by_confidence(probabilities, labels), [1, 3, 4, 0]
  )


def test_description_is_plain_json_and_agrees_with_itself(answers):
  labels, predicted = answers
  logits = np.eye(10, dtype=np.float32)[predicted]
  described = json.loads(json.dumps(classification.describe(logits, labels)))
  num_errors = (labels != predicted).sum()
  assert described['count'] == np.sum(described['confusion_matrix']) == 500
  assert described['num_errors'] == len(described['errors']) == num_errors
  assert described['accuracy'] == pytest.approx(1 - num_errors / 500)
  for error in described['errors']:
    assert error['true'] == labels[error['index']] != error['predicted']


def test_a_half_counts_its_own_errors_in_the_order_of_the_data_set():
  labels = np.zeros(10_000, int)
  predicted = labels.copy()
  predicted[[0, 4_999, 5_000]] = 1
  first, last = classification.halves(labels, predicted)
  assert (first['num_errors'], last['num_errors']) == (2, 1)
  assert first['count'] == last['count'] == 5_000
  assert first['writers'] == 'high-school students'
  interval = statistics.wilson_interval(4_998, 5_000)
  assert first['accuracy_interval'] == list(interval)
