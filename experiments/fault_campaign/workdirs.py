"""Unusual workdirs, and two runs in one."""

import json
import os
import pathlib

from experiments.fault_campaign import bench as bench_lib
from experiments.fault_campaign import campaign, kills, processes

NAMES = (
  'a b', "it's", 'a"b', 'Übung', '数字', '🙂', '%s', '{x}', '$HOME', '*',
  'a\nb', '-x', '--seed=1', 'a:b', 'a=b', 'a#b', 'a?b', 'a&b', 'x' * 255,
  'x' * 256, 'x/' * 60 + 'y', 'x/' * 2000 + 'y', b'\xff\xfe', '.hidden',
  'run.json', '..', './run', 'run/', 'run//deep', 'run/../run', 'checkpoints',
)  # fmt: skip


def cases(bench: bench_lib.Bench) -> list[campaign.Case]:
  """Returns the cases of this family."""
  return [
    campaign.Case(
      'workdirs with unusual names',
      len(NAMES),
      1,
      lambda its: [name(bench, its)],
    ),
    campaign.Case(
      'symlinked and relative workdirs', 6, 1, lambda its: [link(bench, its)]
    ),
    campaign.Case(
      'two runs in one workdir', 20, 1, lambda its: [run_two(bench, its)]
    ),
  ]


def name(bench: bench_lib.Bench, its: campaign.Try) -> str:
  """Trains in a folder with an unusual name: done right, or one line."""
  unbroken = bench.finished
  chosen = NAMES[its.number % len(NAMES)]
  inside = its.folder / 'inside'
  inside.mkdir()
  arguments = bench_lib.train(chosen, bench_lib.ALONE)
  done = processes.run(arguments, its.folder, cwd=inside)
  what = processes.judge(done)
  if not what and done.code == 0:
    path = os.path.join(os.fsencode(inside), os.fsencode(chosen))
    workdir = pathlib.Path(os.fsdecode(path))
    what = bench_lib.differences(workdir, unbroken)
  return campaign.describe(f'{str(chosen)[:40]!r}', what)


def link(bench: bench_lib.Bench, its: campaign.Try) -> str:
  """Stops and resumes a run by different names of the same folder."""
  unbroken = bench.finished
  (its.folder / 'run').mkdir()
  (its.folder / 'link').symlink_to('run')
  (its.folder / 'far').symlink_to(its.folder / 'link')
  names = ['run', 'link', 'far', './run', 'link/.', str(its.folder / 'far')]
  first, second = its.rng.sample(names, 2)
  arguments = bench_lib.train(first, bench_lib.ALONE)
  process = processes.Process(arguments, its.folder)
  kills.reach(its.rng, process, its.folder / 'run')
  process.kill()
  arguments = bench_lib.train(second, bench_lib.ALONE)
  what = processes.judge(processes.run(arguments, its.folder), (0,))
  what = what or bench_lib.differences(its.folder / 'run', unbroken)
  return campaign.describe(f'{first}, then {second}', what)


def run_two(bench: bench_lib.Bench, its: campaign.Try) -> str:
  """Starts two runs in one workdir, at times of different seeds."""
  unbroken, workdir = bench.finished, its.folder / 'run'
  seeds = its.rng.choice(((0, 0), (0, 7)))
  started = []
  for seed in seeds:
    recipe = (*bench_lib.ALONE, f'--config.seed={seed}')
    arguments = bench_lib.train(workdir, recipe)
    started.append(processes.Process(arguments, its.folder))
    if len(started) == 1 and its.rng.random() < 0.7:
      kills.reach(its.rng, started[0], workdir)
  ends = [process.wait() for process in started]
  what = next(filter(None, map(processes.judge, ends)), '')
  what = what or check_one(workdir, seeds, unbroken)
  return campaign.describe(f'seeds {seeds}', what)


def check_one(
  workdir: pathlib.Path, seeds: tuple[int, int], unbroken: pathlib.Path
) -> str:
  """Returns why a workdir does not hold one whole run; '' if it does."""
  try:
    result = json.loads((workdir / 'result.json').read_text())
    config = json.loads((workdir / 'config.json').read_text())
    lines = (workdir / 'metrics.jsonl').read_text().splitlines()
    steps = [json.loads(line)['step'] for line in lines]
  except (OSError, ValueError, KeyError) as error:
    return f'{type(error).__name__}: {error}'
  if result['seed'] != config['seed'] or result['seed'] not in seeds:
    return (
      f'config.json has seed {config["seed"]}, result.json {result["seed"]}'
    )
  if steps != sorted(set(steps)):
    return f'metrics.jsonl has the steps {steps}'
  if result['seed'] == 0:
    return bench_lib.differences(workdir, unbroken)
  return ''
