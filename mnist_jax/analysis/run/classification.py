"""What a model gets wrong, as numbers: pure functions on arrays.

Everywhere `logits` are [N, K] float, finite, for K classes; `probabilities`
[N, K] float in [0, 1]; `labels`, the true classes, and `predicted` [N] int
below K, N at least 1; and `matrix` is [K, K] int, rows true and columns
predicted.

Written in numpy alone, because importing scikit-learn takes longer than all of
these tables together; the tests hold every number against scikit-learn.
"""

from collections.abc import Sequence

import numpy as np

from mnist_jax.analysis import statistics
from mnist_jax.data import class_names


def softmax(logits: np.ndarray) -> np.ndarray:
  """Turn logits of any float type into float64 probabilities."""
  # Shifted by the row's maximum, so that exp cannot overflow.
  shifted = logits.astype(np.float64)
  shifted -= shifted.max(axis=1, keepdims=True)
  exponentials = np.exp(shifted)
  return exponentials / exponentials.sum(axis=1, keepdims=True)


def confusion_matrix(
  labels: np.ndarray, predicted: np.ndarray, num_classes: int = 10
) -> np.ndarray:
  """Count the images of each true class (row) read as each class (column)."""
  cells = labels.astype(np.int64) * num_classes + predicted
  counts = np.bincount(cells, minlength=num_classes**2)
  return counts.reshape(num_classes, num_classes)


def per_class(
  matrix: np.ndarray, names: Sequence[str] = class_names.DIGITS
) -> list[dict[str, float]]:
  """Score each class by itself.

  Returns:
    K dicts, in the order of the labels: `digit` (or `class`, where the names
    are others), `precision`, `recall`, `f1` (all in [0, 1]; 0 where the
    denominator is 0) and `support`, the number of images.
  """
  word = class_names.word(names)
  hits = np.diag(matrix)
  support, claimed = matrix.sum(axis=1), matrix.sum(axis=0)
  scores = {
    'precision': hits / np.maximum(claimed, 1),
    'recall': hits / np.maximum(support, 1),
    'f1': 2 * hits / np.maximum(support + claimed, 1),
    'support': support,
  }
  return [
    {word: label} | {name: s[label].item() for name, s in scores.items()}
    for label in range(len(matrix))
  ]


def most_confused(
  matrix: np.ndarray, num_pairs: int = 10
) -> list[dict[str, int]]:
  """List the most common mistakes.

  Returns:
    At most `num_pairs` dicts `true`, `predicted`, `count`, the highest count
    first and equal counts in the order of labels; none with a count of 0.
  """
  mistakes = matrix - np.diag(np.diag(matrix))
  cells = np.argsort(-mistakes, axis=None, kind='stable')[:num_pairs]
  return [
    {'true': int(t), 'predicted': int(p), 'count': int(mistakes[t, p])}
    for t, p in zip(*np.unravel_index(cells, matrix.shape), strict=True)
    if mistakes[t, p]
  ]


def errors_by_confidence(
  probabilities: np.ndarray, labels: np.ndarray
) -> np.ndarray:
  """Return [E] int64: the misread images, the most confident error first.

  Equal confidences stand in index order.
  """
  wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
  confidence = probabilities[wrong].max(axis=1)
  return wrong[np.argsort(-confidence, kind='stable')]


def score(num_errors: int, count: int) -> dict:
  """Return an accuracy with its counts and its 95 % interval (Wilson)."""
  right = count - num_errors
  return {
    'count': count,
    'num_errors': num_errors,
    'accuracy': right / count,
    'accuracy_interval': list(statistics.wilson_interval(right, count)),
  }


def halves(labels: np.ndarray, predicted: np.ndarray) -> list[dict]:
  """Score MNIST's first and last 5,000 test images apart.

  The first are by high-school students and the harder half, the others by
  census staff (Yadav and Bottou, Cold Case: The Lost MNIST Digits, 2019).

  Args:
    labels: all 10,000, in the order of the data set.
    predicted: likewise.

  Returns:
    Two dicts: `writers`, and what `score` returns.
  """
  wrong = (labels != predicted).reshape(2, -1).sum(axis=1)
  writers = ('high-school students', 'census staff')
  return [
    {'writers': name} | score(int(num_errors), len(labels) // 2)
    for name, num_errors in zip(writers, wrong, strict=True)
  ]


def describe(
  logits: np.ndarray,
  labels: np.ndarray,
  names: Sequence[str] = class_names.DIGITS,
) -> dict:
  """Compute the tables of errors of one split.

  Returns:
    In plain JSON types: what `score` returns, `confusion_matrix`, `per_class`,
    `most_confused`, and `errors`, the most confident first, each with `index`,
    `true`, `predicted` and `confidence`.
  """
  probabilities = softmax(logits)
  predicted = probabilities.argmax(axis=1)
  matrix = confusion_matrix(labels, predicted, logits.shape[1])
  return score(int(matrix.sum() - np.trace(matrix)), len(labels)) | {
    'confusion_matrix': matrix.tolist(),
    'per_class': per_class(matrix, names),
    'most_confused': most_confused(matrix),
    'errors': [
      {
        'index': int(index),
        'true': int(labels[index]),
        'predicted': int(probabilities[index].argmax()),
        'confidence': float(probabilities[index].max()),
      }
      for index in errors_by_confidence(probabilities, labels)
    ],
  }
