"""All measurements of a benchmark, as the content of benchmark.json."""

import dataclasses
import datetime
import importlib.metadata
import importlib.util
import math
import os
import pathlib
import platform
import sys

from experiments.benchmark import available, report, summary
from experiments.benchmark import race as race_lib
from experiments.benchmark import rounds as rounds_lib
from experiments.benchmark.peers import contender, work
from mnist_jax import errors
from mnist_jax.data import datasets
from mnist_jax.models import onednn
from mnist_jax.workdir import atomic_files

MIN_ROUNDS = 5  # And seeds, of a result that is kept.


@dataclasses.dataclass(frozen=True)
class Plan:
  """What is measured, and how thoroughly."""

  models: list[str]
  data: str
  rounds: int  # Timed blocks of each contender, or more until it is stable.
  seconds: float  # Of a block, approximately.
  seeds: int  # Runs to 99 % of each contender.
  mode: str  # Of the recipe `fast`.


QUICK = Plan(['single_conv'], 'uci_digits', 2, 0.05, 1, 'smoke')


def check(plan: Plan) -> None:
  """Checks a plan, and whether PyTorch is installed.

  Raises:
    errors.UserError: naming what is wrong or missing, and the way out.
  """
  if importlib.util.find_spec('torch') is None:
    raise errors.UserError(
      'PyTorch is not installed; pip install -r requirements-bench.txt'
    )
  if not plan.models or set(plan.models) - work.WORKS.keys():
    raise errors.UserError(
      f'configs {",".join(plan.models)!r} must be some of '
      f'{",".join(work.WORKS)}'
    )
  for name, value in (('rounds', plan.rounds), ('seconds', plan.seconds)):
    if not 0 < value < math.inf:  # Written so that NaN fails too.
      raise errors.UserError(f'{name} {value} must be above 0 and finite')
  if plan.seeds < 0:
    raise errors.UserError(f'seeds {plan.seeds} must be 0 or more')


def measure(plan: Plan, found: available.Available) -> dict:
  """Runs everything and returns the content of benchmark.json.

  Args:
    plan: what to measure.
    found: the contenders that can run here.
  """
  for line in found.left_out:
    print(f'mnist_jax: {line}', file=sys.stderr)
  load_average = os.getloadavg()
  warn_if_busy(load_average[0])
  date = datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds')
  # Loaded here first, so that no two contenders prepare the files at once.
  datasets.load_dataset(work.create_config(plan.models[0], plan.data).data)
  rows = {
    name: measure_model(name, plan, found.interpreters) for name in plan.models
  }
  return {
    'date': date,
    'plan': dataclasses.asdict(plan),
    'throughput': rows,
    'geometric_mean': summary.geometric_means(rows),
    'augmentation': summary.augmentation(rows.get('improved')),
    'time_to_99': race(plan),
    'machine': machine(rows, load_average),
    'left_out': found.left_out,
    'versions': versions() | onednn.versions('cpu') | found.versions,
  }


def warn_if_busy(load_average: float) -> None:
  """Warns when other programs keep the cores busy, which distorts ratios."""
  if load_average > 0.5:
    print(
      f'mnist_jax: other programs are running (load average '
      f'{load_average:.1f}); for reliable ratios, wait until it is below 0.5',
      file=sys.stderr,
    )


def measure_model(name: str, plan: Plan, interpreters: dict[str, str]) -> dict:
  """Returns `summary.throughput` of one model."""
  measured = rounds_lib.measure(
    name, plan.data, plan.rounds, plan.seconds, interpreters
  )
  row = summary.throughput(measured, work.WORKS[name].batch_size)
  say(
    f'{name}: {row["vs_best"]:.2f} x the speed of the best peer '
    f'({report.PEER_NAMES[row["best_peer"]]}), {row["vs_pytorch"]:.2f} x that '
    f'of PyTorch, {row["vs_stock_flax"]:.2f} x that of stock Flax'
  )
  return row


def race(plan: Plan) -> dict:
  """Returns the time to 99 %; {} for a plan without seeds."""
  if not plan.seeds:
    return {}
  row = summary.race(race_lib.measure(plan.data, plan.seeds, plan.mode))
  say(f'time to 99 %: {row["train_ratio"]:.2f} of the training time of PyTorch')
  return row


def machine(rows: dict, load_average: tuple[float, ...]) -> dict:
  """Returns what the numbers depend on.

  Args:
    rows: `summary.throughput` of each model.
    load_average: of the machine before the first measurement.
  """
  runs_on = next(iter(rows.values()))['runs_on']['ours']
  return {
    'device': runs_on.split(' x ', 1)[1],  # '2 x cpu (name, 2 cores)'.
    'cores': contender.num_cores(),
    'platform': platform.platform(),
    'load_average': list(load_average),
    'load_average_at_end': list(os.getloadavg()),
  }


def versions() -> dict[str, str]:
  """Returns the versions of Python and of the libraries compared."""
  names = ('jax', 'jaxlib', 'flax', 'optax', 'torch', 'numpy')
  return {'python': platform.python_version()} | {
    name: importlib.metadata.version(name) for name in names
  }


def is_complete(results: dict) -> bool:
  """Whether a run has measured every peer, often enough, on MNIST."""
  return (
    not results['left_out']
    and results['plan']['data'] == 'mnist'
    and results['plan']['rounds'] >= MIN_ROUNDS
    and results['plan']['seeds'] >= MIN_ROUNDS
    and results['throughput'].keys() == work.WORKS.keys()
  )


def keep(results: dict, folder: pathlib.Path) -> None:
  """Writes benchmark.json and benchmark.png into a folder.

  Raises:
    errors.UserError: when they cannot be written.
  """
  atomic_files.write_json(folder / 'benchmark.json', results)
  atomic_files.write(folder / 'benchmark.png', report.draw(results))
  say(f'\n{folder / "benchmark.json"}')


def say(line: str) -> None:
  """Prints a line at once, even into a file."""
  print(line, flush=True)
