"""Rates of what is called sure, AUROC, and the choice of a threshold."""

import dataclasses

import numpy as np

THRESHOLDS = tuple(round(0.5 + 0.05 * k, 2) for k in range(10))
# What the chosen threshold must keep to.
MOST_NON_DIGITS, FEWEST_DIGITS = 0.05, 0.97


@dataclasses.dataclass(frozen=True)
class Row:
  """What is measured of one kind of image.

  Attributes:
    name: of the kind.
    sure: the share called sure at each of THRESHOLDS.
    auroc: how well confidence tells this kind from digits: 1 is perfectly, 0.5
      is not at all; None for the digits themselves.
  """

  name: str
  sure: tuple[float, ...]
  auroc: float | None


def measure(digits: np.ndarray, others: dict[str, np.ndarray]) -> list[Row]:
  """Measures digits, then each kind of the others, then all others together.

  Args:
    digits: [N] float, the confidence in the answer to each digit.
    others: {kind: [M] float} of non-digits.
  """
  from sklearn import metrics

  def row(name: str, confidence: np.ndarray) -> Row:
    is_digit = np.repeat([1, 0], [len(digits), len(confidence)])
    auroc = metrics.roc_auc_score(
      is_digit, np.concatenate([digits, confidence])
    )
    return Row(name, _rates(confidence), float(auroc))

  together = np.concatenate(list(others.values()))
  return [
    Row('digits', _rates(digits), None),
    *(row(name, confidence) for name, confidence in others.items()),
    row('all non-digits', together),
  ]


def _rates(confidence: np.ndarray) -> tuple[float, ...]:
  return tuple(float((confidence >= t).mean()) for t in THRESHOLDS)


def choose_threshold(digits: np.ndarray, others: np.ndarray) -> float | None:
  """Returns the lowest threshold, in whole percent, that keeps both bounds.

  Args:
    digits: [N] float, the confidence in the answer to each digit.
    others: [M] float, the same for non-digits.

  Returns:
    From 0 to 0.99; None where no threshold calls less than 5 % of the
    non-digits sure and at least 97 % of the digits.
  """
  for percent in range(100):
    threshold = percent / 100
    if (others >= threshold).mean() < MOST_NON_DIGITS:
      enough = (digits >= threshold).mean() >= FEWEST_DIGITS
      return threshold if enough else None
  return None


def to_text(rows: list[Row]) -> str:
  """Returns the rows as a table; shares are in percent."""
  head = [f'{"called sure at, %":<22}', *(f'{t:>6}' for t in THRESHOLDS)]
  lines = [''.join(head) + f'{"AUROC":>8}']
  for row in rows:
    rates = ''.join(f'{100 * rate:>6.1f}' for rate in row.sure)
    auroc = '' if row.auroc is None else f'{row.auroc:>8.4f}'
    lines.append(f'{row.name:<22}{rates}{auroc}')
  return '\n'.join(lines)
