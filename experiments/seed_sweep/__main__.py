"""Trains a recipe from many seeds and shows how far the results spread.

  python -m experiments.seed_sweep --config=configs/fast.py --num_seeds=10

  python -m experiments.seed_sweep --config=configs/basic.py --num_seeds=3 \
    --grid optim.lr=1e-3,3e-3 --grid model.dropout=0.0,0.2

Every seed has its own folder below --workdir. The same command run again skips
the seeds that are finished. sweep.json there holds every seed's numbers.
"""

from mnist_jax.cli import interrupts

if __name__ == '__main__':
  interrupts.install()

import json
import pathlib
import runpy
import time
from collections.abc import Callable

from absl import flags

import experiments
from experiments import sweep_flags
from mnist_jax import errors
from mnist_jax.cli import absl_flags
from mnist_jax.distributed import initialize
from mnist_jax.workdir import atomic_files, paths

_CONFIG = absl_flags.define_config()
_NUM_SEEDS = flags.DEFINE_integer(
  'num_seeds', 10, 'How many seeds: config.seed, config.seed + 1, ...'
)
_MODE = flags.DEFINE_enum(
  'mode',
  'auto',
  ['auto', 'vmap', 'loop', 'devices'],
  'loop: one seed after another, on all devices; devices: one on each device; '
  'vmap: several on each; auto: the fastest of them on this machine.',
)
_WORKDIR = flags.DEFINE_string(
  'workdir', '', 'Folder of the sweep; runs/<config>-sweep when not given.'
)
_SETTINGS = flags.DEFINE_bool(
  'settings',
  False,
  "Train each seed with every row of settings in the recipe's sweep(add).",
)
_GRID = flags.DEFINE_multi_string(
  'grid',
  [],
  'Train each seed with each of these values of a field, as in --grid '
  'optim.lr=1e-3,3e-3. May be given for several fields, whose values are all '
  'combined, also with each row of --settings.',
)
_PUBLISH_AS = flags.DEFINE_string(
  'publish_as', '', 'Also keep the sweep in experiments/results/ by this name.'
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
  """Runs the trials that are left, then writes and prints the summary."""
  started = time.monotonic()
  check_flags()
  config, source = _CONFIG.value, flags.FLAGS['config'].config_filename
  config_name = absl_flags.config_name(source)
  path = paths.expand(_WORKDIR.value or f'runs/{config_name}-sweep')
  alone = _MODE.value == 'loop' or _ONLY.value or _SUBMIT.value
  initialize.join(_CONFIG.value, num_trials=1 if alone else _NUM_SEEDS.value)
  # Imported here, so that --help and mistyped flags are answered at once.
  from mnist_jax.distributed import multihost
  from mnist_jax.sweep import grid
  from mnist_jax.sweep import sweep as sweep_lib
  from mnist_jax.training import results

  trial_command = absl_flags.command('mnist_jax.main', of_config=True)
  rows = load_rows(source) if _SETTINGS.value else [{}]
  found = sweep_lib.run(
    config,
    path,
    num_seeds=_NUM_SEEDS.value,
    rows=grid.make_rows(_GRID.value, config, rows),
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
  """Checks the rules that absl does not know.

  Raises:
    errors.UserError: when a flag is missing or breaks its rule.
  """
  if _CONFIG.value is None:
    raise errors.UserError('no config is given; try --config=configs/fast.py')
  sweep_flags.check(_NUM_SEEDS.value, _PUBLISH_AS.value)
  if _SLURM.value and not _SUBMIT.value:
    raise errors.UserError(
      f'slurm {",".join(_SLURM.value)!r} has no effect without '
      '--submit=slurm; add that, or leave --slurm out'
    )


def make_execute() -> Callable | None:
  """Returns what runs the trials as jobs; None runs them in this process."""
  if not _SUBMIT.value:
    return None
  from experiments.seed_sweep import submit

  return submit.make_execute(
    _SUBMIT.value, _SLURM.value, absl_flags.arguments()
  )


def load_rows(source: str) -> list[dict]:
  """Returns the rows of settings that a recipe's `sweep(add)` adds.

  Raises:
    errors.UserError: when it has no such function, or the function raises or
      adds nothing.
  """
  path = source.split(':')[0]
  rows: list[dict] = []
  sweep = runpy.run_path(path).get('sweep')
  try:
    if sweep is not None:
      sweep(lambda **settings: rows.append(settings))
  except Exception as error:  # A recipe is Python: it can raise anything.
    raise errors.UserError(
      f'sweep(add) in {path} raises {type(error).__name__}: {error}; compare '
      'it with the one in configs/basic.py'
    ) from error
  if not rows:
    raise errors.UserError(
      f'{path} has no sweep(add) that adds a row; see configs/basic.py for one'
    )
  return rows


def conclude(found: dict, path: pathlib.Path) -> None:
  """Writes sweep.json and the figures, and prints the summary.

  Args:
    found: what `sweep.run` returned, and the command.
    path: the sweep's folder.

  Raises:
    errors.UserError: when it is to be published, and a trial has failed.
  """
  from mnist_jax.analysis.sweep import report, summary

  found['summary'] = summary.summarize(found['seeds'])
  atomic_files.write_json(path / 'sweep.json', found)
  text, figures = report.analyse(path)
  print(f'\n{text}\n\n  {path / "sweep.json"}')
  for figure in figures:
    print(f'  {figure}')
  if _PUBLISH_AS.value:
    sweep_flags.check_complete(found['failed'])
    publish(path, _PUBLISH_AS.value)


def publish(path: pathlib.Path, name: str) -> None:
  """Copies a sweep's numbers and its figure to experiments/results/.

  The metrics of every epoch, as in metrics.jsonl and each with its seed, become
  NAME.jsonl.
  """
  from mnist_jax.analysis.run import load

  target = experiments.RESULTS / name
  numbers = (path / 'sweep.json').read_bytes()
  trials = json.loads(numbers)['seeds']
  atomic_files.write(pathlib.Path(f'{target}.json'), numbers)
  rows = [
    json.dumps({'seed': trial['seed']} | trial['overrides'] | row)
    for trial in trials
    for row in load.load_rows(path / trial['workdir'])
  ]
  atomic_files.write(
    pathlib.Path(f'{target}.jsonl'), '\n'.join([*rows, '']).encode()
  )
  if (figure := path / 'figures/seeds.png').exists():
    atomic_files.write(pathlib.Path(f'{target}.png'), figure.read_bytes())


if __name__ == '__main__':
  absl_flags.run(main)
