"""What every reader of a sweep relies on, checked in what others wrote."""

import math
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from mnist_jax import errors
from mnist_jax.analysis.sweep import summary

MAX_RESULTS, MAX_OVERRIDES = 1_000, 20
AGAIN = 'run the sweep again into a fresh folder'
_MAX_TEXT = 500
_TEXTS = ('mode', 'device', 'git_commit', 'command', 'notice')


def check(content: Any, where: str = 'the sweep') -> dict:
  """Make sure that a sweep holds what every reader relies on.

  Args:
    content: of `sweep.json`.
    where: it is from, for the messages.

  Returns:
    A copy with `config_name`, `dataset`, `mode`, `device`, `git_commit`,
    `command` and `notice`, texts of one line each; `num_devices`; `seeds`, the
    results as far as they are read here, with finite numbers alone, all on the
    same number of test images; and `failed`, with `seed`, `overrides`,
    `reason`.

  Raises:
    errors.UserError: in one line, if it does not.
  """
  need(isinstance(content, dict), where, 'is no JSON object')
  results, failed = content.get('seeds'), content.get('failed', [])
  for name, listed in (('seeds', results), ('failed', failed)):
    no_list = f'is no sweep, for it has no list of {name}'
    need(isinstance(listed, list), where, no_list, 'give a sweep.json')
    need(
      len(listed) <= MAX_RESULTS,
      where,
      f'has {len(listed):,} {name}, and at most {MAX_RESULTS:,} are read',
      'run several smaller sweeps',
    )
  results = [
    _check_result(r, f'{where}, seeds[{i}]') for i, r in enumerate(results)
  ]
  failed = [
    _check_failed(f, f'{where}, failed[{i}]') for i, f in enumerate(failed)
  ]
  _check_together(results, where)
  first = results[0] if results else content
  return {
    'config_name': _read_text(content, 'config_name', where),
    'dataset': _read_text(first, 'dataset', where),
    'num_devices': content.get('num_devices'),
    **{key: _read_text(content, key, where, '') for key in _TEXTS},
    'seeds': results,
    'failed': failed,
  }


def need(
  satisfied: bool, where: str, problem: str, way_out: str = AGAIN
) -> None:
  """Raise a `UserError` of one line unless something is satisfied."""
  if not satisfied:
    raise errors.UserError(f'{where} {problem}; {way_out}')


def clean(text: str, length: int = _MAX_TEXT) -> str:
  """Make one line of a text, without what would steer a terminal."""
  line = ''.join(c if c.isprintable() else ' ' for c in text[: 4 * length])
  line = ' '.join(line.split())
  return line if len(line) <= length else f'{line[: length - 1]}…'


def _read_text(
  content: Mapping, key: str, where: str, default: str | None = None
) -> str:
  text = content.get(key, default)
  need(isinstance(text, str), where, f'has no text {key}')
  return clean(text)


def _read_number(content: Mapping, key: str, where: str) -> float:
  number = content.get(key)
  need(is_number(number), where, f'has no finite number {key}')
  return number


def is_number(value: Any) -> bool:
  """Tell whether a value of JSON is a number that a float can hold."""
  # An integer of 400 digits is JSON too, and no float.
  if isinstance(value, bool) or not isinstance(value, int | float):
    return False
  return abs(value) <= sys.float_info.max


def _read_count(content: Mapping, key: str, where: str) -> int:
  count = content.get(key)
  whole = isinstance(count, int) and not isinstance(count, bool)
  need(whole and 0 <= count < 2**63, where, f'has no whole number {key}')
  return count


def _check_result(result: Any, where: str) -> dict:
  need(isinstance(result, dict), where, 'is no result')
  seconds = _read_number(result, 'train_seconds', where)
  need(seconds >= 0, where, f'has train_seconds {seconds}, below 0')
  checked = {
    'seed': _read_count(result, 'seed', where),
    'dataset': _read_text(result, 'dataset', where),
    'config_name': _read_text(result, 'config_name', where),
    'overrides': _check_overrides(result.get('overrides', {}), where),
    'workdir': _check_workdir(result.get('workdir', ''), where),
    'train_seconds': float(seconds),
    'test': _check_split(result.get('test'), f'{where}.test'),
  }
  for split in ('train', 'valid'):
    scores = result.get(split)
    checked[split] = scores and _check_split(scores, f'{where}.{split}')
  return checked


def _check_split(scores: Any, where: str) -> dict:
  need(isinstance(scores, dict), where, 'has no scores')
  keys = 'num_errors', 'count'
  num_errors, count = (_read_count(scores, key, where) for key in keys)
  accuracy = _read_number(scores, 'accuracy', where)
  need(
    num_errors <= count and count > 0,
    where,
    f'has {num_errors} errors of {count} images',
  )
  need(
    math.isclose(accuracy, 1 - num_errors / count, abs_tol=1e-6),
    where,
    f'has accuracy {accuracy} with {num_errors} errors of {count}',
  )
  loss = float(_read_number(scores, 'loss', where))
  ours = {'loss': loss, 'accuracy': float(accuracy)}
  return ours | {'num_errors': num_errors, 'count': count}


def _check_overrides(overrides: Any, where: str) -> dict:
  need(isinstance(overrides, dict), where, 'has overrides that are no object')
  need(
    len(overrides) <= MAX_OVERRIDES,
    where,
    f'has {len(overrides)} overrides, and at most {MAX_OVERRIDES} are read',
  )
  for name, value in overrides.items():
    need(
      _is_setting(value)
      or (isinstance(value, list | tuple) and all(map(_is_setting, value))),
      where,
      f'has an override {clean(name, 40)} that is no number or text',
    )
  return {clean(n, 60): _clean_setting(v) for n, v in overrides.items()}


def _is_setting(value: Any) -> bool:
  return isinstance(value, str | bool) or is_number(value)


def _clean_setting(value: Any) -> Any:
  # A list, such as the numbers of features, is written as one text.
  if isinstance(value, list | tuple):
    value = ', '.join(map(str, value[:20]))
  return clean(value, 60) if isinstance(value, str) else value


def _check_workdir(name: Any, where: str) -> str:
  plain = (
    isinstance(name, str)
    and name == pathlib.PurePath(name).name
    and name != '..'
  )
  need(
    # A backslash separates folders too, on some systems.
    plain and '\\' not in name and '\0' not in name and len(name) <= 255,
    where,
    'has a workdir that is no plain name of a folder',
  )
  return name


def _check_failed(failed: Any, where: str) -> dict:
  need(isinstance(failed, dict), where, 'is no object')
  return {
    'seed': _read_count(failed, 'seed', where),
    'overrides': _check_overrides(failed.get('overrides', {}), where),
    'reason': _read_text(failed, 'reason', where, 'unknown reason'),
  }


def _check_together(results: Sequence[Mapping], where: str) -> None:
  for overrides, seeded in summary.group(results):
    numbers = [result['seed'] for result in seeded]
    twice = sorted({seed for seed in numbers if numbers.count(seed) > 1})
    need(
      not twice,
      where,
      f'has seed {twice[:1]} twice at {overrides}',
      'each seed counts once; remove one of them',
    )
  same = {
    'data sets': {result['dataset'] for result in results},
    'numbers of test images': {result['test']['count'] for result in results},
  }
  for what, found in same.items():
    need(
      len(found) <= 1,
      where,
      f'mixes {what}: {", ".join(map(str, sorted(found)[:5]))}',
      'make one sweep of each',
    )
