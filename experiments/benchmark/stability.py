"""When enough rounds have been timed."""

import statistics
from collections.abc import Mapping, Sequence

LAST = 2  # Rounds; what they change of a median says how settled it is.
TOLERANCE = 0.05
MOST = 3  # Times the planned rounds; then it is over, settled or not.


def is_settled(rates: Sequence[float]) -> bool:
  """Whether the last rounds have moved the median by at most 5 %.

  Args:
    rates: above 0, one of each round, in order.

  Returns:
    Whether the median of all of them and that of all but the last LAST differ
    by at most TOLERANCE of the latter; False for LAST rates or fewer.
  """
  if len(rates) <= LAST:
    return False
  before = statistics.median(rates[:-LAST])
  return abs(statistics.median(rates) - before) <= TOLERANCE * before


def unsettled(rates: Mapping[str, Sequence[float]]) -> list[str]:
  """Returns the contenders whose rates are not settled."""
  return [name for name, its in rates.items() if not is_settled(its)]


def is_over(rates: Mapping[str, Sequence[float]], planned: int) -> bool:
  """Whether to stop after the rounds so far, of which `planned` must be."""
  done = min(len(its) for its in rates.values())
  return done >= planned and (done >= MOST * planned or not unsettled(rates))
