"""Command lines with positional arguments, which absl does not have."""

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.cli import exit_codes, interrupts, recipe_errors


class Parser(argparse.ArgumentParser):
  """Raises a `UserError` for a wrong command line instead of exiting."""

  def error(self, message: str) -> NoReturn:
    raise errors.UserError(f'{message}; see --help')


def add_config(parser: argparse.ArgumentParser) -> None:
  """Adds `--config`, for the runs of recipes that add to a registry."""
  parser.add_argument(
    '--config',
    metavar='RECIPE',
    help='the recipe of the run, if it adds a model or a data set of its own',
  )


def load_config(recipe: str | None) -> None:
  """Loads a recipe for what it adds to the registries.

  Raises:
    errors.UserError: when there is no such recipe, or it cannot be loaded.
  """
  if recipe is None:
    return
  path = config_lib.find(recipe.partition(':')[0])
  try:
    config_lib.load(recipe)
  except errors.UserError:
    raise
  except (Exception, SystemExit) as error:  # It can raise anything.
    line = recipe_errors.describe(error, [str(path)])
    raise errors.UserError(line) from error


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
