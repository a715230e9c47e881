"""Several runs side by side, each in a lane of the same compiled program.

What train.py does for one run. Each leaves what it would leave alone.
"""

import contextlib
import dataclasses
import math
import pathlib
import shutil
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from mnist_jax.cli import console
from mnist_jax.distributed import multihost
from mnist_jax.sweep import parallel_steps
from mnist_jax.training import early_stopping as early_stopping_lib
from mnist_jax.training import preemption, results, train
from mnist_jax.training import timer as timer_lib
from mnist_jax.training import trainer as trainer_lib
from mnist_jax.workdir import checkpoint as checkpoint_lib
from mnist_jax.workdir import metric_writer


@dataclasses.dataclass
class Lane:
  """One of the runs: what it is to do, and how far it is."""

  trainer: trainer_lib.Trainer
  path: pathlib.Path
  about: results.About
  progress: early_stopping_lib.Progress = dataclasses.field(
    default_factory=early_stopping_lib.Progress
  )
  failed: str = ''  # Why it cannot go on.

  def is_active(self) -> bool:
    """Whether it has steps left to take."""
    return not self.failed and not train.is_finished(
      self.trainer, self.progress
    )


@dataclasses.dataclass
class Group:
  """The lanes that go together, and the arrays of all of them."""

  lanes: Sequence[Lane]  # At most programs.size; spare places stay idle.
  programs: parallel_steps.Programs
  clock: timer_lib.Clock
  state: Any = None  # TrainState with a leading axis.
  sums: Any = None  # Metrics of the epoch under way.
  best: Any = None  # See abreast.Programs.keep; {} where the last step counts.
  step: int = 0  # Taken by those lanes that are active.

  @property
  def trainer(self) -> trainer_lib.Trainer:
    """The first lane's, which stands for all but seed and scalars."""
    return self.lanes[0].trainer

  def is_active(self) -> bool:
    """Whether any lane has steps left to take."""
    return any(lane.is_active() for lane in self.lanes)


def run_lanes(
  lanes: Sequence[Lane], programs: parallel_steps.Programs, path: pathlib.Path
) -> bool:
  """Trains and evaluates the runs of `lanes`, together.

  Args:
    lanes: at most `programs.size`; trainers differ in seed and scalars only.
    programs: from `parallel_steps.make_programs`, for any of the trainers.
    path: folder for the checkpoints of all of them, removed at the end.

  Returns:
    Whether they are done: False after a signal, and then the same call goes
    on. Each run that has not failed has its result.json.
  """
  with checkpoint_lib.Checkpoints(path) as checkpoints:
    group = start(lanes, programs, checkpoints)
    if not train_group(group, checkpoints):
      return False
  chosen = group.best or programs.result_of(group.state)
  for place, lane in enumerate(lanes):
    if not lane.failed:
      # Its share: the seconds of all runs add up to those of the sweep.
      lane.progress.seconds = {
        name: seconds / len(lanes)
        for name, seconds in group.clock.seconds.items()
      }
      found = programs.take(chosen, place)
      results.record(
        lane.trainer,
        int(found['step']),
        found['variables'],
        lane.progress,
        lane.path,
        lane.about,
      )
  if multihost.is_first():
    shutil.rmtree(path)
  return True


def start(lanes, programs, checkpoints) -> Group:
  """Returns the group at its newest checkpoint, or at step 0."""
  group = Group(lanes, programs, timer_lib.Clock({}))
  # Spare places repeat the last run, and are never told to take a step.
  trainers = [lane.trainer for lane in lanes]
  trainers += trainers[-1:] * (programs.size - len(trainers))
  seeds = np.array([trainer.config.seed for trainer in trainers], np.int32)
  scalars = {
    name: np.array(
      [trainer.optimizer.scalars[name] for trainer in trainers], np.float32
    )
    for name in group.trainer.optimizer.scalars
  }
  like = jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(
      leaf.shape, leaf.dtype, sharding=programs.apart
    ),
    jax.eval_shape(programs.create, seeds, scalars),
  )
  restored = checkpoints.restore_newest(like)
  if restored is None:
    tree = programs.create(seeds, scalars)
  else:
    tree, saved, damaged = restored
    resume(group, saved, damaged)
  group.state, group.sums, group.best = tree
  return group


def resume(group: Group, saved: dict, damaged: Sequence[str]) -> None:
  """Takes in what `save` has saved beside the arrays."""
  for line in damaged:
    console.warn(line)
  group.step, group.clock = saved['step'], timer_lib.Clock(saved['seconds'])
  for lane, fields in zip(group.lanes, saved['lanes'], strict=True):
    lane.failed = fields.pop('failed')
    lane.progress = early_stopping_lib.Progress(**fields)
  console.say(f'resuming at step {group.step:,} of {group.trainer.num_steps:,}')


