"""Runs the recipes on MNIST and keeps their results for the README.

  python -m experiments.reproduce                 # All of them, in turn.
  python -m experiments.reproduce --names=basic   # One.

Each run is the main job itself in its own process, in runs/, so that a second
call resumes or only collects. Their result.json and metrics.jsonl, as they are,
become experiments/results/<name>.json and .jsonl, and the README's table is
made from those. Without a network, set MNIST_JAX_MANUAL_DIR as for any run.
"""

import pathlib
import shutil
import subprocess
import sys

from absl import flags

from experiments import readme
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
  """Runs, collects, and rewrites the README's table."""
  for name in _NAMES.value:
    workdir = run(name)
    for source, suffix in (('result.json', 'json'), ('metrics.jsonl', 'jsonl')):
      shutil.copyfile(workdir / source, readme.RESULTS / f'{name}.{suffix}')
    readme.update()


def run(name: str) -> pathlib.Path:
  """Runs one recipe in a process of its own; returns its workdir."""
  workdir = pathlib.Path('runs') / f'{name}-seed0'
  command = [
    sys.executable,
    '-m',
    'mnist_jax.main',
    f'--config=configs/{name}.py',
    '--config.data.name=mnist',
  ]
  if subprocess.run(command, check=False).returncode:
    raise errors.UserError(f'{name} has not finished; its last line says why')
  return workdir


if __name__ == '__main__':
  absl_flags.run(main)
