"""How every command ends: with an exit code, and one line for an error.

0    done, or saved after a signal
2    an error that the user can mend
75   another process of a distributed run is gone
130  interrupted before there was anything to save
"""

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
    return command() or 0
  except errors.UserError as error:
    print_error(str(error))
    return USER_ERROR
  except KeyboardInterrupt:
    print_error('interrupted')
    return INTERRUPTED
  except BrokenPipeError:
    return 0
  except OSError as error:
    if error.errno != errno.ENAMETOOLONG:
      raise
    print_error(f'{str(error.filename)[:60]}... is too long for a file name')
    return USER_ERROR
  finally:
    flush_stdout()  # Or Python does it at exit, and reports the closed pipe.


def print_error(message: str) -> None:
  """Prints a line on stderr, as every error of a command."""
  line = printable.escape(' '.join(message.split()))
  print(f'mnist_jax: {line}', file=sys.stderr)


def flush_stdout() -> None:
  """Flushes stdout; if its reader closed the pipe, discards what follows."""
  try:
    sys.stdout.flush()
  except BrokenPipeError:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
