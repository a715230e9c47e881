"""Trains several trials side by side, each a part of the same program.

This is what training/train.py does for one run. Each trial leaves what it
would leave alone.
"""

import contextlib
import dataclasses
import math
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import tqdm

from mnist_jax import errors
from mnist_jax.cli import console
from mnist_jax.distributed import multihost
from mnist_jax.sweep.parallel_steps import Programs
from mnist_jax.training import loop as loop_lib
from mnist_jax.training import results, train
from mnist_jax.training.early_stopping import Progress
from mnist_jax.training.loop import LoopState
from mnist_jax.training.metrics import Metrics
from mnist_jax.training.preemption import Preemption, Stopped
from mnist_jax.training.timer import Timer
from mnist_jax.training.train_state import TrainState
from mnist_jax.training.trainer import Trainer
from mnist_jax.workdir.checkpoint import Checkpoints
from mnist_jax.workdir.metric_writer import MetricWriter


@dataclasses.dataclass
class TrialRun:
  """One of the trials: what it is built from, and how far it is."""

  trainer: Trainer
  workdir: pathlib.Path
  about: results.About
  progress: Progress = dataclasses.field(default_factory=Progress)
  failed: str = ''  # Why it cannot go on.

  def is_active(self) -> bool:
    """Whether it has steps left to take."""
    return not self.failed and not self.trainer.is_finished(self.progress)


@dataclasses.dataclass
class Group:
  """The trials that train together, and the arrays of all of them."""

  trials: Sequence[TrialRun]  # At most programs.size; the rest stays idle.
  programs: Programs
  timer: Timer
  state: TrainState  # With a leading axis, as are the next two.
  sums: Metrics  # Over the epoch under way.
  best: Any  # See Programs.keep; {} where the last step is reported.
  step: int = 0  # Of the trials that are active.

  @property
  def trainer(self) -> Trainer:
    """The first trial's; all are alike but for seed and scalars."""
    return self.trials[0].trainer

  def is_active(self) -> bool:
    """Whether any trial has steps left to take."""
    return any(trial.is_active() for trial in self.trials)


def run_group(
  trials: Sequence[TrialRun],
  programs: Programs,
  folder: pathlib.Path,
  signals: Preemption,
) -> None:
  """Trains and evaluates `trials` together.

  Each trial has its result.json at the end, or its reason in `failed`.

  Args:
    trials: at most `programs.size`; trainers differ in seed and scalars only.
    programs: from `parallel_steps.make_programs`, for any of the trainers.
    folder: for the checkpoints of all of them; not needed afterwards.
    signals: looked at in each call and between trials.

  Raises:
    preemption.Stopped: after a signal; the same call goes on.
  """
  with Checkpoints(folder) as checkpoints:
    group = start(trials, programs, checkpoints)
    train_group(group, checkpoints, signals)
    try:
      conclude(group, signals)
    except Stopped:
      save(group, checkpoints, evaluated=True)
      raise


def start(
  trials: Sequence[TrialRun], programs: Programs, checkpoints: Checkpoints
) -> Group:
  """Returns the group at its newest checkpoint, or at step 0."""
  # Spare places repeat the last trial, and are never told to take a step.
  trainers = [trial.trainer for trial in trials]
  trainers += trainers[-1:] * (programs.size - len(trainers))
  seeds = np.array([trainer.config.seed for trainer in trainers], np.int32)
  scalars = {
    name: np.array([t.optimizer.scalars[name] for t in trainers], np.float32)
    for name in trainers[0].optimizer.scalars
  }
  like = jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(
      leaf.shape, leaf.dtype, sharding=programs.apart
    ),
    jax.eval_shape(programs.create, seeds, scalars),
  )
  restored = checkpoints.restore_newest(like)
  if restored is None:
    state, sums, best = programs.create(seeds, scalars)
    return Group(trials, programs, Timer(), state, sums, best)
  for line in restored.damaged:
    console.warn(line)
  saved = restored.progress
  timer = Timer(saved['seconds'])
  state, sums, best = restored.state
  group = Group(trials, programs, timer, state, sums, best, step=saved['step'])
  for trial, fields in zip(trials, saved['lanes'], strict=True):
    trial.failed = fields.pop('failed')
    fields.pop('seconds', None)  # Version 0.1 saved them here as well.
    trial.progress = Progress(**fields)
  console.say(f'resuming at step {group.step:,} of {group.trainer.num_steps:,}')
  return group


def save(group: Group, checkpoints: Checkpoints, *, evaluated: bool) -> None:
  """Saves the arrays and the progress of all trials."""
  progress = {
    'step': group.step,
    'seconds': dict(group.timer.seconds),
    # So named on disk since version 0.1.
    'lanes': [
      dataclasses.asdict(trial.progress) | {'failed': trial.failed}
      for trial in group.trials
    ],
  }
  tree = (group.state, group.sums, group.best)
  checkpoints.save(group.step, tree, progress, evaluated=evaluated)


