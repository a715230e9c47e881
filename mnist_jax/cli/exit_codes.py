"""How every command ends: with an exit code, and one line for an error.

0    done, or saved after a signal
2    an error that the user can mend
75   another process of a distributed run is gone
130  interrupted before there was anything to save
"""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable

from mnist_jax import errors
from mnist_jax.cli import printable

USER_ERROR = 2
PROCESS_GONE = 75
INTERRUPTED = 130

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def run(command: Callable[[], int | None]) -> int:
  """Runs a command and prints its error, if any, as one line.

  Args:
    command: returns an exit code; None counts as 0.

  Returns:
    The exit code. It is 0 where the reader of stdout closed the pipe, as `head`
    does when it has enough lines.
  """
  if isinstance(sys.stdout, io.TextIOWrapper):
    # A terminal may not know all letters of a file name, or of our own text.
    sys.stdout.reconfigure(errors='backslashreplace')
  try:
    return _run_and_flush(command)
  except errors.UserError as error:
    print_error(str(error))
    return USER_ERROR
  except KeyboardInterrupt:
    print_error('interrupted')
    return INTERRUPTED
  except BrokenPipeError:
    return 0
  except OSError as error:
    if not (line := _describe(error)):
      raise
    print_error(line)
    return USER_ERROR
  finally:
    with contextlib.suppress(OSError):  # Something else went wrong before.
      flush_stdout()


def _run_and_flush(command: Callable[[], int | None]) -> int:
  """Runs a command; what it printed is written, or this raises."""
  try:
    code = command() or 0
  except SystemExit:  # absl and argparse end with it, also after success.
    flush_stdout()
    raise
  flush_stdout()
  return code


def _describe(error: OSError) -> str:
  """Returns the line about an error that the user can mend; '' for others."""
  if error.errno == errno.ENAMETOOLONG:
    return f'{str(error.filename)[:60]}... is too long for a file name'
  # Files that a command opens by name are told of as `UserError`.
  if error.errno in _FULL and error.filename is None:
    return (
      f'the output cannot be written ({error.strerror}); make room, or send it '
      'elsewhere'
    )
  return ''


def print_error(message: str) -> None:
  """Prints a line on stderr, as every error of a command."""
  line = printable.escape(' '.join(message.split()))
  print(f'mnist_jax: {line}', file=sys.stderr)


def flush_stdout() -> None:
  """Flushes stdout; where that fails, discards what follows.

  Otherwise Python would try again at its exit, and report the error itself.

  Raises:
    OSError: when it cannot be written; not when its reader closed the pipe.
  """
  try:
    sys.stdout.flush()
  except OSError as error:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(error, BrokenPipeError):
      raise
