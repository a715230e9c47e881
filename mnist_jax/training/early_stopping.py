"""How far a run is, which epoch was the best, and when to stop."""

import dataclasses
import math


@dataclasses.dataclass
class Progress:
  """Plain numbers, saved with each checkpoint."""

  epochs: int = 0  # Evaluated; the last one may have been cut short.
  best_score: float = math.inf
  best_epoch: float | None = None
  epochs_without: int = 0  # Since the best epoch.

  def record(self, row: dict) -> None:
    """Takes in an evaluation, a row of metrics.jsonl."""
    self.epochs += 1
    new = score(row)
    if new is None:
      return
    self.epochs_without += 1
    if new < self.best_score:
      self.best_score, self.best_epoch = new, row['epoch']
      self.epochs_without = 0

  def should_stop(self, patience: int) -> bool:
    """Whether validation has not improved for `patience` epochs (0: never)."""
    return 0 < patience <= self.epochs_without


def score(row: dict) -> float | None:
  """Returns the score of an epoch, lower is better; None without validation.

  The fewest validation errors win, and the lower loss breaks a tie. Both are
  one number: the loss only moves what follows the decimal point.
  """
  if 'valid/loss' not in row:
    return None
  loss = row['valid/loss']
  return row['valid/num_errors'] + loss / (1 + loss)
