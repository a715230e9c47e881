"""Prints lines beside a progress bar; only the first process of a run does."""

import contextlib
import sys

import tqdm

from mnist_jax.cli import exit_codes
from mnist_jax.distributed import multihost


def say(line: str = '') -> None:
  """Prints a line above the progress bar, and at once, also into a file."""
  if not multihost.is_first():
    return
  # A run goes on when the reader of its lines has closed the pipe.
  with contextlib.suppress(BrokenPipeError):
    tqdm.tqdm.write(line)
  exit_codes.flush_stdout()


def warn(line: str) -> None:
  """Prints a warning on stderr, between two conspicuous borders."""
  if not multihost.is_first():
    return
  border = '!' * 72
  tqdm.tqdm.write(f'{border}\nWARNING: {line}\n{border}', file=sys.stderr)


def progress_bar(*, total: int, initial: int) -> tqdm.tqdm:
  """Opens a bar over all steps; it is shown on a terminal only."""
  return tqdm.tqdm(
    total=total,
    initial=initial,
    unit='step',
    dynamic_ncols=True,
    smoothing=0.1,
    leave=False,
    disable=not (sys.stderr.isatty() and multihost.is_first()),
  )
