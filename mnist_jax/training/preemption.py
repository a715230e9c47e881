"""SIGTERM and Ctrl-C as a flag, so that a run can save before it goes."""

import signal

from mnist_jax.distributed import multihost


class Interrupts:
  """Catches the first SIGTERM or SIGINT; use it in a `with` statement.

  A second one takes the usual way, for whoever cannot wait.
  """

  def __init__(self):
    self.received = False
    self._previous = {}

  def __enter__(self):
    for number in (signal.SIGTERM, signal.SIGINT):
      try:
        self._previous[number] = signal.signal(number, self._receive)
      except ValueError:  # Not the main thread; whoever is decides there.
        break
    return self

  def __exit__(self, *unused):
    self._restore()

  def asked(self) -> bool:
    """Whether any process of the run has got one; all of them must call."""
    return multihost.any_true(self.received)

  def _receive(self, number, frame):
    del number, frame
    self.received = True
    self._restore()

  def _restore(self):
    for number, handler in self._previous.items():
      signal.signal(number, handler)
    self._previous.clear()
