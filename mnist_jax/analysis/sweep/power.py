"""Statistical power: which differences a number of seeds can show.

A t test of a true difference d with standard error e follows the noncentral t
distribution with noncentrality d / e. Its power is how often it then falls
beyond the edges of the 5 % test, on either side.

Source: J. Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd
edition (1988), chapter 2. The spread seen stands for the true one, which it
only estimates: with few seeds, take these numbers as orders of magnitude.
"""

import bisect
import math

from scipy import optimize, stats

from mnist_jax.analysis import statistics

POWER = 0.8
MAX_SEEDS = 10_000  # More would take too long to run.
# Standard errors at which any test is sure; scipy loses digits far beyond.
_SURE = 200.0


def compute_power(noncentrality: float, df: float) -> float:
  """Compute how often a two-sided 5 % t test shows a difference.

  Args:
    noncentrality: the true difference in standard errors, at least 0.
    df: degrees of freedom, at least 1.
  """
  if noncentrality >= _SURE:
    return 1.0
  if not noncentrality:
    return statistics.LEVEL
  edge = statistics.student_quantile(df)
  # The lower tail as the mirror image of an upper one: computed more exactly.
  tails = stats.nct.sf(edge, df, [noncentrality, -noncentrality])
  return float(tails.sum())


def find_smallest_difference(standard_error: float, df: float) -> float:
  """Find the true difference that the test would show in 80 % of all sweeps.

  Args:
    standard_error: of the difference, in the unit of what is returned.
    df: degrees of freedom, at least 1.
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
      other, in that unit squared.
    df_per_seed: degrees of freedom divided by the seeds minus one: 1 for a
      paired test, 1 to 2 for Welch's.

  Returns:
    The smallest number of seeds, at least 2; None where no difference is to be
    shown, or 10,000 seeds would not do.
  """

  def suffices(n):
    noncentrality = abs(difference) * math.sqrt(n / variance)
    return compute_power(noncentrality, df_per_seed * (n - 1)) >= POWER

  if not difference or not variance or not suffices(MAX_SEEDS):
    return None
  return bisect.bisect_left(range(2, MAX_SEEDS + 1), True, key=suffices) + 2
