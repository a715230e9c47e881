"""This project, stock Flax and PyTorch at the same work, in one run.

  pip install -r requirements-bench.txt
  python -m experiments.benchmark          # About ten minutes; be quiet.
  python -m experiments.benchmark --quick  # Only shows that all of it runs.

Four models by images per second, with the same layers, batch size, optimizer
and images and without augmentation; what our augmentation and our epoch loop
cost; and the time to 99 %, `fast` against a known recipe of PyTorch, as whole
processes. A complete run on MNIST becomes experiments/results/benchmark.json;
any other is kept only where --out says. Without a network, the environment
variable MNIST_JAX_MANUAL_DIR names the folder of MNIST's four .gz files.
"""

import dataclasses
import datetime
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import platform
import sys

from absl import flags

from experiments.benchmark import race as race_lib
from experiments.benchmark import report, summary
from experiments.benchmark import rounds as rounds_lib
from experiments.benchmark.peers import work
from mnist_jax import errors
from mnist_jax.cli import absl_flags
from mnist_jax.data import datasets
from mnist_jax.workdir import atomic_files

RESULTS = pathlib.Path(__file__).parents[1] / 'results'
MIN_ROUNDS = 5  # And seeds, of a result that is kept.

_ROUNDS = flags.DEFINE_integer('rounds', 5, 'Blocks of each contender.')
_SECONDS = flags.DEFINE_float('seconds', 1.5, 'Rough length of a block.')
_SEEDS = flags.DEFINE_integer('seeds', 5, 'Runs to 99 %; 0 leaves them out.')
_CONFIGS = flags.DEFINE_list('configs', list(work.WORKS), 'Which models.')
_QUICK = flags.DEFINE_bool('quick', False, 'A smoke test of some seconds.')
_OUT = flags.DEFINE_string('out', '', 'Folder for benchmark.json and .png.')


def main() -> None:
  """Measures what the flags say, shows it, and keeps a complete run."""
  check()
  results = measure(QUICK if _QUICK.value else plan())
  print(f'\n{report.table(results)}')
  if _OUT.value or is_complete(results):
    keep(results, pathlib.Path(_OUT.value or RESULTS))


@dataclasses.dataclass(frozen=True)
class Plan:
  """What is measured, and how thoroughly."""

  models: list[str]
  data: str
  rounds: int  # Blocks of each contender.
  seconds: float  # Of a block, roughly.
  seeds: int  # Runs to 99 % of each contender.
  mode: str  # Of the recipe `fast`.


QUICK = Plan(['single_conv'], 'uci_digits', 2, 0.05, 1, 'smoke')


def plan() -> Plan:
  """Returns what the flags ask for."""
  return Plan(
    models=_CONFIGS.value,
    data='mnist',
    rounds=_ROUNDS.value,
    seconds=_SECONDS.value,
    seeds=_SEEDS.value,
    mode='full',
  )


def check() -> None:
  """Checks the flags, and whether PyTorch is there.

  Raises:
    errors.UserError: naming what is missing and the way out.
  """
  if importlib.util.find_spec('torch') is None:
    raise errors.UserError(
      'PyTorch is not installed; pip install -r requirements-bench.txt'
    )
  unknown = set(_CONFIGS.value) - set(work.WORKS)
  if unknown or not _CONFIGS.value:
    raise errors.UserError(
      f'--configs {",".join(_CONFIGS.value)!r} must be some of '
      f'{",".join(work.WORKS)}'
    )
  for flag in (_ROUNDS, _SECONDS):
    if flag.value <= 0:
      raise errors.UserError(f'--{flag.name} {flag.value} must be above 0')


def measure(plan: Plan) -> dict:
  """Runs everything; returns the content of benchmark.json."""
  load_average = os.getloadavg()
  warn_if_busy(load_average[0])
  date = datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds')
  # Here first, so that no two contenders prepare or miss it at once.
  datasets.load_dataset(work.create_config(plan.models[0], plan.data).data)
  rows = {name: measure_model(name, plan) for name in plan.models}
  return {
    'date': date,
    'plan': dataclasses.asdict(plan),
    'throughput': rows,
    'geometric_mean': summary.geometric_means(rows),
    'augmentation': summary.augmentation(rows.get('improved')),
    'time_to_99': race(plan),
    'machine': machine(rows, load_average),
    'versions': versions(),
  }


def warn_if_busy(load_average: float) -> None:
  """Says so when others are at work: no ratio is to be trusted then."""
  if load_average > 0.5:
    print(
      f'mnist_jax: others are at work here (load average {load_average:.1f}); '
      'for ratios to trust, wait until it is below 0.5',
      file=sys.stderr,
    )


def measure_model(name: str, plan: Plan) -> dict:
  """Returns `benchmark_summary.throughput` of one model."""
  row = summary.throughput(
    rounds_lib.measure(name, plan.data, plan.rounds, plan.seconds),
    work.WORKS[name].batch_size,
  )
  say(
    f'{name}: {row["vs_pytorch"]:.2f} x the speed of PyTorch, '
    f'{row["vs_stock_flax"]:.2f} x that of stock Flax'
  )
  return row


def race(plan: Plan) -> dict:
  """Returns the time to 99 %; {} where no seeds, or no recipe, are given."""
  if not plan.seeds:
    return {}
  if not race_lib.RECIPE.exists():
    say('time to 99 %: left out, configs/fast.py does not exist')
    return {}
  row = summary.race(race_lib.measure(plan.data, plan.seeds, plan.mode))
  say(f'time to 99 %: {row["train_ratio"]:.2f} of what PyTorch trains')
  return row


def machine(rows: dict, load_average: tuple) -> dict:
  """Returns what the numbers depend on, and how busy it was before."""
  runs_on = next(iter(rows.values()))['runs_on']['ours']
  return {
    'device': runs_on.split(' x ', 1)[1],  # '2 x cpu (name, 2 cores)'.
    'cores': len(os.sched_getaffinity(0)),
    'platform': platform.platform(),
    'load_average': list(load_average),
    'load_average_at_end': list(os.getloadavg()),
  }


def versions() -> dict[str, str]:
  """Returns the versions of Python and of what is compared."""
  names = ('jax', 'jaxlib', 'flax', 'optax', 'torch', 'numpy')
  return {'python': platform.python_version()} | {
    name: importlib.metadata.version(name) for name in names
  }


def is_complete(results: dict) -> bool:
  """Whether a run may stand for the project: all of it, on MNIST."""
  return (
    results['plan']['data'] == 'mnist'
    and results['plan']['rounds'] >= MIN_ROUNDS
    and results['plan']['seeds'] >= MIN_ROUNDS
    and results['throughput'].keys() == work.WORKS.keys()
  )


def keep(results: dict, folder: pathlib.Path) -> None:
  """Writes benchmark.json and benchmark.png."""
  atomic_files.write_json(folder / 'benchmark.json', results)
  atomic_files.write(folder / 'benchmark.png', report.draw(results))
  say(f'\n{folder / "benchmark.json"}')


def table() -> str:
  """Returns the kept results as Markdown, for the README."""
  results = json.loads((RESULTS / 'benchmark.json').read_text())
  return report.table(results)


def say(line: str) -> None:
  """Prints a line at once, even into a file."""
  print(line, flush=True)


if __name__ == '__main__':
  absl_flags.run(main)
