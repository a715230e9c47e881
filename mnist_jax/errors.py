"""The exception for errors that a user can mend, and checks that raise it."""

import collections
import difflib
import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any


class UserError(Exception):
  """Something that the user can put right, in one line.

  The message names the value, the rule and the way out. Commands print it on
  stderr and exit with code 2; a user never sees a traceback for it.
  """

  def __str__(self) -> str:
    return ' '.join(super().__str__().split())


def first_line(error: BaseException) -> str:
  """Returns the first line of what an exception says."""
  return ' '.join((str(error).strip() or repr(error)).split('\n')[0].split())


def check_word(field: str, word: str, choices: Collection[str]) -> None:
  """Checks that `word`, the value of `field`, is one of `choices`.

  Raises:
    UserError: it is not.
  """
  if word not in choices:
    raise UserError(f'{field} {word!r} is unknown; {suggest(word, choices)}')


def arguments(
  what: str, function: Callable, *fields: Mapping[str, Any]
) -> dict[str, Any]:
  """Returns the arguments of `function` that have the name of a field.

  Args:
    what: `function` in an error, such as "optimizer 'lion'".
    function: an entry of a registry.
    *fields: values by name; where several have a name, the first counts.

  Raises:
    UserError: it is no function, or an argument without a default is not among
      `fields`.
  """
  if not callable(function):
    raise UserError(
      f'{what} is a {type(function).__name__}; it must be a function'
    )
  known = collections.ChainMap(*fields)  # type: ignore[arg-type]
  # What functools.partial has set stays as it is.
  is_partial = isinstance(function, functools.partial)
  settled = function.keywords if is_partial else {}
  found = {}
  for name, parameter in inspect.signature(function).parameters.items():
    kinds = (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    if parameter.kind in kinds or name in settled:
      continue
    if name in known:
      found[name] = known[name]
    elif parameter.default is parameter.empty:
      raise UserError(
        f'{what} takes {name!r}, which is no field that it can have; give it a '
        f'default, or set config.extra.{name} in the recipe'
      )
  return found


def suggest(word: str, choices: Collection[str]) -> str:
  """Returns 'did you mean X?' or, if no choice is similar, all of them."""
  near = difflib.get_close_matches(str(word), list(choices), n=1)
  if near:
    return f'did you mean {near[0]!r}?'
  shown = ', '.join(choice or 'nothing' for choice in choices)
  return f'choose one of {shown}'
