"""Runs the recipes on MNIST and keeps their results for the README.

  python -m experiments.reproduce                 # All of them, in turn.
  python -m experiments.reproduce --names=basic   # One.

Each run is the main job itself in a process of its own, in runs/. The same
command run again resumes unfinished runs and only collects finished ones. Their
result.json and metrics.jsonl, unchanged, become experiments/results/<name>.json
and .jsonl, and the README's table is made from those. Without a network, set
MNIST_JAX_MANUAL_DIR as for any run.
"""

import pathlib
import shutil
import subprocess
import sys

from absl import flags

import experiments
from mnist_jax import errors
from mnist_jax.cli import absl_flags

NAMES = (
  'single_conv',
  'two_conv',
  'wide_conv',
  'basic',
  'improved',
  'simple',
  'robust',
)

_NAMES = flags.DEFINE_list('names', list(NAMES), 'Which recipes to run.')


def main() -> None:
  """Runs the recipes, collects their results, and rewrites the README's table.

  Raises:
    errors.UserError: when a name is unknown or a run does not finish.
  """
  for name in _NAMES.value or ['']:
    if name not in NAMES:
      raise errors.UserError(
        f'recipe {name!r} is not in the table; {errors.suggest(name, NAMES)}'
      )
  from experiments import readme

  for name in _NAMES.value:
    workdir = run(name)
    for source, suffix in (('result.json', 'json'), ('metrics.jsonl', 'jsonl')):
      target = experiments.RESULTS / f'{name}.{suffix}'
      shutil.copyfile(workdir / source, target)
    readme.update()


def run(name: str) -> pathlib.Path:
  """Runs one recipe in a process of its own and returns its workdir.

  Raises:
    errors.UserError: when the run fails, or a signal stops it.
  """
  workdir = pathlib.Path('runs') / f'{name}-seed0'
  command = [
    sys.executable,
    '-m',
    'mnist_jax.main',
    f'--config=configs/{name}.py',
    '--config.data.name=mnist',
  ]
  failed = subprocess.run(command, check=False).returncode
  if failed or not (workdir / 'result.json').exists():
    raise errors.UserError(
      f'{name} has not finished, and its last line says why; '
      'the same command goes on'
    )
  return workdir


if __name__ == '__main__':
  absl_flags.run(main)
