"""Paths that a user gives: `~` in them, and what is there."""

import errno
import os
import pathlib
import stat

from mnist_jax import errors


def expand(path: str | os.PathLike) -> pathlib.Path:
  """Returns the path of a folder, with `~` as the user's home.

  A shell leaves `--workdir=~/runs` as it is.

  Raises:
    errors.UserError: it begins with the home of an unknown user.
  """
  expanded = os.path.expanduser(os.fspath(path))
  if expanded.startswith('~'):
    raise errors.UserError(
      f'the folder {path} begins with the home of an unknown user; write '
      f'./{path} for a folder of that name'
    )
  return pathlib.Path(expanded)


def is_file(path: str | os.PathLike) -> bool:
  """Whether there is a file.

  Raises:
    errors.UserError: nobody can tell, since its folder cannot be entered.
  """
  try:
    return stat.S_ISREG(os.stat(path).st_mode)
  except (FileNotFoundError, NotADirectoryError, ValueError):
    return False
  except OSError as error:
    if error.errno == errno.ENAMETOOLONG:
      raise
    raise errors.UserError(
      f'{path} cannot be read ({error.strerror}); have its folder opened to '
      'you, or give another one'
    ) from error
