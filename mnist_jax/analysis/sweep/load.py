"""A sweep, read back from its folder or its file, and checked."""

import math
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from mnist_jax import errors
from mnist_jax.analysis import text_table
from mnist_jax.analysis.run import load as run_load
from mnist_jax.analysis.sweep import summary
from mnist_jax.workdir import json_files, paths

NAME = 'sweep.json'
MAX_TRIALS = 1_000
_AGAIN = 'run the sweep again into a fresh folder'
_Value = run_load.Integer | run_load.Number | str | bool
_Overrides = Annotated[
  dict[str, _Value | list[_Value]], msgspec.Meta(max_length=20)
]
_AtMost = msgspec.Meta(max_length=MAX_TRIALS)


class _Failed(msgspec.Struct):
  seed: run_load.Count
  overrides: _Overrides = {}
  reason: str = 'unknown reason'


class _Trial(msgspec.Struct):
  seed: run_load.Count
  dataset: str
  config_name: str
  train_seconds: run_load.Positive
  test: run_load.Scores | None = None
  train: run_load.Scores | None = None
  valid: run_load.Scores | None = None
  overrides: _Overrides = {}
  workdir: Annotated[str, msgspec.Meta(max_length=255)] = ''


class _Data(msgspec.Struct):
  valid: str = ''


class _Config(msgspec.Struct):
  data: _Data = msgspec.field(default_factory=_Data)


class _Sweep(msgspec.Struct):
  config_name: str
  seeds: Annotated[list[_Trial], _AtMost]
  failed: Annotated[list[_Failed], _AtMost] = []
  dataset: str = 'unknown'
  mode: str = ''
  device: str = ''
  notice: str = ''
  config: _Config = msgspec.field(default_factory=_Config)


def is_sweep(path: str | pathlib.Path) -> bool:
  """Return whether a path is a sweep: a folder of one, or a JSON file.

  Raises:
    errors.UserError: if its folder cannot be entered.
  """
  path = pathlib.Path(path)
  if paths.is_file(path / NAME):
    return True
  return path.suffix == '.json' and paths.is_file(path)


def find_folder(path: str | pathlib.Path) -> pathlib.Path | None:
  """Find the folder that has a sweep's workdirs; None for a lone file."""
  path = pathlib.Path(path)
  if path.name == NAME and os.path.isfile(path):
    return path.parent
  return path if os.path.isdir(path) else None


def load(path: str | pathlib.Path) -> dict:
  """Read a sweep from its folder or its JSON file; see `check`."""
  path = pathlib.Path(path)
  path = path / NAME if os.path.isdir(path) else path
  content = json_files.read_object(path, way_out=_AGAIN)
  if content is None:
    raise errors.UserError(
      f'{path} is not there; give the folder of a sweep, which holds {NAME}'
    )
  return check(content, str(path))


def check(content: Any, where: str = 'the sweep') -> dict:
  """Make sure that a sweep holds what the analysis relies on.

  Args:
    content: of `sweep.json`.
    where: it is from, for the messages.

  Returns:
    The fields of `_Sweep`, each text in one line, and `settings`, which is what
    `summary.list_settings` returns.

  Raises:
    errors.UserError: in one line, if it does not.
  """
  try:
    sweep = _clean(msgspec.to_builtins(msgspec.convert(content, _Sweep)))
    for trial in sweep['seeds']:
      _check_trial(trial)
      sweep['dataset'] = trial['dataset']
    _check_together(sweep['seeds'])
  except ValueError as error:  # As those of msgspec are, too.
    raise errors.UserError(
      f'{where} is no sweep ({error}); {_AGAIN}'
    ) from error
  return sweep | {'settings': summary.list_settings(sweep['seeds'])}


def _clean(value: Any) -> Any:
  """Make one line of each text, of at most 500 characters."""
  if isinstance(value, str):
    return text_table.shorten(text_table.one_line(value[:2_000]), 500)
  if isinstance(value, dict):
    return {_clean(name): _clean(one) for name, one in value.items()}
  return [_clean(one) for one in value] if isinstance(value, list) else value


def _check_trial(trial: Mapping):
  where, name = f'seed {trial["seed"]}', trial['workdir']
  # A backslash separates folders too, on some systems.
  if name != pathlib.PurePath(name).name or {'\\', '..'} & {*name, name}:
    raise ValueError(f'{where} has a workdir that is no plain name of a folder')
  if not (trial['test'] or trial['valid']):
    raise ValueError(f'{where} has neither test nor validation scores')
  for split in ('train', 'valid', 'test'):
    if scores := trial[split]:
      share = 1 - scores['num_errors'] / scores['count']
      if not math.isclose(scores['accuracy'], share, abs_tol=1e-6):
        raise ValueError(
          f'{where} has {split} accuracy {scores["accuracy"]} with '
          f'{scores["num_errors"]} errors of {scores["count"]}'
        )


def _check_together(trials: Sequence[Mapping]):
  for _, same in summary.group(trials):
    seeds = [trial['seed'] for trial in same]
    if twice := {seed for seed in seeds if seeds.count(seed) > 1}:
      raise ValueError(f'seed {min(twice)} is there twice')
  for what, found in (
    ('data sets', {trial['dataset'] for trial in trials}),
    ('numbers of test images', {_count_test(trial) for trial in trials}),
  ):
    if len(found) > 1:
      mixed = ', '.join(map(str, sorted(found)[:5]))
      raise ValueError(f'it mixes {what}: {mixed}')


def _count_test(trial: Mapping) -> int:
  return trial['test']['count'] if trial['test'] else 0


def pick_best(sweep: Mapping) -> dict:
  """Return a checked sweep with its best settings alone, by validation.

  Raises:
    errors.UserError: if there are several, and no validation to choose by.
  """
  listed = sweep['settings']
  if len(listed) <= 1:
    return dict(sweep)
  best = summary.find_best(listed)
  if best is None:
    raise errors.UserError(
      f'{sweep["config_name"]} has {len(listed)} settings and no validation to '
      'choose by; sweep again with --config.data.valid=writer_disjoint or '
      'random'
    )
  return {**sweep, 'seeds': best['trials'], 'settings': [best]}


def load_rows(
  folder: pathlib.Path, trials: Sequence[Mapping]
) -> Iterator[list[dict[str, float]]]:
  """Yield the rows of those trials whose workdirs are still in the folder."""
  for trial in trials:
    path = folder / trial['workdir'] / 'metrics.jsonl'
    if trial['workdir'] and (rows := run_load.read_numbers(path)):
      yield rows