def save(group: Group, checkpoints) -> None:
  """Saves the arrays and the progress of all lanes."""
  saved = {
    'step': group.step,
    'seconds': group.clock.seconds,
    'lanes': [
      dataclasses.asdict(lane.progress) | {'failed': lane.failed}
      for lane in group.lanes
    ],
  }
  tree = (group.state, group.sums, group.best)
  checkpoints.save(group.step, tree, saved, score=None)


def train_group(group: Group, checkpoints) -> bool:
  """Takes the steps that are left; returns False if a signal came between.

  The order is that of `train.train`: evaluate, save, next, step.
  """
  with group.clock.measure('compile'):
    run_steps = compile_steps(group)
  total = group.trainer.num_steps
  with (
    preemption.Interrupts() as signals,
    contextlib.ExitStack() as stack,
    console.progress_bar(total=total, initial=group.step) as bar,
  ):
    writers = [
      stack.enter_context(
        metric_writer.MetricWriter(lane.path, step=group.step)
      )
      for lane in group.lanes
    ]
    while group.is_active():
      if run_epoch(group, run_steps, signals, bar):
        end_epoch(group, writers)
      asked = signals.asked()
      if asked or group.is_active():
        save(group, checkpoints)
      if asked:
        return False
  return True


def compile_steps(group: Group):
  """Compiles the steps, once for all groups of this size."""
  name = f'run_steps of {group.programs.size}'
  if name not in group.trainer.compiled:
    group.trainer.compiled[name] = group.programs.run_steps.lower(
      group.state,
      group.sums,
      group.trainer.splits['train'],
      epoch_indices(group),
      0,
      per_lane(group, lambda lane: 0),
    ).compile()
  return group.trainer.compiled[name]


def per_lane(group: Group, value) -> jax.Array:
  """Returns [S] int32: `value(lane)` where a lane is active, else 0."""
  values = [value(lane) if lane.is_active() else 0 for lane in group.lanes]
  values += [0] * (group.programs.size - len(values))
  return multihost.put(np.array(values, np.int32), group.programs.apart)


def epoch_indices(group: Group) -> jax.Array:
  """Returns each lane's batches [S, steps, B] of the epoch under way."""
  lanes = group.lanes
  batches = [lane.trainer.epoch_batches(lane.progress.epochs) for lane in lanes]
  batches += batches[-1:] * (group.programs.size - len(batches))
  return multihost.put(np.stack(batches), group.programs.apart)


def run_epoch(group: Group, run_steps, signals, bar) -> bool:
  """Takes the steps that the epoch under way still lacks.

  A run whose loss is no longer a finite number fails, and the others go on.

  Returns:
    Whether the epoch is over; False when a signal came before.
  """
  trainer = group.trainer
  epochs = max(lane.progress.epochs for lane in group.lanes if lane.is_active())
  first = epochs * trainer.steps_per_epoch
  end = min(trainer.steps_per_epoch, trainer.num_steps - first)
  done = group.step - first
  indices = epoch_indices(group)
  while done < end and not signals.asked():
    # All processes take the same steps, whatever their own clocks say.
    step = train.steps_per_call(group.clock, done)
    stop = multihost.from_first(min(end, done + step))
    with group.clock.measure('train', 'epoch'):
      group.state, group.sums = run_steps(
        group.state,
        group.sums,
        trainer.splits['train'],
        indices,
        done,
        per_lane(group, lambda lane, stop=stop: stop),
      )
      # Waits for the devices.
      losses = np.asarray(group.programs.gather(group.sums.loss_sum))
    for lane, loss in zip(group.lanes, losses, strict=False):
      if lane.is_active() and not math.isfinite(loss):
        lane.failed = str(
          train.diverged(lane.trainer, first + done, first + stop)
        )
    bar.update(stop - done)
    done, group.step = stop, first + stop
  return done == end


def end_epoch(group: Group, writers) -> None:
  """Evaluates the active lanes, each as alone, and starts the next epoch."""
  programs, better, losses = group.programs, [], []
  for place, (lane, writer) in enumerate(
    zip(group.lanes, writers, strict=True)
  ):
    better.append(False)
    losses.append(math.nan)
    if not lane.is_active():
      continue
    state, sums = programs.take((group.state, group.sums), place)
    row = train.evaluate_epoch(lane.trainer, state, sums, group.clock)
    writer.write(row)
    lane.progress.record(row)
    better[place] = lane.progress.best_epoch == row['epoch']
    losses[place] = row.get('valid/loss', math.nan)
  spare = programs.size - len(better)
  if group.best:
    better = np.array(better + [False] * spare)
    group.best = programs.keep(better, group.state, group.best)
  if group.trainer.optimizer.plateau:
    losses = np.array(losses + [math.nan] * spare, np.float32)
    group.state = programs.end_epoch(group.state, losses)
  group.sums = programs.reset(group.sums)
  group.clock.seconds['epoch'] = 0.0
