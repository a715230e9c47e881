"""Runs the trials of a sweep that are not done yet, in one of three modes.

Finished trials are skipped, a killed one goes on, and one that fails is
recorded with its reason and does not stop the others. Those that train side by
side are skipped once all of their group are finished.
"""

import contextlib
import dataclasses
import pathlib
import shutil
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from mnist_jax import errors
from mnist_jax.cli import console
from mnist_jax.data import datasets
from mnist_jax.distributed import multihost
from mnist_jax.sweep import parallel_steps, parallel_train
from mnist_jax.sweep import trials as trials_lib
from mnist_jax.sweep.folder import Sweep, trial_line
from mnist_jax.sweep.parallel_train import TrialRun
from mnist_jax.sweep.trials import Trial
from mnist_jax.training import preemption
from mnist_jax.training import train as train_lib
from mnist_jax.training import trainer as trainer_lib
from mnist_jax.training.trainer import Trainer
from mnist_jax.workdir import atomic_files, lock
from mnist_jax.workdir import workdir as workdir_lib

# More do not fit everywhere; the rest follows in groups of its own.
TRIALS_PER_DEVICE = 32


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
    for run in runs:
      run.about = dataclasses.replace(run.about, trials=len(runs))
    folder = _group_folder(sweep, trials)
    failure = _catch(
      lambda: parallel_train.run_group(runs, programs, folder, signals)
    )
    _record(sweep, trials, [failure or run.failed for run in runs])
    if multihost.is_first():
      shutil.rmtree(folder, ignore_errors=True)


def _group_folder(sweep: Sweep, trials: Sequence[Trial]) -> pathlib.Path:
  """Returns where the checkpoints of these trials are, and of no others."""
  names = '\n'.join(trial.name for trial in trials)
  key = f'{zlib.crc32(names.encode()):08x}'
  return sweep.folder / f'{trials[0].name}-and-{len(trials) - 1}-more-{key}'


def _prepare(sweep: Sweep, trial: Trial, trainer: Trainer) -> TrialRun:
  """Writes the trial's config and returns what trains it."""
  workdir = sweep.workdir(trial)
  config = workdir_lib.resume_config(workdir, trial.config)
  workdir_lib.write_config(workdir, config)
  workdir_lib.check_images(workdir, sweep.dataset)
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
