"""Where the time goes: compiling and training, apart from everything else."""

import contextlib
import time
from collections.abc import Iterator, Mapping

NAMES = ('compile', 'train', 'epoch')


class Timer:
  """Adds up seconds by name, from NAMES."""

  def __init__(self, seconds: Mapping[str, float] | None = None):
    """Starts at 0, or at the `seconds` of earlier processes of the run."""
    self.seconds = dict.fromkeys(NAMES, 0.0) | dict(seconds or {})

  @contextlib.contextmanager
  def measure(self, *names: str) -> Iterator[None]:
    """Adds the time of a `with` block to each of `names`."""
    started = time.perf_counter()
    try:
      yield
    finally:
      for name in names:
        self.seconds[name] += time.perf_counter() - started
