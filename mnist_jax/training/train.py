"""`train_and_evaluate`: the whole run, read like a recipe."""

import dataclasses
import math
import pathlib
from collections.abc import Callable
from typing import Any

import ml_collections
import tqdm

from mnist_jax import errors
from mnist_jax.cli import console
from mnist_jax.data import datasets
from mnist_jax.distributed import multihost
from mnist_jax.training import (
  log_lines,
  metrics,
  preemption,
  profiler,
  registries,
  results,
)
from mnist_jax.training import loop as loop_lib
from mnist_jax.training import trainer as trainer_lib
from mnist_jax.training.early_stopping import Progress
from mnist_jax.training.loop import LoopState
from mnist_jax.training.timer import Timer
from mnist_jax.training.trainer import Trainer
from mnist_jax.workdir import lock, metric_writer
from mnist_jax.workdir import workdir as workdir_lib
from mnist_jax.workdir.checkpoint import Checkpoints

VALID_FIELDS = ('loss', 'accuracy', 'num_errors')


def train_and_evaluate(
  config: ml_collections.ConfigDict,
  workdir: str | pathlib.Path,
  *,
  about: results.About,
  on_epoch: Callable[[dict], None] | None = None,
  raise_interrupt: bool = False,
) -> dict | None:
  """Trains, evaluates and explains a run; resumes what `workdir` holds.

  Args:
    config: from a recipe in configs/.
    workdir: the run's folder (docs/report.md says what is in it).
    about: the run's name, command and start, for its result.
    on_epoch: called after each epoch with its row of metrics.jsonl.
    raise_interrupt: whether a signal that came too late to stop the run raises
      KeyboardInterrupt when it is finished.

  Returns:
    The content of result.json; None when a signal stopped the run, and in all
    processes of a run but the first.

  Raises:
    errors.UserError: for everything that a user can mend.
    KeyboardInterrupt: as `raise_interrupt` says.
  """
  registries.validate(config)
  workdir = pathlib.Path(workdir)
  result = workdir_lib.read_result(workdir)
  multihost.check_same(f'what {workdir} holds', repr(result).encode())
  if result is not None:
    workdir_lib.resume_config(workdir, config)  # Raises for another config.
    console.say(f'{workdir} is finished; another --workdir starts a new run')
    log_lines.say_result(result, workdir)
    return result
  with lock.hold(workdir):
    trainer = create_trainer(config, workdir)
    log_lines.say_header(trainer, about.config_name, workdir)
    try:
      with preemption.Preemption() as signals:
        result = run(trainer, workdir, about, signals, on_epoch=on_epoch)
    except preemption.Stopped:
      console.say(f'stopped and saved; to go on: {about.command}')
      return None
  if result is not None:
    log_lines.say_result(result, workdir)
  if raise_interrupt and signals.requested():
    raise KeyboardInterrupt
  return result


def run(
  trainer: Trainer,
  workdir: pathlib.Path,
  about: results.About,
  signals: preemption.Preemption,
  *,
  explained: bool = True,
  say: Callable[[str], None] = console.say,
  on_epoch: Callable[[dict], None] | None = None,
) -> dict | None:
  """Trains and evaluates; most arguments are those of `results.conclude`.

  Raises:
    preemption.Stopped: after a signal; the same call goes on.
    errors.UserError: for everything that a user can mend.
  """
  with Checkpoints(workdir) as checkpoints:
    loop = train(trainer, checkpoints, workdir, signals, say, on_epoch)
    chosen = results.choose(trainer, checkpoints, loop)
  with console.waiting('evaluating and drawing the report'):
    return results.conclude(
      trainer, chosen, workdir, about, signals, explained=explained
    )


def create_trainer(
  config: ml_collections.ConfigDict, workdir: pathlib.Path
) -> Trainer:
  """Loads the data, builds the trainer, and writes config.json."""
  config = workdir_lib.resume_config(workdir, config)
  with console.waiting('loading the data'):
    dataset = datasets.load_dataset(config.data)
  config = config.copy_and_resolve_references()
  config.data.name = dataset.name
  with console.waiting('preparing the devices'):
    trainer = trainer_lib.create_trainer(config, dataset)
  workdir_lib.check_same_everywhere(config, trainer.dataset)
  workdir_lib.write_config(workdir, config)
  workdir_lib.check_images(workdir, dataset)
  return trainer


