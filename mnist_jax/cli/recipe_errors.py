"""Where a recipe failed: recipes are Python, and can raise anything."""

import pathlib
import traceback
from collections.abc import Iterator, Sequence


def describe(error: BaseException, paths: Sequence[str]) -> str:
  """Names the file, the line and the exception, in one line.

  Args:
    error: what loading the recipe has raised, maybe through other libraries.
    paths: of the recipes on the command line.
  """
  place = paths[-1] if paths else 'the recipe'
  folders = _folders(paths)
  for cause in causes(error):
    if line := _find_line(cause, folders):
      place = line
      break
  return (
    f'{place}: {type(cause).__name__}: {cause}; compare the recipe with '
    'configs/improved.py'
  )


def is_from_recipe(error: BaseException, paths: Sequence[str]) -> bool:
  """Whether code of a recipe, or of a file beside it, has raised `error`."""
  return bool(_find_line(error, _folders(paths)))


def _folders(paths: Sequence[str]) -> set[pathlib.Path]:
  return {pathlib.Path(path).resolve().parent for path in paths}


def causes(error: BaseException | None) -> Iterator[BaseException]:
  """Yields an exception, and then those from which it was raised."""
  while error is not None:
    yield error
    error = error.__cause__ or error.__context__


def _find_line(error: BaseException, folders: set[pathlib.Path]) -> str:
  """Returns the last 'file, line N' in a recipe or beside it; '' if none."""
  if isinstance(error, SyntaxError):
    return f'{error.filename}, line {error.lineno}'
  found = ''
  for frame, line in traceback.walk_tb(error.__traceback__):
    path = frame.f_code.co_filename
    if pathlib.Path(path).resolve().parent in folders:
      found = f'{path}, line {line}'
  return found