def train_group(
  group: Group, checkpoints: Checkpoints, signals: Preemption
) -> None:
  """Takes the steps that are left.

  The order is that of `train.train`: finish the epoch, evaluate, save.

  Raises:
    preemption.Stopped: after a signal; everything is saved.
  """
  with group.timer.measure('compile'):
    compile_steps(group)
  total, step = group.trainer.num_steps, group.step
  with (
    contextlib.ExitStack() as stack,
    console.progress_bar(total=total, initial=step) as bar,
  ):
    writers = [
      stack.enter_context(MetricWriter(trial.workdir, step=step))
      for trial in group.trials
    ]
    while group.is_active():
      ended = run_epoch(group, signals, bar)
      if ended:
        end_epoch(group, writers)
      requested = signals.requested()
      if requested or group.is_active():
        save(group, checkpoints, evaluated=ended)
      if requested:
        raise Stopped


def compile_steps(group: Group) -> None:
  """Compiles the steps, once for all groups of this size."""
  group.programs.run_steps.compile(
    group.state,
    group.sums,
    group.trainer.splits['train'],
    epoch_indices(group),
    0,
    per_trial(group, lambda trial: 0),
  )


def per_trial(group: Group, value: Callable[[TrialRun], int]) -> jax.Array:
  """Returns [S] int32: `value(trial)` where a trial is active, else 0."""
  values = [value(t) if t.is_active() else 0 for t in group.trials]
  values += [0] * (group.programs.size - len(values))
  return multihost.put(np.array(values, np.int32), group.programs.apart)


def epoch_indices(group: Group) -> jax.Array:
  """Returns each trial's batches [S, steps, B] of the epoch under way."""
  batches = [t.trainer.epoch_batches(t.progress.epochs) for t in group.trials]
  batches += batches[-1:] * (group.programs.size - len(batches))
  return multihost.put(np.stack(batches), group.programs.apart)


def run_epoch(group: Group, signals: Preemption, bar: tqdm.tqdm) -> bool:
  """Takes the steps that the epoch still lacks, fewer after a signal.

  A trial whose loss is no longer a finite number fails, and the others go on.

  Returns:
    Whether the epoch has ended.
  """
  trainer, programs = group.trainer, group.programs
  active = [trial for trial in group.trials if trial.is_active()]
  epochs = max(trial.progress.epochs for trial in active)
  span = trainer.span(epochs, group.step)
  indices = epoch_indices(group)

  def take_steps(start: int, stop: int) -> None:
    group.state, group.sums = programs.run_steps(
      group.state,
      group.sums,
      trainer.splits['train'],
      indices,
      start,
      per_trial(group, lambda trial: stop),
    )
    # Waits for the devices.
    losses = np.asarray(programs.gather(group.sums.loss_sum))
    for trial, loss in zip(group.trials, losses, strict=False):
      if trial.is_active() and not math.isfinite(loss):
        error = trial.trainer.diverged(span.first + start, span.first + stop)
        trial.failed = str(error)
    group.step = span.first + stop

  return loop_lib.finish_epoch(take_steps, span, group.timer, signals, bar)


def end_epoch(group: Group, writers: Sequence[MetricWriter]) -> None:
  """Evaluates the active trials, each as alone, and starts the next epoch."""
  programs = group.programs
  better = np.zeros(programs.size, bool)
  losses = np.full(programs.size, np.nan, np.float32)
  for index, (trial, writer) in enumerate(
    zip(group.trials, writers, strict=True)
  ):
    if not trial.is_active():
      continue
    try:
      row = evaluate_epoch(group, index)
    except errors.UserError as error:
      trial.failed = str(error)
      continue
    writer.write(row)
    trial.progress.record(row)
    better[index] = trial.progress.best_epoch == row['epoch']
    losses[index] = row.get('valid/loss', math.nan)
  if group.best:
    group.best = programs.keep(better, group.state, group.best)
  if group.trainer.optimizer.plateau:
    group.state = programs.end_epoch(group.state, losses)
  group.sums = programs.reset(group.sums)
  group.timer.seconds['epoch'] = 0.0


def evaluate_epoch(group: Group, index: int) -> dict[str, Any]:
  """Returns the row of metrics.jsonl of one trial."""
  trial = group.trials[index]
  state, sums = group.programs.take((group.state, group.sums), index)
  loop = LoopState(state, sums, trial.progress, group.timer)
  return train.evaluate_epoch(trial.trainer, loop)


def conclude(group: Group, signals: Preemption) -> None:
  """Writes the result of each trial, or its reason into `failed`."""
  best = group.best or group.programs.result_of(group.state)
  # Each gets its share: the seconds of all add up to those of the group.
  share = {
    name: seconds / len(group.trials)
    for name, seconds in group.timer.seconds.items()
  }
  for index, trial in enumerate(group.trials):
    if trial.failed:
      continue
    found = group.programs.take(best, index)
    chosen = results.Chosen(
      int(found['step']), found['variables'], trial.progress, share
    )
    try:
      results.conclude(
        trial.trainer,
        chosen,
        trial.workdir,
        trial.about,
        signals,
        explained=False,
      )
    except errors.UserError as error:
      trial.failed = str(error)
