"""How far a run is, which epoch was the best, and when to stop."""

import dataclasses
import math

from mnist_jax.workdir import best_epoch


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
    score = best_epoch.score(row)
    if score is None:
      return
    self.epochs_without += 1
    if score < self.best_score:
      self.best_score, self.best_epoch = score, row['epoch']
      self.epochs_without = 0

  def should_stop(self, patience: int) -> bool:
    """Whether validation has not improved for `patience` epochs (0: never)."""
    return 0 < patience <= self.epochs_without
