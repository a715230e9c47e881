"""A profile of some steps, where `config.log.profile_steps` asks for it."""

import pathlib
from collections.abc import Callable

import jax

from mnist_jax.cli import console

FOLDER = 'profile'  # Below the workdir.

TakeSteps = Callable[[int, int], None]


class Profiler:
  """Traces the first steps of a process but for its first call."""

  def __init__(self, workdir: pathlib.Path, num_steps: int):
    """Prepares a trace of `num_steps` steps; 0 for none."""
    self.folder = workdir / FOLDER
    self.left = num_steps
    self.is_warm = False

  def wrap(self, take_steps: TakeSteps) -> TakeSteps:
    """Returns `take_steps(start, stop)` that also traces what is asked for.

    The steps are the same, and end bit for bit alike.
    """

    def take(start: int, stop: int) -> None:
      middle = min(stop, start + self.left) if self.is_warm else start
      self.is_warm = True  # The first call also loads programs.
      if middle > start:
        with jax.profiler.trace(str(self.folder), create_perfetto_trace=True):
          take_steps(start, middle)
        self.left = 0
        console.say(
          f'profile of {middle - start} steps in {self.folder}: open its '
          'perfetto_trace.json.gz in ui.perfetto.dev, or the folder in '
          "TensorBoard's profiler"
        )
      if middle < stop:
        take_steps(middle, stop)

    return take
