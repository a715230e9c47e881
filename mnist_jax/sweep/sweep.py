"""A sweep: the same recipe for many seeds and settings, as a folder."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import ml_collections

from mnist_jax import errors
from mnist_jax.cli import console
from mnist_jax.data import datasets
from mnist_jax.distributed import devices
from mnist_jax.sweep import run_trials
from mnist_jax.sweep import trials as trials_lib
from mnist_jax.sweep.folder import Sweep
from mnist_jax.sweep.trials import Trial
from mnist_jax.training import preemption, results
from mnist_jax.workdir import provenance
from mnist_jax.workdir import workdir as workdir_lib


def run(
  config: ml_collections.ConfigDict,
  folder: pathlib.Path,
  *,
  num_seeds: int,
  rows: Sequence[dict] = ({},),
  only: str = '',
  mode: str = 'auto',
  execute: Callable[[Sweep, Sequence[Trial]], None] | None = None,
  about: results.About,
) -> dict | None:
  """Runs the trials of a sweep that are not done yet.

  Args:
    config: the recipe; its seed is the first.
    folder: of the sweep; each trial gets a workdir of its own below.
    num_seeds: 1 or more.
    rows: settings {'optim.lr': 0.01, ...}, each for every seed.
    only: name of a single trial, to run no other; '' for all.
    mode: 'vmap', 'loop', 'devices' or 'auto'.
    execute: what runs the trials, elsewhere; None for this process.
    about: name of the recipe, and the command that runs one seed.

  Returns:
    The content of sweep.json but for its summary; None when a signal stopped
    the sweep.

  Raises:
    errors.UserError: for everything that a user can mend.
  """
  config = workdir_lib.resume_config(folder, config)
  dataset = datasets.load_dataset(config.data)
  config = config.copy_and_resolve_references()
  config.data.name = dataset.name
  trials = trials_lib.make_trials(config, num_seeds, rows)
  if only:
    trials = [trial_named(only, trials)]
  for trial in trials:
    # The sweep's own config.json says nothing of a sweep that came in between.
    workdir_lib.resume_config(folder / trial.name, trial.config)
  mode = resolve_mode(mode, len(trials))
  sweep = Sweep(folder, mode, config, dataset, about.config_name, about.command)
  described = describe(sweep)
  workdir_lib.write_config(folder, config)
  workdir_lib.check_images(folder, dataset)
  if dataset.notice:
    console.warn(dataset.notice)
  number = '1 trial' if len(trials) == 1 else f'{len(trials)} trials'
  console.say(
    f'{about.config_name}: {number} on {dataset.name}, {mode} mode, '
    f'{jax.device_count()} devices, in {folder}\n'
  )
  try:
    (execute or run_trials.run_trials)(sweep, trials)
  except preemption.Stopped:
    return None
  return described | gather(sweep, trials)


def trial_named(name: str, trials: Sequence[Trial]) -> Trial:
  """Returns the trial of that name.

  Raises:
    errors.UserError: when there is none.
  """
  by_name = {trial.name: trial for trial in trials}
  if name not in by_name:
    raise errors.UserError(
      f'the sweep has no trial {name!r}; {errors.suggest(name, by_name)}'
    )
  return by_name[name]


def resolve_mode(mode: str, num_trials: int) -> str:
  """Returns the mode that 'auto' stands for here.

  On CPU one trial per core is faster than all cores on one trial after
  another, and vmapped convolutions are several times slower than both
  (docs/sweeps.md). Accelerators are wide enough for many small trials at once.
  """
  if mode != 'auto':
    return mode
  if num_trials == 1:
    return 'loop'
  if jax.default_backend() == 'cpu':
    return 'devices' if jax.device_count() > 1 else 'loop'
  return 'vmap'


def describe(sweep: Sweep) -> dict:
  """Returns what sweep.json says beside the numbers of its trials."""
  config, dataset = sweep.config, sweep.dataset
  mesh = devices.create_mesh(config.num_devices, config.data.batch_size, 'data')
  return {
    'config_name': sweep.config_name,
    'config': workdir_lib.as_json(config),
    'versions': provenance.versions(),
    'device': devices.describe(mesh),
    'num_devices': mesh.size,
    'git_commit': provenance.git_commit(),
    'command': sweep.command,
    'mode': sweep.mode,
    'dataset': dataset.name,
    'notice': dataset.notice,
  }


def gather(sweep: Sweep, trials: Sequence[Trial]) -> dict:
  """Gathers the results of the trials.

  Returns:
    {'seeds': results in the order of `trials`, 'failed': the other ones}, and
    the commit and the device of the results, which may be of several calls.
  """
  seeds, failed = [], []
  for trial in trials:
    where = {'workdir': trial.name, 'overrides': trial.overrides}
    if result := sweep.result(trial):
      seeds.append(result | where)
    else:
      failure = sweep.failure(trial) or {'reason': 'not finished'}
      failed.append({'seed': trial.config.seed} | where | failure)
  found: dict[str, Any] = {'seeds': seeds, 'failed': failed}
  if seeds:
    for name in ('git_commit', 'device'):
      values = {result.get(name) or 'unknown' for result in seeds}
      found[name] = ', '.join(sorted(values))
  return found
