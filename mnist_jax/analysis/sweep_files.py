"""A sweep, read back from its folder or its file, and checked."""

import json
import math
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from mnist_jax import errors
from mnist_jax.analysis import runs, seeds

NAME = 'sweep.json'
MAX_RESULTS = 1_000
MAX_OVERRIDES = 20
MAX_BYTES, MAX_METRICS_BYTES = 64 * 2**20, 16 * 2**20
_MAX_TEXT = 500
_TEXTS = ('mode', 'device', 'git_commit', 'command', 'notice')
_AGAIN = 'run the sweep again into a fresh folder'


def is_sweep(path: str | pathlib.Path) -> bool:
  """Tell whether a path is a sweep: a folder of one, or a JSON file."""
  path = pathlib.Path(path)
  return (path / NAME).is_file() or (path.suffix == '.json' and path.is_file())


def find_folder(path: str | pathlib.Path) -> pathlib.Path | None:
  """Find the folder that has a sweep's workdirs; None for a lone file."""
  path = pathlib.Path(path)
  if path.name == NAME and path.is_file():
    return path.parent
  return path if path.is_dir() else None


def load(path: str | pathlib.Path) -> dict:
  """Read a sweep.

  Args:
    path: the folder of a sweep, or the JSON file of one.

  Returns:
    What `check` returns.

  Raises:
    errors.UserError: if there is no sweep, or it is damaged.
  """
  path = pathlib.Path(path)
  if path.is_dir():
    path = path / NAME
  try:
    if path.stat().st_size > MAX_BYTES:
      raise errors.UserError(
        f'{path} has more than {MAX_BYTES // 2**20} MiB, which no sweep of '
        f'{MAX_RESULTS:,} seeds has; give the sweep.json of a sweep'
      )
    text = path.read_text(encoding='utf-8')
  except (OSError, UnicodeDecodeError) as error:
    raise errors.UserError(
      f'{path} cannot be read; give the folder of a sweep, which holds {NAME}'
    ) from error
  try:
    content = json.loads(text, parse_constant=_refuse_constant)
  # Thousands of brackets exhaust the parser's stack, and digits its integers.
  except (ValueError, RecursionError) as error:
    raise errors.UserError(
      f'{path} is not JSON ({_clean(str(error), 80)}); {_AGAIN}'
    ) from error
  return check(content, str(path))


