"""A sweep: the same recipe for many seeds and settings, as a folder.

Finished trials are skipped, a killed one goes on, and one that fails is
recorded with its reason and does not stop the others.
"""

import contextlib
import dataclasses
import pathlib
import shutil
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import ml_collections

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.cli import console
from mnist_jax.data import datasets
from mnist_jax.distributed import devices, multihost
from mnist_jax.sweep import parallel_steps, parallel_train
from mnist_jax.sweep import trials as trials_lib
from mnist_jax.sweep.parallel_train import TrialRun
from mnist_jax.sweep.trials import Trial
from mnist_jax.training import preemption, results
from mnist_jax.training import train as train_lib
from mnist_jax.training import trainer as trainer_lib
from mnist_jax.training.trainer import Trainer
from mnist_jax.workdir import atomic_files, lock, provenance
from mnist_jax.workdir import workdir as workdir_lib

# More do not fit everywhere; the rest follows in groups of its own.
TRIALS_PER_DEVICE = 32


@dataclasses.dataclass(frozen=True)
class Sweep:
  """What all trials of a sweep share."""

  folder: pathlib.Path
  mode: str  # 'vmap', 'loop' or 'devices'.
  config: ml_collections.ConfigDict  # The recipe; its seed is the first.
  dataset: datasets.Dataset  # Of that config.
  config_name: str
  command: str  # That runs a trial alone, but for its seed and settings.

  def about(self, trial: Trial) -> results.About:
    """Returns what the result of `trial` says about itself, from now on."""
    settings = {'seed': trial.config.seed} | trial.overrides
    flags = (f'--config.{name}={value}' for name, value in settings.items())
    return results.About(
      config_name=self.config_name,
      command=' '.join([self.command, *flags]),
      started=time.monotonic(),
    )

  def workdir(self, trial: Trial) -> pathlib.Path:
    """Returns the folder of a trial."""
    return self.folder / trial.name

  def result(self, trial: Trial) -> dict | None:
    """Returns the result of a finished trial, or None."""
    return workdir_lib.read_result(self.workdir(trial))

  def failure(self, trial: Trial) -> dict | None:
    """Returns why a trial failed, {'reason': ...}, or None."""
    return workdir_lib.read_failure(self.workdir(trial))

  def is_done(self, trial: Trial) -> bool:
    """Whether nothing is left to do for a trial."""
    return bool(self.result(trial) or self.failure(trial))

  def are_done(self, trials: Sequence[Trial]) -> bool:
    """The same for all of `trials`; process 0 looks, for all processes."""
    return bool(multihost.from_first(all(map(self.is_done, trials))))


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
    execute: what runs the trials, elsewhere; None for `run_trials`.
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
  mode = resolve_mode(mode, len(trials))
  sweep = Sweep(folder, mode, config, dataset, about.config_name, about.command)
  workdir_lib.write_config(folder, config)
  if dataset.notice:
    console.warn(dataset.notice)
  console.say(
    f'{about.config_name}: {len(trials)} trials on {dataset.name}, {mode} '
    f'mode, {jax.device_count()} devices, in {folder}\n'
  )
  try:
    (execute or run_trials)(sweep, trials)
  except preemption.Stopped:
    return None
  return describe(sweep) | gather(sweep, trials)


def trial_named(name: str, trials: Sequence[Trial]) -> Trial:
  """Returns the trial of that name.

  Raises:
    errors.UserError: when there is none.
  """
  by_name = {trial.name: trial for trial in trials}
  if name not in by_name:
    raise errors.UserError(
      f'the sweep has no trial {name!r}; {config_lib.suggest(name, by_name)}'
    )
  return by_name[name]


def resolve_mode(mode: str, num_trials: int) -> str:
  """Returns the mode that 'auto' stands for here.

  On CPU one trial per core is faster than all cores on one trial after
  another, and vmapped convolutions are several times slower than both (README,
  "Many seeds"). Accelerators are wide enough for many small trials at once.
  """
  if mode != 'auto':
    return mode
  if num_trials == 1:
    return 'loop'
  if jax.default_backend() == 'cpu':
    return 'devices' if jax.device_count() > 1 else 'loop'
  return 'vmap'


def run_trials(sweep: Sweep, trials: Sequence[Trial]) -> None:
  """Runs the trials that are not done yet.

  Raises:
    preemption.Stopped: after a signal; the same call goes on.
  """
  for trial in trials:
    if failure := sweep.failure(trial):
      console.warn(
        f'{trial.name} has failed before: {failure["reason"]}; to try again, '
        f'delete {sweep.workdir(trial)}'
      )
  with contextlib.ExitStack() as stack:
    if len(trials) > 1:
      # A single one may be a scheduler's job, of several in the same sweep.
      stack.enter_context(lock.hold(sweep.folder))
    signals = stack.enter_context(preemption.Preemption())
    for group in trials_lib.group(trials):
      if not sweep.are_done(group):
        _run_group(sweep, group, signals)


