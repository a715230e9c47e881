"""SIGTERM and Ctrl-C as a flag, so that a run can save before it stops."""

import signal
from types import FrameType
from typing import Any, Self

from mnist_jax.cli import interrupts
from mnist_jax.distributed import multihost


class Stopped(Exception):  # noqa: N818 (it is not an error)
  """A signal came; everything is saved, and the same command goes on."""


class Preemption:
  """Catches the first SIGTERM or SIGINT; use it in a `with` statement.

  A second signal acts as it would without this class, for a user who does not
  want to wait until the run is saved.
  """

  def __init__(self) -> None:
    self._received = False
    self._previous: dict[int, Any] = {}

  def __enter__(self) -> Self:
    interrupts.allow(1)
    for number in interrupts.NUMBERS:
      try:
        self._previous[number] = signal.signal(number, self._receive)
      except ValueError:  # Only the main thread may handle signals.
        break
    return self

  def __exit__(self, *unused: object) -> None:
    self._restore()
    interrupts.allow(0)

  def requested(self) -> bool:
    """Whether any process of the run got a signal; all of them must call."""
    return multihost.any_true(self._received)

  def stop_if_requested(self) -> None:
    """Raises `Stopped` after a signal; all processes of the run must call."""
    if self.requested():
      raise Stopped

  def _receive(self, number: int, frame: FrameType | None) -> None:
    del number, frame
    self._received = True
    self._restore()

  def _restore(self) -> None:
    for number, handler in self._previous.items():
      signal.signal(number, handler)
    self._previous.clear()
