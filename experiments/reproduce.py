"""Trains every recipe from several seeds and keeps the results for the README.

  python -m experiments.reproduce                 # All of them, in turn.
  python -m experiments.reproduce --names=basic   # One.

Each is a seed sweep in a process of its own, in runs/, and reads the test set
once for each seed. The seeds are from 100 on; those that choose settings are
below. The same command run again goes on where it was stopped. The numbers
become experiments/results/<name>-seeds.json and .jsonl, and the README's tables
are made from those. Without a network, set MNIST_JAX_MANUAL_DIR as for any run.
"""

import pathlib
import subprocess
import sys

from absl import flags

from experiments import recipe_table
from mnist_jax import errors
from mnist_jax.cli import absl_flags
from mnist_jax.workdir import json_files

FIRST_SEED = 100
# All others have 5.
NUM_SEEDS = {'improved': 10, 'improved:all': 10, 'fast': 10}

_NAMES = flags.DEFINE_list(
  'names', list(recipe_table.RECIPES), 'Which recipes to run.'
)


def main() -> None:
  """Runs the recipes and rewrites the README's tables.

  Raises:
    errors.UserError: when a name is unknown or a sweep does not finish.
  """
  for name in _NAMES.value or ['']:
    if name not in recipe_table.RECIPES:
      raise errors.UserError(
        f'recipe {name!r} is not in the table; '
        f'{errors.suggest(name, recipe_table.RECIPES)}'
      )
  from experiments import tables

  for name in _NAMES.value:
    run(name)
    tables.update()


def run(name: str) -> None:
  """Runs the seeds of one recipe in a process of its own.

  Raises:
    errors.UserError: when a seed fails, or a signal stops the sweep.
  """
  published = recipe_table.results_name(name)
  workdir = pathlib.Path('runs') / published
  num_seeds = NUM_SEEDS.get(name, 5)
  command = [
    *(sys.executable, '-m', 'experiments.seed_sweep'),
    f'--config={name}',
    '--config.data.name=mnist',
    f'--config.seed={FIRST_SEED}',
    f'--num_seeds={num_seeds}',
    '--mode=loop',  # Each seed trains as `python -m mnist_jax.main` does.
    f'--workdir={workdir}',
    f'--publish_as={published}',
  ]
  failed = finish(command)
  # Only a sweep that no signal stopped leaves this file.
  found = json_files.read_object(
    workdir / 'sweep.json', way_out=f'delete {workdir} and try again'
  )
  if failed or not found or len(found['seeds']) < num_seeds:
    raise errors.UserError(
      f'{name} has not finished, and its last line says why; '
      'the same command goes on'
    )


def finish(command: list[str]) -> int:
  """Runs a command; returns its code. It has the time to save after Ctrl-C.

  Raises:
    KeyboardInterrupt: after Ctrl-C, also where the command came to its end.
  """
  with subprocess.Popen(command) as process:
    try:
      return process.wait()
    except KeyboardInterrupt:
      process.wait()
      raise


if __name__ == '__main__':
  absl_flags.run(main)
