"""Command lines with positional arguments, which absl does not have."""

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn

from mnist_jax import errors
from mnist_jax.cli import exit_codes, interrupts


class Parser(argparse.ArgumentParser):
  """Raises a `UserError` for a wrong command line instead of exiting."""

  def error(self, message: str) -> NoReturn:
    raise errors.UserError(f'{message}; see --help')


def run(
  main: Callable[[Sequence[str] | None], int],
  argv: Sequence[str] | None = None,
) -> int:
  """Runs `main(argv)` and returns the exit code (`exit_codes.run`).

  Args:
    main: parses its arguments with a `Parser` and returns an exit code.
    argv: the command line without the program's name; None reads sys.argv.
  """
  code = exit_codes.run(lambda: main(argv))
  interrupts.ignore()
  return code
