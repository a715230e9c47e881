"""Prints lines beside a progress bar; only the first process of a run does."""

import contextlib
import sys
import threading
from collections.abc import Iterator

import tqdm.auto

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


@contextlib.contextmanager
def progress_bar(*, total: int, initial: int) -> Iterator[tqdm.tqdm]:
  """Opens a bar over all steps; terminals and notebooks show it."""
  with (
    tqdm.auto.tqdm(
      total=total,
      initial=initial,
      unit='step',
      dynamic_ncols=True,
      smoothing=0.1,
      leave=False,
      disable=not _is_watched(),
    ) as bar,
    _ticking(bar),
  ):
    yield bar


@contextlib.contextmanager
def waiting(what: str) -> Iterator[None]:
  """Shows `what` and a running clock, where a bar is shown, until the end."""
  with (
    tqdm.auto.tqdm(
      desc=what,
      bar_format='{desc} {elapsed}',
      leave=False,
      disable=not _is_watched(),
    ) as bar,
    _ticking(bar),
  ):
    yield


@contextlib.contextmanager
def _ticking(bar: tqdm.tqdm) -> Iterator[None]:
  """Draws the bar anew each second, also while nothing moves it."""
  over = threading.Event()

  def tick() -> None:
    while not over.wait(1):
      bar.refresh()

  clock = threading.Thread(target=tick, daemon=True)
  if not bar.disable:
    clock.start()
  try:
    yield
  finally:
    over.set()
    if clock.is_alive():
      clock.join()


def _is_watched() -> bool:
  """Whether somebody sees this process's output while it is written."""
  return multihost.is_first() and (_in_notebook() or sys.stderr.isatty())


def _in_notebook() -> bool:
  """Whether a notebook runs this process; others may import its libraries."""
  ipython = sys.modules.get('IPython')
  return ipython is not None and hasattr(ipython.get_ipython(), 'kernel')
