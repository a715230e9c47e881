"""A time limit without signals, so that each thread can have its own."""

import time

from mnist_jax import errors

SECONDS = 20.0


class Deadline:
  """The time limit for one picture, to be checked between the stages."""

  def __init__(self, seconds: float = SECONDS):
    self._seconds = seconds
    self._end = time.monotonic() + seconds

  def check(self, stage: str) -> None:
    """Raises errors.UserError once the time is over."""
    if time.monotonic() > self._end:
      raise errors.UserError(
        f'the picture took more than {self._seconds:g} s ({stage}); '
        'crop it to the digits'
      )