def _run_group(
  sweep: Sweep, trials: Sequence[Trial], signals: preemption.Preemption
) -> None:
  """Runs trials that share a compiled program."""
  try:
    dataset = _load_dataset(sweep, trials[0])
    trainer = trainer_lib.create_trainer(trials[0].config, dataset)
  except errors.UserError as error:
    _record(sweep, trials, [str(error)] * len(trials))
    return
  if sweep.mode == 'loop':
    for trial in trials:
      if not sweep.are_done([trial]):
        _run_alone(sweep, trial, trainer, signals)
    return
  per_device = min(-(-len(trials) // trainer.mesh.size), TRIALS_PER_DEVICE)
  size = trainer.mesh.size * (per_device if sweep.mode == 'vmap' else 1)
  programs = parallel_steps.make_programs(trainer, size)
  for start in range(0, len(trials), size):
    # Trials are grouped alike whatever is done: a killed sweep ends alike.
    some = trials[start : start + size]
    if not sweep.are_done(some):
      _run_together(sweep, some, trainer, programs, signals)


def _load_dataset(sweep: Sweep, trial: Trial) -> datasets.Dataset:
  """Returns the sweep's data set, unless the trial's settings change it."""
  ours, theirs = (
    config.data.to_dict() | {'batch_size': 0}
    for config in (sweep.config, trial.config)
  )
  if ours == theirs:
    return sweep.dataset
  return datasets.load_dataset(trial.config.data)


def _run_alone(
  sweep: Sweep,
  trial: Trial,
  trainer: Trainer,
  signals: preemption.Preemption,
) -> None:
  """Does what `python -m mnist_jax.main` does, without the figures."""
  with lock.hold(sweep.workdir(trial)):
    run = _prepare(sweep, trial, trainer)
    failure = _catch(
      lambda: train_lib.run(
        run.trainer,
        run.workdir,
        run.about,
        signals,
        explained=False,
        say=lambda line: None,
      )
    )
    _record(sweep, [trial], [failure])


def _run_together(
  sweep: Sweep,
  trials: Sequence[Trial],
  trainer: Trainer,
  programs: parallel_steps.Programs,
  signals: preemption.Preemption,
) -> None:
  """Runs trials side by side, and records how each has ended."""
  with contextlib.ExitStack() as locks:
    for trial in trials:
      locks.enter_context(lock.hold(sweep.workdir(trial)))
    runs = [_prepare(sweep, trial, trainer) for trial in trials]
    folder = sweep.folder / f'{trials[0].name}-and-{len(trials) - 1}-more'
    failure = _catch(
      lambda: parallel_train.run_group(runs, programs, folder, signals)
    )
    _record(sweep, trials, [failure or run.failed for run in runs])
    if multihost.is_first():
      shutil.rmtree(folder, ignore_errors=True)


def _prepare(sweep: Sweep, trial: Trial, trainer: Trainer) -> TrialRun:
  """Writes the trial's config and returns what trains it."""
  workdir = sweep.workdir(trial)
  config = workdir_lib.resume_config(workdir, trial.config)
  workdir_lib.write_config(workdir, config)
  return TrialRun(trainer.with_config(config), workdir, sweep.about(trial))


def _catch(run: Callable[[], Any]) -> str:
  """Returns why `run` failed, '' if it did not, so that others can go on."""
  try:
    run()
  except preemption.Stopped:
    raise
  except errors.UserError as error:
    return ' '.join(str(error).split())
  except Exception as error:
    if multihost.loss_of_another(error):
      raise
    line = ' '.join(str(error).split())
    return f'{type(error).__name__}: {line[:200]}'
  return ''


def _record(
  sweep: Sweep, trials: Sequence[Trial], failures: Sequence[str]
) -> None:
  """Says how each trial ended; writes down why, for those that failed."""
  if not multihost.is_first():
    return
  for trial, failure in zip(trials, failures, strict=True):
    if failure:
      path = sweep.workdir(trial) / 'failed.json'
      atomic_files.write_json(path, {'reason': failure})
      console.warn(f'{trial.name} failed: {failure}')
    elif result := sweep.result(trial):
      console.say(trial_line(trial.name, result))


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
    {'seeds': results in the order of `trials`, 'failed': the other ones}.
  """
  seeds, failed = [], []
  for trial in trials:
    where = {'workdir': trial.name, 'overrides': trial.overrides}
    if result := sweep.result(trial):
      seeds.append(result | where)
    else:
      failure = sweep.failure(trial) or {'reason': 'not finished'}
      failed.append({'seed': trial.config.seed} | where | failure)
  return {'seeds': seeds, 'failed': failed}


def trial_line(name: str, result: dict) -> str:
  """Returns a finished trial as one line."""
  parts = [f'{name:<12}']
  for split in ('train', 'valid', 'test'):
    if scores := result[split]:
      parts.append(
        f'{split} {scores["accuracy"]:7.2%} ({scores["num_errors"]} errors)'
      )
  return '  '.join([*parts, f'{result["train_seconds"]:.1f} s'])
