"""Command lines with positional arguments, and errors as one line.

absl knows no positional arguments, and `command_line` looks for a recipe.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from mnist_jax import errors


class Parser(argparse.ArgumentParser):
  """Raises what the user has typed wrongly as a `UserError`."""

  def error(self, message: str):
    raise errors.UserError(f'{message}; --help shows what to give')


def run(
  main: Callable[[Sequence[str] | None], int],
  argv: Sequence[str] | None = None,
) -> int:
  """Returns the exit code of `main(argv)`.

  It is 2, after one line on stderr, for what a user can mend, and 130 after
  Ctrl-C.
  """
  try:
    return main(argv)
  except errors.UserError as error:
    line = ' '.join(str(error).split())
    print(f'mnist_jax: {line}', file=sys.stderr)
    return 2
  except BrokenPipeError:  # Whoever read the lines has enough of them.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
  except KeyboardInterrupt:
    print('mnist_jax: interrupted', file=sys.stderr)
    return 130
