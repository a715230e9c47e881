"""Prints lines beside a progress bar; only the first process of a run does."""

import contextlib
import sys

import tqdm

from mnist_jax.cli import exit_codes, printable
from mnist_jax.distributed import multihost


def say(line: str = '') -> None:
  """Prints lines above the progress bar, and at once, also into a file."""
  if not multihost.is_first():
    return
  # A run goes on when the reader of its lines has closed the pipe.
  with contextlib.suppress(BrokenPipeError):
    tqdm.tqdm.write(_escape(line))
  exit_codes.flush_stdout()


def warn(line: str) -> None:
  """Prints a warning on stderr, between two conspicuous borders."""
  if not multihost.is_first():
    return
  border = '!' * 72
  warning = f'{border}\nWARNING: {_escape(line)}\n{border}'
  tqdm.tqdm.write(warning, file=sys.stderr)


def _escape(lines: str) -> str:
  return '\n'.join(map(printable.escape, lines.split('\n')))


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
