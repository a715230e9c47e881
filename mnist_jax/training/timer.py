"""Where the time goes: compiling and training, apart from everything else."""

import contextlib
import time


class Clock:
  """Adds up seconds by name."""

  def __init__(self, seconds: dict[str, float]):
    """Goes on in `seconds`, which earlier processes may have begun."""
    self.seconds = seconds
    for name in ('compile', 'train', 'epoch'):
      seconds.setdefault(name, 0.0)

  @contextlib.contextmanager
  def measure(self, *names: str):
    """Adds the time of a `with` block to each of `names`."""
    started = time.perf_counter()
    try:
      yield
    finally:
      for name in names:
        self.seconds[name] += time.perf_counter() - started
