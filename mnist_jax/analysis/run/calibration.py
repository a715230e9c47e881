"""How far a model's confidence can be believed: functions on arrays."""

import numpy as np

from mnist_jax.analysis.run import classification

EQUAL = np.linspace(0, 1, 16)  # As Guo et al. 2017 and most papers since.
# Half a nine each: most confidences of a good model are in the last of EQUAL.
NINES = np.append(1 - 10.0 ** -np.arange(0, 4.1, 0.5), 1)
COVERAGES = (1.0, 0.999, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.5)


def describe(
  test_logits: np.ndarray,
  test_labels: np.ndarray,
  valid_logits: np.ndarray | None = None,
  valid_labels: np.ndarray | None = None,
) -> dict:
  """Compute calibration on test, before and after temperature scaling.

  Args:
    test_logits: [N, 10] float, finite, N at least 1.
    test_labels: [N] int in 0..9.
    valid_logits: [V, 10] of the validation split, which alone decides the
      temperature; None where a run had none.
    valid_labels: [V] int in 0..9, or None.

  Returns:
    In plain JSON types: `before` and `after` (null without validation) as
    `measure` has them, `temperature` (null likewise), and `coverage` as
    `coverage` has it.
  """
  temperature = None
  if valid_logits is not None:
    temperature = fit_temperature(valid_logits, valid_labels)
  return {
    'temperature': temperature,
    'before': measure(test_logits, test_labels),
    'after': temperature and measure(test_logits / temperature, test_labels),
    'coverage': coverage(classification.softmax(test_logits), test_labels),
  }


def measure(logits: np.ndarray, labels: np.ndarray) -> dict:
  """Score probabilities by the three usual measures; lower is better.

  Args:
    logits: [N, 10] float, finite.
    labels: [N] int in 0..9.

  Returns:
    `nll`: mean negative log-likelihood, in nats.
    `brier`: mean squared distance between the ten probabilities and the true
      one-hot vector, in 0..2 (Brier 1950).
    `ece`: expected calibration error, in 0..1: the gap between accuracy and
      mean confidence in each bin of EQUAL, weighted by its images (Guo et al.
      2017).
    `bins`: the bins of NINES, to be drawn, as `bin_confidence` has them.
  """
  probabilities = classification.softmax(logits)
  confidence = probabilities.max(axis=1)
  right = probabilities.argmax(axis=1) == labels
  gaps = [
    b['count'] * abs(b['accuracy'] - b['confidence'])
    for b in bin_confidence(confidence, right, EQUAL)
    if b['count']
  ]
  return {
    'nll': nll(logits, labels),
    'brier': float(((probabilities - np.eye(10)[labels]) ** 2).sum(1).mean()),
    'ece': sum(gaps) / len(labels),
    'bins': bin_confidence(confidence, right, NINES),
  }


def nll(logits: np.ndarray, labels: np.ndarray) -> float:
  """Return the mean negative log-likelihood of the true digits, in nats.

  Args:
    logits: [N, 10] float, finite.
    labels: [N] int in 0..9.
  """
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

  Args:
    logits: [V, 10] float, finite, of images that nothing was trained on.
    labels: [V] int in 0..9.

  Returns:
    The temperature of least NLL, in 0.05..20: above 1 where the model was too
    sure. Accuracy stays as it is.
  """
  # Here, because the import takes longer than the search.
  from scipy import optimize

  bounds = np.log(0.05), np.log(20)
  best = optimize.minimize_scalar(
    lambda t: nll(logits / np.exp(t), labels), bounds=bounds, method='bounded'
  )
  return float(np.exp(best.x))


def coverage(probabilities: np.ndarray, labels: np.ndarray) -> list[dict]:
  """Let the model answer only its surest images.

  Args:
    probabilities: [N, 10] float in [0, 1].
    labels: [N] int in 0..9.

  Returns:
    A dict for each of COVERAGES: `coverage`, the share answered; `count` and
    `num_errors` among those; `accuracy`; and `threshold`, the confidence of
    the least sure answer. Equal confidences go in index order.
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
