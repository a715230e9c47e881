"""What a run says: a header, a bar or one line per epoch, a result."""

import sys

import tqdm

from mnist_jax.distributed import multihost


def say(line: str = '') -> None:
  """Prints a line beside the progress bar, at once even into a file."""
  if not multihost.is_first():
    return
  tqdm.tqdm.write(line)
  sys.stdout.flush()


def warn(line: str) -> None:
  """Prints a warning on stderr that nobody can miss."""
  if not multihost.is_first():
    return
  rule = '!' * 72
  tqdm.tqdm.write(f'{rule}\nWARNING: {line}\n{rule}', file=sys.stderr)


def progress_bar(*, total: int, initial: int) -> tqdm.tqdm:
  """Opens a bar over all steps on a terminal; in a log it stays silent."""
  return tqdm.tqdm(
    total=total,
    initial=initial,
    unit='step',
    dynamic_ncols=True,
    smoothing=0.1,
    leave=False,
    disable=not (sys.stderr.isatty() and multihost.is_first()),
  )
