"""What differences so many seeds could have shown, and how many it takes.

A t test of a true difference d with standard error e follows the noncentral t
distribution with noncentrality d / e. Its power is how often it then falls
beyond the edges of the 5 % test, on either side.

Source: J. Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd
edition (1988), chapter 2. The spread seen stands for the true one, which it
only estimates: with few seeds, take these numbers as orders of magnitude.
"""

import math

from scipy import optimize, stats

from mnist_jax.analysis.compare import comparison
from mnist_jax.analysis.sweep import summary

POWER = 0.8
MAX_SEEDS = 10_000  # Whoever needs more will not run them.
# Where any test of two seeds or more is sure; the distribution's functions
# lose their digits far beyond.
_SURE = 200.0


def compute_power(noncentrality: float, df: float) -> float:
  """Compute how often a two-sided 5 % t test shows a difference.

  Args:
    noncentrality: the true difference in standard errors, at least 0.
    df: degrees of freedom, at least 1.

  Returns:
    A probability; 0.05 where there is no difference.
  """
  if noncentrality >= _SURE:
    return 1.0
  edge = summary.student_quantile(df)
  if not noncentrality:
    return comparison.LEVEL
  # The lower tail as the mirror image of an upper one: computed more exactly.
  tails = stats.nct.sf(edge, df, [noncentrality, -noncentrality])
  return float(tails.sum())


def find_smallest_difference(standard_error: float, df: float) -> float:
  """Find the true difference that the test would show in 80 % of all sweeps.

  Args:
    standard_error: of the difference, at least 0, in any unit.
    df: degrees of freedom, at least 1.

  Returns:
    The difference, in the same unit.
  """

  def miss(noncentrality):
    return compute_power(noncentrality, df) - POWER

  return standard_error * optimize.brentq(miss, 0, _SURE, xtol=1e-9)


def count_seeds(
  difference: float, variance: float, df_per_seed: float
) -> int | None:
  """Count the seeds per sweep that would show a difference in 80 % of cases.

  Args:
    difference: the true one, in any unit.
    variance: of the difference of one seed from one sweep and one from the
      other, in that unit squared, at least 0.
    df_per_seed: degrees of freedom divided by the seeds less one: 1 for a
      paired test, 1 to 2 for Welch's.

  Returns:
    The smallest number of seeds, at least 2; None where no difference is to be
    shown, or 10,000 seeds would not do.
  """

  def suffices(n):
    noncentrality = abs(difference) * math.sqrt(n / variance)
    return compute_power(noncentrality, df_per_seed * (n - 1)) >= POWER

  if not difference or not variance:
    return None
  low, high = 1, 2
  while not suffices(high):
    low, high = high, 2 * high
    if low >= MAX_SEEDS:
      return None
  while high - low > 1:
    middle = (low + high) // 2
    low, high = (low, middle) if suffices(middle) else (middle, high)
  return high if high <= MAX_SEEDS else None
