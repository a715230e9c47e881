"""What a model gets wrong, as numbers: pure functions on arrays.

Written in numpy alone, because importing scikit-learn takes longer than all of
these tables together; the tests hold every number against scikit-learn.
"""

import math

import numpy as np

NUM_CLASSES = 10
# The two-sided 95 % quantile of the normal distribution.
_Z = 1.959963984540054


def softmax(logits: np.ndarray) -> np.ndarray:
  """Turn logits into probabilities.

  Args:
    logits: [N, 10], any float type, finite.

  Returns:
    [N, 10] float64 in [0, 1]; each row sums to one.
  """
  # Shifted by the row's maximum, so that exp cannot overflow.
  shifted = logits.astype(np.float64)
  shifted -= shifted.max(axis=1, keepdims=True)
  exponentials = np.exp(shifted)
  return exponentials / exponentials.sum(axis=1, keepdims=True)


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
  """Count the images of each true digit (row) read as each digit (column).

  Args:
    labels: [N] int in 0..9, the true digits.
    predicted: [N] int in 0..9.

  Returns:
    [10, 10] int64; the sum of all cells is N.
  """
  cells = labels.astype(np.int64) * NUM_CLASSES + predicted
  counts = np.bincount(cells, minlength=NUM_CLASSES**2)
  return counts.reshape(NUM_CLASSES, NUM_CLASSES)


def per_class(matrix: np.ndarray) -> list[dict[str, float]]:
  """Score each digit by itself.

  Args:
    matrix: [10, 10] int, rows true and columns predicted.

  Returns:
    Ten dicts, in digit order: `digit`, `precision`, `recall`, `f1` (all in
    [0, 1]; 0 where the denominator is 0) and `support`, the number of images.
  """
  hits = np.diag(matrix)
  support, claimed = matrix.sum(axis=1), matrix.sum(axis=0)
  scores = {
    'precision': _divide(hits, claimed),
    'recall': _divide(hits, support),
    'f1': _divide(2 * hits, support + claimed),
    'support': support,
  }
  return [
    {'digit': digit} | {name: s[digit].item() for name, s in scores.items()}
    for digit in range(NUM_CLASSES)
  ]


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
  return numerator / np.maximum(denominator, 1)


def most_confused(
  matrix: np.ndarray, num_pairs: int = 10
) -> list[dict[str, int]]:
  """List the commonest mistakes.

  Args:
    matrix: [10, 10] int, rows true and columns predicted.
    num_pairs: at most so many are returned.

  Returns:
    Dicts `true`, `predicted`, `count`, the highest count first and equal counts
    in digit order; pairs that never happened are left out.
  """
  mistakes = matrix - np.diag(np.diag(matrix))
  cells = np.argsort(-mistakes, axis=None, kind='stable')[:num_pairs]
  return [
    {'true': int(t), 'predicted': int(p), 'count': int(mistakes[t, p])}
    for t, p in zip(*np.unravel_index(cells, matrix.shape), strict=True)
    if mistakes[t, p]
  ]


def wilson_interval(num_correct: int, count: int) -> tuple[float, float]:
  """Bound the accuracy that such a count supports, with 95 % confidence.

  Unlike the normal approximation it stays inside [0, 1] and keeps its coverage
  near 100 %, where MNIST models live.

  Args:
    num_correct: images read right, 0..count.
    count: images read, at least 1.

  Returns:
    The lower and the upper bound, in [0, 1].

  Source: E. B. Wilson, Probable Inference, the Law of Succession, and
  Statistical Inference, JASA 22 (1927).
  """
  share, weight = num_correct / count, _Z**2 / count
  spread = math.sqrt(weight * (share * (1 - share) + weight / 4))
  low, high = (
    (share + weight / 2 + sign * spread) / (1 + weight) for sign in (-1, 1)
  )
  # At 0 and at `count` the exact bound is 0 or 1, which rounding can overstep.
  return max(low, 0.0), min(high, 1.0)


def errors_by_confidence(
  probabilities: np.ndarray, labels: np.ndarray
) -> np.ndarray:
  """Order the misread images, the most confident error first.

  Args:
    probabilities: [N, 10] float in [0, 1].
    labels: [N] int in 0..9.

  Returns:
    [E] int64 indices into the N images; equal confidences in index order.
  """
  wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
  confidence = probabilities[wrong].max(axis=1)
  return wrong[np.argsort(-confidence, kind='stable')]


def score(num_errors: int, count: int) -> dict:
  """Put an accuracy together with what it rests on.

  Args:
    num_errors: images misread, 0..count.
    count: images read, at least 1.

  Returns:
    `count`, `num_errors`, `accuracy`, and `accuracy_interval`, 95 % (Wilson).
  """
  return {
    'count': count,
    'num_errors': num_errors,
    'accuracy': (count - num_errors) / count,
    'accuracy_interval': list(wilson_interval(count - num_errors, count)),
  }


def halves(labels: np.ndarray, predicted: np.ndarray) -> list[dict]:
  """Score MNIST's first and last 5,000 test images apart.

  The first are by high-school students and the harder half, the others by
  census staff (Yadav and Bottou, Cold Case: The Lost MNIST Digits, 2019).

  Args:
    labels: [10000] int in 0..9, in the order of the data set.
    predicted: [10000] int in 0..9.

  Returns:
    Two dicts: `writers`, and what `score` returns.
  """
  wrong = (labels != predicted).reshape(2, -1).sum(axis=1)
  writers = ('high-school students', 'census staff')
  return [
    {'writers': name} | score(int(num_errors), len(labels) // 2)
    for name, num_errors in zip(writers, wrong, strict=True)
  ]


def describe(logits: np.ndarray, labels: np.ndarray) -> dict:
  """Compute the tables of errors of one split.

  Args:
    logits: [N, 10] float, finite, N at least 1.
    labels: [N] int in 0..9.

  Returns:
    In plain JSON types: what `score` returns, `confusion_matrix`, `per_class`,
    `most_confused`, and `errors`, the most confident first, each with `index`,
    `true`, `predicted` and `confidence`.
  """
  probabilities = softmax(logits)
  matrix = confusion_matrix(labels, probabilities.argmax(axis=1))
  return score(int(matrix.sum() - np.trace(matrix)), len(labels)) | {
    'confusion_matrix': matrix.tolist(),
    'per_class': per_class(matrix),
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
