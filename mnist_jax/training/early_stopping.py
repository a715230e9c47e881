"""How far a run is and how it fares: what its decisions rest on."""

import dataclasses
import math


@dataclasses.dataclass
class Progress:
  """Plain numbers, saved with each checkpoint."""

  epochs: int = 0  # Evaluated, the last one perhaps cut short.
  best_score: float = math.inf
  best_epoch: float | None = None
  epochs_without: int = 0  # Since that epoch.
  seconds: dict[str, float] = dataclasses.field(default_factory=dict)

  def record(self, row: dict) -> None:
    """Takes in an evaluation, a row of metrics.jsonl."""
    self.epochs += 1
    if 'valid/loss' not in row:
      return
    self.epochs_without += 1
    if score(row) < self.best_score:
      self.best_score, self.best_epoch = score(row), row['epoch']
      self.epochs_without = 0

  def should_stop(self, patience: int) -> bool:
    """Whether validation has not improved for `patience` epochs (0: never)."""
    return 0 < patience <= self.epochs_without


def score(row: dict) -> float | None:
  """Returns what the best checkpoint has least of, None if not validated.

  Fewest validation errors, then the lowest loss, in one number: the loss only
  moves what follows the decimal point.
  """
  if 'valid/loss' not in row:
    return None
  loss = row['valid/loss']
  return row['valid/num_errors'] + loss / (1 + loss)