def _refuse_constant(name: str):
  raise ValueError(f'{name} is no number')


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
  _need(isinstance(content, dict), where, 'is no JSON object')
  results, failed = content.get('seeds'), content.get('failed', [])
  for name, listed in (('seeds', results), ('failed', failed)):
    _need(isinstance(listed, list), where, f'has no list of {name}')
    _need(
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


def _need(
  satisfied: bool, where: str, problem: str, way_out: str = _AGAIN
) -> None:
  if not satisfied:
    raise errors.UserError(f'{where} {problem}; {way_out}')


def _clean(text: str, length: int = _MAX_TEXT) -> str:
  """Make one line of a text, without what would steer a terminal."""
  line = ''.join(c if c.isprintable() else ' ' for c in text[: 4 * length])
  line = ' '.join(line.split())
  return line if len(line) <= length else f'{line[: length - 1]}…'


def _read_text(
  content: Mapping, key: str, where: str, default: str | None = None
) -> str:
  text = content.get(key, default)
  _need(isinstance(text, str), where, f'has no text {key}')
  return _clean(text)


def _read_number(content: Mapping, key: str, where: str) -> float:
  number = content.get(key)
  _need(_is_number(number), where, f'has no finite number {key}')
  return number


def _is_number(value: Any) -> bool:
  # An integer of 400 digits is JSON too, and no float.
  if isinstance(value, bool) or not isinstance(value, int | float):
    return False
  return abs(value) <= sys.float_info.max


def _read_count(content: Mapping, key: str, where: str) -> int:
  count = content.get(key)
  whole = isinstance(count, int) and not isinstance(count, bool)
  _need(whole and 0 <= count < 2**63, where, f'has no whole number {key}')
  return count


def _check_result(result: Any, where: str) -> dict:
  _need(isinstance(result, dict), where, 'is no result')
  seconds = _read_number(result, 'train_seconds', where)
  _need(seconds >= 0, where, f'has train_seconds {seconds}, below 0')
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
  _need(isinstance(scores, dict), where, 'has no scores')
  keys = 'num_errors', 'count'
  num_errors, count = (_read_count(scores, key, where) for key in keys)
  accuracy = _read_number(scores, 'accuracy', where)
  _need(
    num_errors <= count and count > 0,
    where,
    f'has {num_errors} errors of {count} images',
  )
  _need(
    math.isclose(accuracy, 1 - num_errors / count, abs_tol=1e-6),
    where,
    f'has accuracy {accuracy} with {num_errors} errors of {count}',
  )
  loss = float(_read_number(scores, 'loss', where))
  ours = {'loss': loss, 'accuracy': float(accuracy)}
  return ours | {'num_errors': num_errors, 'count': count}


def _check_overrides(overrides: Any, where: str) -> dict:
  _need(isinstance(overrides, dict), where, 'has overrides that are no object')
  _need(
    len(overrides) <= MAX_OVERRIDES,
    where,
    f'has {len(overrides)} overrides, and at most {MAX_OVERRIDES} are read',
  )
  for name, value in overrides.items():
    _need(
      isinstance(value, str | bool) or _is_number(value),
      where,
      f'has an override {_clean(name, 40)} that is no number or text',
    )
  return {
    _clean(name, 60): _clean(value, 60) if isinstance(value, str) else value
    for name, value in overrides.items()
  }


def _check_workdir(name: Any, where: str) -> str:
  plain = isinstance(name, str) and name == pathlib.PurePath(name).name
  _need(
    # A backslash separates folders too, on some systems.
    plain and '\\' not in name and '\0' not in name and len(name) <= 255,
    where,
    'has a workdir that is no plain name of a folder',
  )
  return name


def _check_failed(failed: Any, where: str) -> dict:
  _need(isinstance(failed, dict), where, 'is no object')
  return {
    'seed': _read_count(failed, 'seed', where),
    'overrides': _check_overrides(failed.get('overrides', {}), where),
    'reason': _read_text(failed, 'reason', where, 'unknown reason'),
  }


def _check_together(results: Sequence[Mapping], where: str) -> None:
  for overrides, seeded in seeds.group(results):
    numbers = [result['seed'] for result in seeded]
    twice = sorted({seed for seed in numbers if numbers.count(seed) > 1})
    _need(
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
    _need(
      len(found) <= 1,
      where,
      f'mixes {what}: {", ".join(map(str, sorted(found)[:5]))}',
      'make one sweep of each',
    )


def pick_best(sweep: Mapping) -> tuple[dict, dict]:
  """Take the point of a sweep that stands for it.

  Args:
    sweep: what `check` returned.

  Returns:
    The sweep with the seeds of one point alone, and that point's overrides: of
    several points the best by validation.

  Raises:
    errors.UserError: if there are several points and no validation to choose.
  """
  grouped = seeds.group(sweep['seeds'])
  if len(grouped) <= 1:
    return dict(sweep), grouped[0][0] if grouped else {}
  points = seeds.list_points(seeds.summarize(sweep['seeds']))
  best = seeds.find_best(points)
  if best is None:
    raise errors.UserError(
      f'{sweep["config_name"]} has {len(points)} points and no validation to '
      'choose one; sweep again with --config.data.valid=writer_disjoint'
    )
  chosen = grouped[points.index(best)]
  return {**sweep, 'seeds': chosen[1]}, chosen[0]


def load_rows(
  folder: pathlib.Path, results: Sequence[Mapping]
) -> list[list[dict[str, float]]]:
  """Read the metrics of the seeds whose workdirs are still there.

  Args:
    folder: of the sweep.
    results: checked ones.

  Returns:
    For each workdir found the rows of its `metrics.jsonl`, by epoch, with
    what is no number left out.

  Raises:
    errors.UserError: if a `metrics.jsonl` is damaged.
  """
  workdirs = [
    folder / result['workdir'] for result in results if result['workdir']
  ]
  found = [w for w in workdirs if (w / 'metrics.jsonl').is_file()]
  return [_load_numbers(workdir) for workdir in found]


def _load_numbers(workdir: pathlib.Path) -> list[dict[str, float]]:
  path = workdir / 'metrics.jsonl'
  _need(
    path.stat().st_size <= MAX_METRICS_BYTES,
    str(path),
    f'has more than {MAX_METRICS_BYTES // 2**20} MiB, which no run writes',
  )
  rows = [
    {key: float(value) for key, value in row.items() if _is_number(value)}
    for row in runs.load_metrics(workdir)
  ]
  return [row for row in rows if 'epoch' in row]
