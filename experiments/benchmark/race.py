"""Time to 99 %: whole processes, this project and PyTorch in turn."""

import json
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import experiments
from experiments.benchmark import rounds
from experiments.benchmark.peers import worker
from mnist_jax import errors

FIRST_SEED = 1000
NAMES = ('ours', *worker.PYTORCH)


def measure(data_name: str, num_seeds: int, mode: str) -> dict:
  """Runs each contender once unmeasured, then all in turn for each seed.

  The unmeasured runs fill the caches of files and of compiled programs.

  Args:
    data_name: as in `config.data.name`.
    num_seeds: measured runs of each contender, 1 or more.
    mode: of the recipe, 'full' or 'smoke'; 'smoke' runs two contenders only
      and leaves the unmeasured runs out.

  Returns:
    {contender: list of runs}, each with 'seed', 'train_seconds',
    'total_seconds' (of the whole process), 'test_accuracy' and 'num_params'.

  Raises:
    errors.UserError: when a contender fails.
  """
  names = NAMES[:2] if mode == 'smoke' else NAMES
  if mode == 'full':
    for name in names:
      run(name, data_name, FIRST_SEED, mode)
  runs: dict[str, list[dict]] = {name: [] for name in names}
  for i, order in enumerate(rounds.rotations(names, num_seeds)):
    for name in order:
      runs[name].append(run(name, data_name, FIRST_SEED + i, mode))
  return runs


def run(name: str, data_name: str, seed: int, mode: str) -> dict:
  """Runs one contender in a process of its own; see `measure`."""
  if name == 'ours':
    return run_recipe('fast', data_name, seed, mode)
  return run_peer('one_epoch', name, data_name, seed)


def run_recipe(recipe: str, data_name: str, seed: int, mode: str) -> dict:
  """Trains one of our recipes, by the command that a user would type.

  Returns:
    What `peers/whole_run.py` prints, and 'compile_seconds' and 'total_seconds'.

  Raises:
    errors.UserError: when it fails.
  """
  with tempfile.TemporaryDirectory() as workdir:
    command = [
      *(sys.executable, '-m', 'mnist_jax.main'),
      f'--config={experiments.ROOT}/configs/{recipe}.py:{mode}',
      f'--config.data.name={data_name}',
      f'--config.seed={seed}',
      f'--workdir={workdir}',
    ]
    _, total_seconds = _time(recipe, command)
    result = read_result(pathlib.Path(workdir) / 'result.json')
  return result | {'total_seconds': total_seconds}


def run_peer(recipe: str, name: str, data_name: str, seed: int) -> dict:
  """Trains a PyTorch recipe.

  Args:
    recipe: a module of benchmark/peers that has `whole_run`'s command line.
    name: of `worker.PYTORCH`, how PyTorch is set up.
    data_name: as in `config.data.name`.
    seed: of everything random.

  Returns:
    What `peers/whole_run.py` prints, and 'total_seconds'.

  Raises:
    errors.UserError: when it fails.
  """
  module = f'experiments.benchmark.peers.{recipe}'
  command = [sys.executable, '-m', module, name, data_name, str(seed)]
  stdout, total_seconds = _time(name, command)
  return json.loads(stdout) | {'total_seconds': total_seconds}


def _time(name: str, command: Sequence[str]) -> tuple[str, float]:
  """Returns what a command prints, and its seconds as a whole process."""
  started = time.perf_counter()
  ended = subprocess.run(
    command,
    stdout=subprocess.PIPE,
    env=worker.environment(name),
    text=True,
    check=False,
  )
  total_seconds = time.perf_counter() - started
  if ended.returncode:
    raise errors.UserError(f'{name} has not finished; see what it said above')
  return ended.stdout, total_seconds


def read_result(path: pathlib.Path) -> dict:
  """Returns the fields that `peers/whole_run.py` prints, from result.json."""
  result = json.loads(path.read_text())
  return {
    'seed': result['seed'],
    'train_seconds': result['train_seconds'],
    'compile_seconds': result['compile_seconds'],
    'test_accuracy': result['test']['accuracy'],
    'test_errors': result['test']['num_errors'],
    'num_params': result['num_params'],
    'device': result['device'],
  }
