"""Time to 99 %: whole processes, this project and PyTorch in turn."""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import experiments
from experiments.benchmark import rounds
from experiments.benchmark.peers import worker
from mnist_jax import errors

RECIPE = experiments.ROOT / 'configs' / 'fast.py'
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
  with tempfile.TemporaryDirectory() as workdir:
    if name == 'ours':
      command = our_command(data_name, seed, mode, workdir)
    else:
      module = ['-m', 'experiments.benchmark.peers.one_epoch']
      command = [sys.executable, *module, name, data_name, str(seed)]
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
    if name == 'ours':
      result = read_result(pathlib.Path(workdir) / 'result.json')
    else:
      result = json.loads(ended.stdout)
  return result | {'total_seconds': total_seconds}


def our_command(
  data_name: str, seed: int, mode: str, workdir: str
) -> list[str]:
  """Returns the command that trains `fast`, as a user would type it."""
  return [
    *(sys.executable, '-m', 'mnist_jax.main'),
    f'--config={RECIPE}:{mode}',
    f'--config.data.name={data_name}',
    f'--config.seed={seed}',
    f'--workdir={workdir}',
  ]


def read_result(path: pathlib.Path) -> dict:
  """Returns the fields that `peers/one_epoch.py` prints, from result.json."""
  result = json.loads(path.read_text())
  return {
    'seed': result['seed'],
    'train_seconds': result['train_seconds'],
    'compile_seconds': result['compile_seconds'],
    'test_accuracy': result['test']['accuracy'],
    'num_params': result['num_params'],
  }
