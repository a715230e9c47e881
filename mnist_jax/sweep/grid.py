"""`--grid FIELD=VALUE,VALUE`: settings for a sweep from the command line."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import ml_collections

from mnist_jax import config as config_lib
from mnist_jax import errors

EXAMPLE = '--grid optim.lr=1e-3,3e-3'


def make_rows(
  grids: Sequence[str],
  config: ml_collections.ConfigDict,
  rows: Sequence[dict] = ({},),
) -> list[dict]:
  """Returns each of `rows` with each combination of the grids' values.

  Args:
    grids: such as 'optim.lr=1e-3,3e-3', one for each field.
    config: the recipe, whose fields say of which type the values are.
    rows: from the recipe's sweep(add); one empty row without it.

  Raises:
    errors.UserError: when a grid is not FIELD=VALUE,..., its field is unknown,
      comes twice or is in `rows` too, or a value does not fit the field.
  """
  values: dict[str, list] = {}
  fields = config_lib.flatten(config)
  for grid in grids:
    name, found = _parse(grid, fields)
    if name in values:
      raise errors.UserError(
        f'--grid has {name} twice; give all its values at once, as in {EXAMPLE}'
      )
    if any(name in row for row in rows):
      raise errors.UserError(
        f"--grid and the recipe's sweep(add) both set {name}; leave out "
        '--settings, or that grid'
      )
    values[name] = found
  return [
    {**row, **dict(zip(values, point, strict=True))}
    for row, point in itertools.product(
      rows, itertools.product(*values.values())
    )
  ]


def _parse(grid: str, fields: Mapping[str, Any]) -> tuple[str, list]:
  name, equals, text = grid.partition('=')
  words = text.split(',')
  if not equals or not all(words):
    raise errors.UserError(
      f'--grid {grid!r} is not FIELD=VALUE,VALUE; write one such as {EXAMPLE}'
    )
  if name == 'seed':
    raise errors.UserError(
      '--grid cannot set the seed; use --num_seeds, and --config.seed for the '
      'first'
    )
  errors.check_word('--grid field', name, fields)
  return name, [_convert(name, word, fields[name]) for word in words]


def _convert(name: str, word: str, default: Any) -> Any:
  try:
    if isinstance(default, bool):
      return {'true': True, 'false': False}[word.lower()]
    if isinstance(default, int | float | str):
      return type(default)(word)
  except (KeyError, ValueError):
    pass
  raise errors.UserError(
    f'--grid {name}: {word!r} is not of type {type(default).__name__}; write '
    f'values such as {default}'
  )
