"""How far a model's confidence can be trusted: functions on arrays.

Everywhere `logits` are [N, K] float, finite, N at least 1, and `labels` are [N]
int below K.
"""

import numpy as np

from mnist_jax.analysis.run import classification

EQUAL = np.linspace(0, 1, 16)  # As Guo et al. 2017 and most papers since.
# Half a nine each: most confidences of a good model are in the last of EQUAL.
NINES = np.append(1 - 10.0 ** -np.arange(0, 4.1, 0.5), 1)
FEWEST = 100  # Images that a temperature is fitted on.
COVERAGES = (1.0, 0.999, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.5)


def describe(
  logits: np.ndarray, labels: np.ndarray, temperature: float | None
) -> dict:
  """Compute calibration before and after temperature scaling.

  Args:
    logits: of the test split.
    labels: likewise.
    temperature: from `fit_temperature` on the validation split; None where
      there is none.

  Returns:
    In plain JSON types: `temperature`; `before` and, unless it is None or 1,
    `after` as `measure` returns them; `coverage` as `coverage` returns it.
  """
  after = None
  if temperature not in (None, 1):
    after = measure(logits / temperature, labels)
  return {
    'temperature': temperature,
    'before': measure(logits, labels),
    'after': after,
    'coverage': coverage(classification.softmax(logits), labels),
  }


def measure(logits: np.ndarray, labels: np.ndarray) -> dict:
  """Score probabilities by the three usual measures; lower is better.

  Returns:
    `nll`: mean negative log-likelihood, in nats.
    `brier`: mean squared distance between the K probabilities and the true
      one-hot vector, in 0..2 (Brier 1950).
    `ece`: expected calibration error, in 0..1: the gap between accuracy and
      mean confidence in each bin of EQUAL, weighted by its images (Guo et al.
      2017).
    `bins`: the bins of NINES, to be drawn, as `bin_confidence` returns them.
  """
  probabilities = classification.softmax(logits)
  confidence = probabilities.max(axis=1)
  right = probabilities.argmax(axis=1) == labels
  truth = np.eye(logits.shape[1])[labels]
  gaps = [
    b['count'] * abs(b['accuracy'] - b['confidence'])
    for b in bin_confidence(confidence, right, EQUAL)
    if b['count']
  ]
  return {
    'nll': nll(logits, labels),
    'brier': float(((probabilities - truth) ** 2).sum(1).mean()),
    'ece': sum(gaps) / len(labels),
    'bins': bin_confidence(confidence, right, NINES),
  }


def nll(logits: np.ndarray, labels: np.ndarray) -> float:
  """Return the mean negative log-likelihood of the true classes, in nats."""
  # By logits and not by the logarithm of a probability, which may round to 0.
  shifted = logits.astype(np.float64)
  shifted -= shifted.max(axis=1, keepdims=True)
  true = np.take_along_axis(shifted, labels[:, None].astype(np.int64), 1)[:, 0]
  return float((np.log(np.exp(shifted).sum(axis=1)) - true).mean())


def bin_confidence(
  confidence: np.ndarray, right: np.ndarray, edges: np.ndarray
) -> list[dict]:
  """Sort images into bins of confidence.

  Args:
    confidence: [N] float in (0, 1].
    right: [N] bool.
    edges: [E] float, ascending from 0 to 1.

  Returns:
    E - 1 dicts: `low`, `high` (a bin holds low < confidence <= high), `count`,
    and `confidence` and `accuracy`, the means in the bin, or None where it is
    empty.
  """
  places = np.searchsorted(edges, confidence) - 1
  masks = [places == i for i in range(len(edges) - 1)]
  return [
    {
      'low': float(low),
      'high': float(high),
      'count': int(mask.sum()),
      'confidence': float(confidence[mask].mean()) if mask.any() else None,
      'accuracy': float(right[mask].mean()) if mask.any() else None,
    }
    for low, high, mask in zip(edges[:-1], edges[1:], masks, strict=True)
  ]


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
  """Find the number that logits are best divided by (Guo et al. 2017).

  Both must be of images that the model was not trained on.

  Returns:
    The temperature with the lowest NLL, in 0.05..20: above 1 where the model
    was too confident. Accuracy does not change. It is exactly 1 where fewer
    than FEWEST images, or no error among them, tell nothing of it: without an
    error the lowest NLL is that of a confidence of 1 for everything.
  """
  if len(labels) < FEWEST or (logits.argmax(axis=1) == labels).all():
    return 1.0
  # Here, because the import takes longer than the search.
  from scipy import optimize

  bounds = np.log(0.05), np.log(20)
  best = optimize.minimize_scalar(
    lambda t: nll(logits / np.exp(t), labels), bounds=bounds, method='bounded'
  )
  return float(np.exp(best.x))


def coverage(probabilities: np.ndarray, labels: np.ndarray) -> list[dict]:
  """Count the errors left when only the most confident answers are given.

  Returns:
    A dict for each of COVERAGES: `coverage`, the share answered; `count` and
    `num_errors` among those; `accuracy`; and `threshold`, the confidence of
    the least confident answer. Equal confidences go in index order.
  """
  confidence = probabilities.max(axis=1)
  order = np.argsort(-confidence, kind='stable')
  wrong = (probabilities.argmax(axis=1) != labels)[order].cumsum()
  counts = [max(1, round(share * len(labels))) for share in COVERAGES]
  return [
    {
      'coverage': count / len(labels),
      'count': count,
      'num_errors': int(wrong[count - 1]),
      'accuracy': 1 - int(wrong[count - 1]) / count,
      'threshold': float(confidence[order[count - 1]]),
    }
    for count in counts
  ]
