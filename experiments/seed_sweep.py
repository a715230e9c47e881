"""Runs many seeds of a recipe, and says what their spread is.

  python -m experiments.seed_sweep --config=configs/fast.py --num_seeds=10

Every seed has its own folder below --workdir, and a second call goes on where
a first one was stopped. sweep.json there holds every seed's numbers.
"""

import gc
import pathlib
import re
import runpy
import shutil
import time

from absl import flags
from ml_collections import config_flags

from experiments import readme
from mnist_jax import errors
from mnist_jax.cli import absl_flags
from mnist_jax.distributed import initialize
from mnist_jax.workdir import atomic_files

MAX_SEEDS = 1000

_CONFIG = config_flags.DEFINE_config_file(
  'config', None, 'Path of a recipe, as of python -m mnist_jax.main.'
)
_NUM_SEEDS = flags.DEFINE_integer(
  'num_seeds', 10, 'How many: config.seed, config.seed + 1, ...'
)
_MODE = flags.DEFINE_enum(
  'mode',
  'auto',
  ['auto', 'vmap', 'loop', 'devices'],
  'loop: one seed after another, on all devices; devices: one on each device; '
  'vmap: several on each; auto: the fastest of them here.',
)
_WORKDIR = flags.DEFINE_string(
  'workdir', '', 'Folder of the sweep; runs/<config>-sweep when not given.'
)
_SETTINGS = flags.DEFINE_bool(
  'settings', False, "Each seed also for every row of the recipe's sweep(add)."
)
_PUBLISH_AS = flags.DEFINE_string(
  'publish_as', '', 'Name under which experiments/results/ keeps it as well.'
)
_ONLY = flags.DEFINE_string(
  'only', '', 'Name of a single trial, such as seed3, for schedulers.'
)
_SUBMIT = flags.DEFINE_enum(
  'submit', None, ['slurm', 'local'], 'Run each trial as a job, by submitit.'
)
_SLURM = flags.DEFINE_list(
  'slurm', [], "Slurm's settings, such as partition=gpu,gpus_per_node=1."
)


def main() -> None:
  """Runs what the flags say."""
  started = time.monotonic()
  if _CONFIG.value is None:
    raise errors.UserError('no config is given; try --config=configs/fast.py')
  check_flags()
  gc.set_threshold(100_000, 50, 100)  # As in mnist_jax/main.py.
  initialize.join(_CONFIG.value)
  from mnist_jax.distributed import multihost
  from mnist_jax.sweep import sweep as sweep_lib
  from mnist_jax.training import results

  config, source = _CONFIG.value, flags.FLAGS['config'].config_filename
  config_name = absl_flags.config_name(source)
  path = pathlib.Path(_WORKDIR.value or f'runs/{config_name}-sweep')
  trial_command = absl_flags.command('mnist_jax.main', of_config=True)
  found = sweep_lib.run(
    config,
    path,
    num_seeds=_NUM_SEEDS.value,
    rows=load_rows(source) if _SETTINGS.value else ({},),
    only=_ONLY.value,
    mode=_MODE.value,
    execute=make_execute(),
    about=results.About(config_name, trial_command, started),
  )
  command = absl_flags.command('experiments.seed_sweep')
  if found is None:
    print(f'stopped and saved; to go on: {command}')
  elif not _ONLY.value and multihost.is_first():
    conclude(found | {'command': command}, path)


def check_flags() -> None:
  """Checks what absl does not.

  Raises:
    errors.UserError: for a number or name that cannot be.
  """
  if not 1 <= _NUM_SEEDS.value <= MAX_SEEDS:
    raise errors.UserError(
      f'num_seeds {_NUM_SEEDS.value} is out of range; it must be from 1 to '
      f'{MAX_SEEDS}'
    )
  if _PUBLISH_AS.value and not re.fullmatch(r'[\w-]+', _PUBLISH_AS.value):
    raise errors.UserError(
      f'publish_as {_PUBLISH_AS.value!r} is no name; use letters, digits, - '
      'and _ only'
    )


def make_execute():
  """Returns what runs the trials elsewhere, or None to run them here."""
  if not _SUBMIT.value:
    return None
  from experiments import cluster

  return cluster.make_execute(
    _SUBMIT.value, _SLURM.value, absl_flags.arguments()
  )


def load_rows(source: str) -> list[dict]:
  """Returns the rows that a recipe's `sweep(add)` adds.

  Raises:
    errors.UserError: when it has no such function, or that adds nothing.
  """
  path = source.split(':')[0]
  rows = []
  sweep = runpy.run_path(path).get('sweep')
  if sweep is not None:
    sweep(lambda **settings: rows.append(settings))
  if not rows:
    raise errors.UserError(
      f'{path} has no sweep(add) that adds a row; see configs/basic.py for one'
    )
  return rows


def conclude(found: dict, path: pathlib.Path) -> None:
  """Writes sweep.json and the figures, and says what they show."""
  from mnist_jax.analysis.sweep import report, summary

  found['summary'] = summary.summarize(found['seeds'])
  atomic_files.write_json(path / 'sweep.json', found)
  text, figures = report.analyse(path)
  print(f'\n{text}\n\n  {path / "sweep.json"}')
  for figure in figures:
    print(f'  {figure}')
  if _PUBLISH_AS.value:
    publish(path, _PUBLISH_AS.value)


def publish(path: pathlib.Path, name: str) -> None:
  """Keeps a sweep's numbers and its picture in experiments/results/."""
  shutil.copyfile(path / 'sweep.json', readme.RESULTS / f'{name}.json')
  if (figure := path / 'figures/seeds.png').exists():
    shutil.copyfile(figure, readme.RESULTS / f'{name}.png')


if __name__ == '__main__':
  absl_flags.run(main)
