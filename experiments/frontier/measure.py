"""Trains the contenders of the frontier in turn."""

import dataclasses
import datetime
import importlib.util
import os
import pathlib
import statistics as python_statistics
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from experiments import recipe_table
from experiments.benchmark import measure as benchmark
from experiments.benchmark import race, rounds
from experiments.benchmark.peers import worker
from mnist_jax import errors
from mnist_jax.analysis import statistics
from mnist_jax.analysis.run import classification
from mnist_jax.analysis.run import load as run_load
from mnist_jax.analysis.sweep import load as sweep_load
from mnist_jax.workdir import provenance

FIRST_SEED = 1000


@dataclasses.dataclass(frozen=True)
class Contender:
  """One recipe to train."""

  name: str  # As the table and the figure call it.
  recipe: str  # Of configs/, or a module of benchmark/peers.
  is_ours: bool = True


OURS = tuple(Contender(name, name) for name in ('fast', 'balanced', 'improved'))
PYTORCH = (
  Contender('PyTorch, one epoch', 'one_epoch', is_ours=False),
  Contender("PyTorch's example", 'example', is_ours=False),
)


def measure(
  num_seeds: int, ensemble: pathlib.Path | None, *, quick: bool = False
) -> Iterator[dict]:
  """Yields the content of frontier.json after each seed of all contenders.

  Args:
    num_seeds: timed runs of each contender, 1 or more.
    ensemble: folder of a finished sweep with its workdirs; None leaves the
      ensemble out.
    quick: our recipes in smoke mode only.

  Raises:
    errors.UserError: when a contender fails, PyTorch is missing, or the sweep
      is not there.
  """
  # Looked at first: the rest takes long.
  mean = average(ensemble) if ensemble else None
  contenders = OURS if quick else (*OURS, *PYTORCH)
  load_average = os.getloadavg()
  benchmark.warn_if_busy(load_average[0])
  setup = '' if quick else fastest_setup()
  runs: dict[str, list[dict]] = {one.name: [] for one in contenders}
  about = {
    'load_average': list(load_average),
    'versions': provenance.versions(),
    'git_commit': provenance.git_commit(),
    'pytorch_setup': setup,
  }
  for i, order in enumerate(rounds.rotations(contenders, num_seeds)):
    for one in order:
      found = run(one, FIRST_SEED + i, setup, quick)
      runs[one.name].append(found)
      benchmark.say(
        f'{one.name}: {found["train_seconds"]:.1f} s, '
        f'{found["test_errors"]} errors'
      )
    rows = [
      describe(one, runs[one.name], None if quick else find_sweep(one))
      for one in contenders
    ]
    yield about | summarize([*rows, *([mean] if mean else [])], runs)


def summarize(rows: list[dict], runs: Mapping[str, list[dict]]) -> dict:
  """Returns what a seed has changed in frontier.json."""
  now = datetime.datetime.now(datetime.UTC)
  return {
    'date': now.isoformat(timespec='seconds'),
    'device': runs[OURS[0].name][0]['device'],
    'rows': rows,
    'runs': runs,
  }


def fastest_setup() -> str:
  """Returns the name of `worker.PYTORCH` that trains one epoch fastest.

  Raises:
    errors.UserError: PyTorch is not installed.
  """
  if importlib.util.find_spec('torch') is None:
    raise errors.UserError(
      'PyTorch is not installed, with which the frontier compares; '
      'pip install -r requirements-bench.txt'
    )
  seconds = {
    name: race.run_peer('one_epoch', name, 'mnist', 0)['train_seconds']
    for name in worker.PYTORCH
  }
  return min(seconds, key=lambda name: seconds[name])


def run(one: Contender, seed: int, setup: str, quick: bool) -> dict:
  """Trains one contender; see `race.run_recipe` and `race.run_peer`."""
  data_name, mode = ('uci_digits', 'smoke') if quick else ('mnist', 'full')
  if one.is_ours:
    return race.run_recipe(one.recipe, data_name, seed, mode)
  return race.run_peer(one.recipe, setup, data_name, seed)


def find_sweep(one: Contender) -> dict | None:
  """Returns the published sweep of one of our recipes, if there is one."""
  return recipe_table.read(one.recipe) if one.is_ours else None


def describe(
  one: Contender, runs: Sequence[Mapping], sweep: Mapping | None
) -> dict:
  """Returns a row: median seconds of `runs`, errors of `sweep` or of `runs`."""
  trials = sweep['seeds'] if sweep else []
  errors_of = [trial['test']['num_errors'] for trial in trials]
  return {
    'name': one.name,
    'is_ours': one.is_ours,
    'num_params': runs[0]['num_params'],
    'train_seconds': python_statistics.median(r['train_seconds'] for r in runs),
    'total_seconds': python_statistics.median(r['total_seconds'] for r in runs),
    'timed': len(runs),
    'seeds': len(errors_of) or len(runs),
    'errors_from': recipe_table.results_name(one.recipe) if trials else '',
    'test_errors': statistics.describe(
      errors_of or [run['test_errors'] for run in runs]
    ),
  }


def average(folder: pathlib.Path) -> dict:
  """Returns the row of the plain mean of a sweep's probabilities.

  Its seconds are those of all its seeds together, as the sweep took them.

  Raises:
    errors.UserError: when the sweep or one of its workdirs is not there.
  """
  sweep = sweep_load.pick_best(sweep_load.load(folder))
  runs = [run_load.load_run(folder / s['workdir']) for s in sweep['seeds']]
  if not runs:
    raise errors.UserError(f'{folder} has no finished seed to average')
  mean = np.mean([classification.softmax(r.test.logits) for r in runs], axis=0)
  wrong = int((mean.argmax(axis=1) != runs[0].test.labels).sum())
  seconds = sum(run.result['train_seconds'] for run in runs)
  return {
    'name': f'{len(runs)} seeds of {sweep["config_name"]}',
    'is_ours': True,
    'num_params': sum(run.result['num_params'] for run in runs),
    'train_seconds': seconds,
    'total_seconds': sum(run.result['total_seconds'] for run in runs),
    'timed': 1,
    'seeds': 1,
    'errors_from': '',
    'test_errors': statistics.describe([wrong]),
  }