def train(
  trainer: Trainer,
  checkpoints: Checkpoints,
  workdir: pathlib.Path,
  signals: preemption.Preemption,
  say: Callable[[str], None] = console.say,
  on_epoch: Callable[[dict], None] | None = None,
) -> LoopState:
  """Takes the steps that are left.

  Finish the epoch, evaluate, save, in this order: what is saved at the end of
  an epoch has been evaluated, and a resumed run passes through the same
  states.

  Raises:
    preemption.Stopped: after a signal; everything is saved.
    errors.UserError: when the loss is no longer a finite number.
  """
  with console.waiting('compiling (the first time only)'):
    loop = start(trainer, checkpoints)
    if not trainer.is_finished(loop.progress):
      with loop.timer.measure('compile'):
        trainer.compile_steps()
  config, step = trainer.config, int(loop.state.step)
  tracer = profiler.Profiler(workdir, config.log.profile_steps)
  with (
    metric_writer.MetricWriter(
      workdir, step=step, tensorboard=config.log.tensorboard
    ) as writer,
    console.progress_bar(total=trainer.num_steps, initial=step) as bar,
  ):
    while not trainer.is_finished(loop.progress):
      run_epoch(trainer, loop, signals, bar, tracer)
      if signals.requested():
        save(checkpoints, trainer, loop, evaluated=False)
        raise preemption.Stopped
      row = evaluate_epoch(trainer, loop)
      writer.write(row)
      end_epoch(trainer, loop, row)
      save(checkpoints, trainer, loop, evaluated=True)
      say(log_lines.epoch_line(row, config.total_epochs))
      if on_epoch is not None:
        on_epoch(row)
  signals.stop_if_requested()
  return loop


def start(trainer: Trainer, checkpoints: Checkpoints) -> LoopState:
  """Returns the newest checkpoint's state, or that of step 0."""
  restored = checkpoints.restore_newest(trainer.abstract())
  if restored is None:
    return LoopState(*trainer.create(), Progress(), Timer())
  for line in restored.damaged:
    console.warn(line)
  state, sums = restored.state
  fields = dict(restored.progress)
  timer = Timer(fields.pop('seconds'))
  progress = Progress(**fields)
  checkpoints.keep(results.best_step(trainer, progress))
  console.say(f'resuming at step {int(state.step):,} of {trainer.num_steps:,}')
  return LoopState(state, sums, progress, timer)


def save(
  checkpoints: Checkpoints,
  trainer: Trainer,
  loop: LoopState,
  *,
  evaluated: bool,
) -> None:
  """Saves everything that an exact resume needs."""
  checkpoints.keep(results.best_step(trainer, loop.progress))
  checkpoints.save(
    int(loop.state.step),
    (loop.state, loop.sums),
    dataclasses.asdict(loop.progress) | {'seconds': dict(loop.timer.seconds)},
    evaluated=evaluated,
  )


def run_epoch(
  trainer: Trainer,
  loop: LoopState,
  signals: preemption.Preemption,
  bar: tqdm.tqdm,
  tracer: profiler.Profiler,
) -> None:
  """Takes the steps that the epoch still lacks, fewer after a signal.

  Raises:
    errors.UserError: when the loss is no longer a finite number.
  """
  span = trainer.span(loop.progress.epochs, int(loop.state.step))
  indices = trainer.epoch_indices(loop.progress.epochs)

  def take_steps(start: int, stop: int) -> None:
    loop.state, loop.sums = trainer.run_steps(
      loop.state, loop.sums, trainer.splits['train'], indices, start, stop
    )
    if not math.isfinite(loop.sums.loss_sum):  # Waits for the devices.
      raise trainer.diverged(span.first + start, span.first + stop)

  loop_lib.finish_epoch(tracer.wrap(take_steps), span, loop.timer, signals, bar)


def end_epoch(trainer: Trainer, loop: LoopState, row: dict) -> None:
  """Takes in the epoch's evaluation, and prepares the next epoch."""
  loop.progress.record(row)
  loop.state = trainer.optimizer.end_epoch(loop.state, row.get('valid/loss'))
  loop.sums = trainer.empty_sums()
  loop.timer.seconds['epoch'] = 0.0


def evaluate_epoch(trainer: Trainer, loop: LoopState) -> dict[str, Any]:
  """Returns a row of metrics.jsonl, with validation where there is a split.

  Raises:
    errors.UserError: when the validation loss is not a finite number, as after
      a last step that was too large.
  """
  train, step = loop.sums.compute(), int(loop.state.step)
  span = trainer.span(loop.progress.epochs, step)
  # More than the metrics count, where some of them are no digits.
  num_images = span.done * trainer.config.data.batch_size
  row: dict[str, Any] = {
    'step': step,
    'epoch': step / trainer.steps_per_epoch,
    'train/loss': train['loss'],
    'train/accuracy': train['accuracy'],
  } | {f'train/{name}': train[name] for name in metrics.METRICS}
  if 'valid' in trainer.splits:
    variables = loop.state.eval_variables()
    _, valid_sums = trainer.evaluate(variables, trainer.splits['valid'])
    valid = valid_sums.compute()
    if not math.isfinite(valid['loss']):
      raise trainer.diverged(span.first, step)
    names = (*VALID_FIELDS, *metrics.METRICS)
    row |= {f'valid/{name}': valid[name] for name in names}
  lr = float(trainer.optimizer.lr(loop.state))
  if not math.isfinite(lr):
    raise errors.UserError(
      f'schedule {trainer.config.optim.schedule!r} gives {lr} at step {step}; '
      'make it finite there, also where that is after the last step'
    )
  return row | {
    'lr': lr,
    'images_per_second': num_images / loop.timer.seconds['epoch'],
    'seconds': loop.timer.seconds['train'],
  }
