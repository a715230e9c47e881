"""A bound on time that needs no signals, so that threads can have one each."""

import time

from mnist_jax import errors

SECONDS = 20.0


class Deadline:
  """Raises when a picture has taken too long; asked between the stages."""

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
