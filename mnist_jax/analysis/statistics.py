"""Intervals and tests: Wilson's, Student's, McNemar's, and Holm's correction.

scipy is imported late: that takes longer than all the tables of a run.
"""

import math
import statistics as python_statistics
from collections.abc import Sequence

import numpy as np

LEVEL = 0.05  # A difference counts as shown where p is smaller.
# The two-sided 95 % quantile of the normal distribution.
_Z = 1.959963984540054


def wilson_interval(num_correct: int, count: int) -> tuple[float, float]:
  """Bound the accuracy that a count supports, with 95 % confidence.

  Unlike the normal approximation it stays inside [0, 1] and keeps its coverage
  near 100 %, where MNIST models are. scipy.stats has it too, but takes half a
  second to import at the end of each run.

  Args:
    num_correct: images read right, 0..count.
    count: images read, at least 1.

  Source: E. B. Wilson, Probable Inference, the Law of Succession, and
  Statistical Inference, JASA 22 (1927).
  """
  share, weight = num_correct / count, _Z**2 / count
  spread = math.sqrt(weight * (share * (1 - share) + weight / 4))
  low, high = (
    (share + weight / 2 + sign * spread) / (1 + weight) for sign in (-1, 1)
  )
  # At 0 and at `count` the exact bound is 0 or 1; rounding can pass it.
  return max(low, 0.0), min(high, 1.0)


def describe(values: Sequence[float]) -> dict:
  """Describe a sample of one finite number per seed.

  Returns:
    `mean`; `sd`, with n - 1; `ci95`, the two ends of the 95 % interval of the
    mean; `min` and `max`. `sd` and `ci95` are None for a single value.

  Source: Student, The Probable Error of a Mean, Biometrika 6 (1908).
  """
  mean, n = python_statistics.fmean(values), len(values)
  # Exact sums: equal numbers have a spread of 0 and not of 1e-17.
  sd = python_statistics.stdev(values) if n > 1 else None
  interval = None
  if sd is not None:
    half = student_quantile(n - 1) * sd / math.sqrt(n)
    interval = [mean - half, mean + half]
  ends = {'min': min(values), 'max': max(values)}
  return {'mean': mean, 'sd': sd, 'ci95': interval} | ends


def student_quantile(df: float) -> float:
  """Return how many standard errors a two-sided 95 % interval reaches."""
  from scipy import special

  return float(special.stdtrit(df, 1 - LEVEL / 2))


def mcnemar(only_a: int, only_b: int) -> float:
  """Test whether two runs differ on the same images, exactly and two-sided.

  If both were equally good, each image that only one of them reads right would
  be the toss of a fair coin.

  Args:
    only_a: images that only the first run reads right.
    only_b: images that only the second one does.

  Returns:
    The p-value; 1 where there is no such image.

  Source: Q. McNemar, Note on the Sampling Error of the Difference Between
  Correlated Proportions or Percentages, Psychometrika 12 (1947).
  """
  from scipy import special

  tail = special.bdtr(min(only_a, only_b), only_a + only_b, 0.5)
  return min(1.0, 2 * float(tail))


def holm(p_values: Sequence[float]) -> list[float]:
  """Adjust p-values, because of many tests some come out small by chance.

  Returns:
    As many in [0, 1], in the same order, none smaller than before. The
    probability that any of those below 0.05 is due to chance is at most 5 %.

  Source: S. Holm, A Simple Sequentially Rejective Multiple Test Procedure,
  Scandinavian Journal of Statistics 6 (1979).
  """
  order = np.argsort(p_values, kind='stable')
  scaled = np.take(p_values, order) * np.arange(len(order), 0, -1)
  adjusted = np.empty(len(order))
  adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
  return adjusted.tolist()
