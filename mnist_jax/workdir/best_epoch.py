"""Which evaluation of a run was the best; one rule for all who ask.

Early stopping, the choice of a checkpoint, the figures and the advice follow
it: fewest validation errors, then the lowest validation loss.
"""

from collections.abc import Iterable, Mapping


def score(row: Mapping[str, float]) -> float | None:
  """Returns the checkpoint score of an evaluation; lower is better.

  Args:
    row: of metrics.jsonl.

  Returns:
    The validation errors plus a share below 1 that grows with the loss; None
    without validation.
  """
  if 'valid/loss' not in row or 'valid/num_errors' not in row:
    return None
  loss = max(row['valid/loss'], 0.0)
  return row['valid/num_errors'] + loss / (1 + loss)


def find(rows: Iterable[Mapping[str, float]]) -> float | None:
  """Returns the epoch of the lowest score, the first of equal ones, or None."""
  scored = [(s, row['epoch']) for row in rows if (s := score(row)) is not None]
  return min(scored, key=lambda pair: pair[0])[1] if scored else None
