"""The interface of every contender, and how all of them go through epochs."""

import dataclasses
import os
from collections.abc import Callable, Iterator
from typing import Any


@dataclasses.dataclass(frozen=True)
class Contender:
  """A model in training.

  Attributes:
    take: takes a number of steps, waits until they are done, and returns the
      mean loss over their images.
    num_params: number of weights, without batch norm's running moments.
    runs_on: devices or threads, in words.
  """

  take: Callable[[int], float]
  num_params: int
  runs_on: str


class Epochs:
  """Goes through epoch after epoch, each in its own order."""

  def __init__(self, load: Callable[[int], Any], steps_per_epoch: int):
    """Starts at epoch 0; `load(epoch)` returns its batches of indices."""
    self.load, self.steps_per_epoch = load, steps_per_epoch
    self.epoch, self.done, self.indices = 0, 0, load(0)

  def pieces(self, num_steps: int) -> Iterator[tuple[Any, int, int]]:
    """Yields (indices, start, stop) for the next `num_steps` steps."""
    while num_steps:
      if self.done == self.steps_per_epoch:
        self.epoch, self.done = self.epoch + 1, 0
        self.indices = self.load(self.epoch)
      start = self.done
      self.done = min(self.steps_per_epoch, start + num_steps)
      num_steps -= self.done - start
      yield self.indices, start, self.done


def num_cores() -> int:
  """Returns the number of cores that this process may use."""
  if hasattr(os, 'sched_getaffinity'):  # Not on macOS.
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1
