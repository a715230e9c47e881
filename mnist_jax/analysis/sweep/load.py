"""A sweep, read back from its folder or its file, and checked."""

import json
import pathlib
from collections.abc import Mapping, Sequence

from mnist_jax import errors
from mnist_jax.analysis.run import load as load_lib
from mnist_jax.analysis.sweep import checks, summary

NAME = 'sweep.json'
MAX_BYTES, MAX_METRICS_BYTES = 64 * 2**20, 16 * 2**20


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
    What `sweep_checks.check` returns.

  Raises:
    errors.UserError: if there is no sweep, or it is damaged.
  """
  path = pathlib.Path(path)
  if path.is_dir():
    path = path / NAME
  try:
    if path.stat().st_size > MAX_BYTES:
      raise errors.UserError(
        f'{path} has more than {MAX_BYTES // 2**20} MiB, and no sweep has; '
        f'give a sweep.json of at most {checks.MAX_RESULTS:,} results'
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
    reason = checks.clean(str(error), 80)
    raise errors.UserError(
      f'{path} is not JSON ({reason}); {checks.AGAIN}'
    ) from error
  return checks.check(content, str(path))


def _refuse_constant(name: str):
  raise ValueError(f'{name} is no number')


def pick_best(sweep: Mapping) -> tuple[dict, dict]:
  """Take the point of a sweep that stands for it.

  Args:
    sweep: what `sweep_checks.check` returned.

  Returns:
    The sweep with the seeds of one point alone, and that point's overrides: of
    several points the best by validation.

  Raises:
    errors.UserError: if there are several points and no validation to choose.
  """
  grouped = summary.group(sweep['seeds'])
  if len(grouped) <= 1:
    return dict(sweep), grouped[0][0] if grouped else {}
  points = summary.list_points(summary.summarize(sweep['seeds']))
  best = summary.find_best(points)
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
  checks.need(
    path.stat().st_size <= MAX_METRICS_BYTES,
    str(path),
    f'has more than {MAX_METRICS_BYTES // 2**20} MiB, which no run writes',
  )
  rows = [
    {key: float(value) for key, value in row.items() if checks.is_number(value)}
    for row in load_lib.load_metrics(workdir)
  ]
  return [row for row in rows if 'epoch' in row]
