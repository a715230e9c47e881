"""Workdirs with one damaged file, as every command meets them."""

import itertools
import json
import pathlib
import random
import re
from collections.abc import Callable
from typing import Any

from experiments.fault_campaign import bench as bench_lib
from experiments.fault_campaign import campaign, processes
from mnist_jax.workdir import workdir as workdir_lib

TEXT = {'.json', '.jsonl', '.html'}


def empty(path: pathlib.Path, rng: random.Random) -> None:
  """Leaves no byte in a file."""
  del rng
  path.write_bytes(b'')


def truncate(path: pathlib.Path, rng: random.Random) -> None:
  """Cuts a file off somewhere."""
  content = path.read_bytes()
  path.write_bytes(content[: rng.randrange(max(1, len(content)))])


def flip(path: pathlib.Path, rng: random.Random) -> None:
  """Changes one byte.

  In a text file it becomes one that is no ASCII character: nobody can tell a
  digit that was changed into another from the right one.
  """
  content = bytearray(path.read_bytes())
  if content:
    place = rng.randrange(len(content))
    is_text = path.suffix in TEXT
    content[place] ^= 0x80 if is_text else rng.randrange(1, 256)
  path.write_bytes(content)


def garble(path: pathlib.Path, rng: random.Random) -> None:
  """Fills a file with random bytes."""
  path.write_bytes(rng.randbytes(max(16, path.stat().st_size)))


def delete(path: pathlib.Path, rng: random.Random) -> None:
  """Deletes a file."""
  del rng
  path.unlink()


WAYS = (empty, truncate, flip, garble, delete)


def cases(bench: bench_lib.Bench) -> list[campaign.Case]:
  """Returns the cases of this family."""
  return [
    campaign.Case(
      'damaged file, resume', 250, 2, over_files(bench, 'unfinished', resume)
    ),
    campaign.Case(
      'damaged file, start again', 250, 2, over_files(bench, 'finished', resume)
    ),
    campaign.Case(
      'damaged file, analysis', 250, 2, over_files(bench, 'finished', analyse)
    ),
    campaign.Case(
      'damaged file, predict', 250, 2, over_files(bench, 'finished', predict)
    ),
    campaign.Case(
      'changed number in a checkpoint',
      30,
      1,
      lambda its: [resume_changed(bench, its)],
    ),
  ]


def over_files(
  bench: bench_lib.Bench, source: str, check: Callable
) -> campaign.Attempt:
  """Makes attempts that go through all files and ways in a random order.

  Args:
    bench: what the cases share.
    source: the workdir to damage, 'finished' or 'unfinished'.
    check: `resume`, `analyse` or `predict`.
  """

  def attempt(its: campaign.Try) -> list[str]:
    workdir = bench.copy(getattr(bench, source), its.folder)
    files = sorted(path for path in workdir.rglob('*') if path.is_file())
    order = list(itertools.product(files, WAYS))
    random.Random(bench.seed).shuffle(order)
    path, way = order[its.number % len(order)]
    way(path, its.rng)
    what = check(bench, workdir)
    name = generic(path.relative_to(workdir))
    return [f'{name}, {way.__name__}: {what}' if what else '']

  return attempt


def generic(path: pathlib.Path) -> str:
  """Returns a path with orbax's random names replaced, to compare failures."""
  return re.sub(r'[0-9a-f]{32}', 'ARRAYS', str(path))


def resume(bench: bench_lib.Bench, workdir: pathlib.Path) -> str:
  """Runs the same command; returns how its numbers differ, or how it failed."""
  arguments = bench_lib.train(workdir, bench_lib.ALONE)
  done = processes.run(arguments, workdir.parent)
  if what := processes.judge(done):
    return what
  if done.code:
    return ''
  return wrong_result(workdir, bench.finished)


def wrong_result(workdir: pathlib.Path, unbroken: pathlib.Path) -> str:
  """Returns how result.json differs from an unbroken run's; '' if equal.

  Only result.json: a finished run does not repair its other files.
  """
  try:
    found = json.loads((workdir / 'result.json').read_text())
  except (OSError, ValueError) as error:
    return f'code 0, but result.json: {error}'
  expected = json.loads((unbroken / 'result.json').read_text())
  for name, value in expected.items():
    if name not in workdir_lib.COSTS and found.get(name) != value:
      return f'code 0, but {name} is {found.get(name)}, not {value}'
  return ''


def analyse(bench: bench_lib.Bench, workdir: pathlib.Path) -> str:
  """Analyses the run; returns how its numbers differ, or how it failed."""
  arguments = ['-m', 'mnist_jax.analysis', str(workdir)]
  done = processes.run(arguments, workdir.parent)
  if what := processes.judge(done):
    return what
  if done.code:
    return ''
  path = pathlib.Path('analysis.json')
  found, expected = (
    json.loads((each / path).read_text()) for each in (workdir, bench.finished)
  )
  wrong = [name for name in expected if found.get(name) != expected[name]]
  return f'code 0, but other {", ".join(wrong)}' if wrong else ''


def predict(bench: bench_lib.Bench, workdir: pathlib.Path) -> str:
  """Reads a picture with the run's weights; returns how that is wrong."""
  right, before = bench.answer, bench_lib.fingerprint(workdir)
  arguments = bench_lib.predict(workdir, bench.picture)
  done = processes.run(arguments, workdir.parent)
  if bench_lib.fingerprint(workdir) != before:
    return 'reading has changed the workdir'
  if what := processes.judge(done):
    return what
  if done.code == 0 and done.stdout != right:
    return f'code 0, but reads {done.stdout[:200]}, not {right[:200]}'
  return ''


def resume_changed(bench: bench_lib.Bench, its: campaign.Try) -> str:
  """Changes a number in a JSON file of a checkpoint, then resumes."""
  workdir = bench.copy(bench.unfinished, its.folder)
  found = [
    (path, keys)
    for path in sorted((workdir / 'checkpoints').rglob('*'))
    if path.parent.name in ('progress', 'metrics') and 'commit' not in path.name
    for keys in places(json.loads(path.read_text()), texts=False)
    if 'seconds' not in keys  # Times change no result.
  ]
  if not found:
    return ''
  path, keys = its.rng.choice(found)
  content = json.loads(path.read_text())
  inner = content
  for key in keys[:-1]:
    inner = inner[key]
  before = inner[keys[-1]] or 0
  inner[keys[-1]] = its.rng.choice(
    [value for value in (0, 1, 3, 999, before + 1, 0.5) if value != before]
  )
  path.write_text(json.dumps(content))
  what = resume(bench, workdir)
  changed = f'{".".join(keys)} from {before} to {inner[keys[-1]]}'
  return f'{path.relative_to(workdir)}, {changed}: {what}' if what else ''


def places(
  content: Any, keys: tuple = (), *, texts: bool = True
) -> list[tuple]:
  """Returns the keys that lead to each value of nested dicts.

  Args:
    content: of a JSON file.
    keys: that led to it.
    texts: whether to name those of strings, too.
  """
  if isinstance(content, dict):
    return [
      place
      for key, value in content.items()
      for place in places(value, (*keys, key), texts=texts)
    ]
  return [keys] if texts or not isinstance(content, str) else []
