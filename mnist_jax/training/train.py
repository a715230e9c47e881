"""`train_and_evaluate`: the whole run, read like a recipe."""

import dataclasses
import math
import pathlib
from collections.abc import Callable

import ml_collections

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.cli import console
from mnist_jax.data import datasets
from mnist_jax.distributed import multihost
from mnist_jax.training import early_stopping as early_stopping_lib
from mnist_jax.training import log_lines, preemption, results
from mnist_jax.training import timer as timer_lib
from mnist_jax.training import trainer as trainer_lib
from mnist_jax.workdir import best_epoch, metric_writer, workdir
from mnist_jax.workdir import checkpoint as checkpoint_lib

# A signal is answered after the running program, so none runs much longer.
SECONDS_PER_CALL = 1.0


def train_and_evaluate(
  config: ml_collections.ConfigDict,
  path: str | pathlib.Path,
  *,
  about: results.About,
) -> dict | None:
  """Trains, evaluates and explains a run; resumes what `path` holds.

  Args:
    config: from a recipe in configs/.
    path: the run's folder (the README says what is in it).
    about: the run's name, command and start, for its result.

  Returns:
    The content of result.json; None when a signal stopped the run, and in all
    processes of a run but the first.

  Raises:
    errors.UserError: for whatever a user can mend.
  """
  config_lib.validate(config)
  path = pathlib.Path(path)
  result = workdir.read_result(path)
  multihost.check_same(f'what {path} holds', repr(result).encode())
  if result is not None:
    console.say(f'{path} is finished; another --workdir starts a new run')
    log_lines.say_result(result, path)
    return result
  config = workdir.resume_config(path, config)
  dataset = datasets.load_dataset(config.data)
  config = config.copy_and_resolve_references()
  config.data.name = dataset.name
  trainer = trainer_lib.create_trainer(config, dataset)
  workdir.check_same_everywhere(config, dataset)
  workdir.write_config(path, config)
  log_lines.describe(trainer, about.config_name, path)
  with checkpoint_lib.Checkpoints(path) as checkpoints:
    if not train(trainer, checkpoints, path):
      console.say(f'stopped and saved; to go on: {about.command}')
      return None
    result = results.conclude(trainer, checkpoints, path, about)
  if result is not None:
    log_lines.say_result(result, path)
  return result


def train(
  trainer: trainer_lib.Trainer,
  checkpoints: checkpoint_lib.Checkpoints,
  path: pathlib.Path,
  say: Callable[[str], None] = console.say,
) -> bool:
  """Takes the steps that are left; returns False if a signal came between.

  Evaluate, save, next, step, in this order: what is saved at the end of an
  epoch has been evaluated, and a resumed run passes through the same states.
  """
  state, sums, progress = start(trainer, checkpoints)
  clock = timer_lib.Clock(progress.seconds)
  with clock.measure('compile'):
    run_steps = trainer.compile_steps()
  config, step = trainer.config, int(state.step)
  with (
    preemption.Interrupts() as signals,
    metric_writer.MetricWriter(
      path, step=step, tensorboard=config.log.tensorboard
    ) as writer,
    console.progress_bar(total=trainer.num_steps, initial=step) as bar,
  ):
    while not is_finished(trainer, progress):
      state, sums = run_epoch(
        trainer, run_steps, state, sums, progress, clock, signals, bar
      )
      if signals.asked():
        save(checkpoints, state, sums, progress, score=None)
        return False
      row = evaluate_epoch(trainer, state, sums, clock)
      writer.write(row)
      progress.record(row)
      state = trainer.optimizer.end_epoch(state, row.get('valid/loss'))
      sums, clock.seconds['epoch'] = trainer.empty_sums(), 0.0
      save(checkpoints, state, sums, progress, score=best_epoch.score(row))
      say(log_lines.epoch_line(row, config.total_epochs))
  return True


def save(checkpoints, state, sums, progress, *, score: float | None) -> None:
  """Saves all that an exact resume needs."""
  saved = dataclasses.asdict(progress)
  checkpoints.save(int(state.step), (state, sums), saved, score=score)


def start(
  trainer: trainer_lib.Trainer, checkpoints: checkpoint_lib.Checkpoints
):
  """Returns state, the epoch's sums and progress: restored, or fresh ones."""
  restored = checkpoints.restore_newest(trainer.abstract())
  if restored is None:
    return *trainer.create(), early_stopping_lib.Progress()
  (state, sums), saved, damaged = restored
  for line in damaged:
    console.warn(line)
  console.say(f'resuming at step {int(state.step):,} of {trainer.num_steps:,}')
  return state, sums, early_stopping_lib.Progress(**saved)


def is_finished(
  trainer: trainer_lib.Trainer, progress: early_stopping_lib.Progress
) -> bool:
  """Whether all epochs are done, or validation says it is enough."""
  num_epochs = math.ceil(trainer.num_steps / trainer.steps_per_epoch)
  return progress.epochs >= num_epochs or progress.should_stop(
    trainer.config.early_stop.patience
  )


def run_epoch(trainer, run_steps, state, sums, progress, clock, signals, bar):
  """Takes the steps that the epoch under way still lacks.

  Returns:
    The state and the sums over the epoch; before its end after a signal.

  Raises:
    errors.UserError: when the loss is no longer a finite number.
  """
  first = progress.epochs * trainer.steps_per_epoch
  end = min(trainer.steps_per_epoch, trainer.num_steps - first)
  done = int(state.step) - first
  indices = trainer.epoch_indices(progress.epochs)
  while done < end and not signals.asked():
    # All processes take the same steps, whatever their own clocks say.
    stop = multihost.from_first(min(end, done + steps_per_call(clock, done)))
    with clock.measure('train', 'epoch'):
      state, sums = run_steps(
        state, sums, trainer.splits['train'], indices, done, stop
      )
      loss_sum = float(sums.loss_sum)  # Waits for the devices.
    if not math.isfinite(loss_sum):
      raise diverged(trainer, first + done, first + stop)
    bar.update(stop - done)
    done = stop
  return state, sums


def steps_per_call(clock: timer_lib.Clock, done: int) -> int:
  """Returns how many steps fill SECONDS_PER_CALL at this epoch's speed."""
  if not done or not clock.seconds['epoch']:
    return 10
  return max(1, round(SECONDS_PER_CALL * done / clock.seconds['epoch']))


def diverged(
  trainer: trainer_lib.Trainer, start: int, stop: int
) -> errors.UserError:
  """Returns the one line about a loss that became NaN or infinite."""
  optim = trainer.config.optim
  clip = '' if optim.clip_norm else ' or set optim.clip_norm=1.0,'
  return errors.UserError(
    f'the loss became NaN or infinite between steps {start} and {stop}; lower '
    f'optim.lr (now {optim.lr:g}),{clip} and start again with another --workdir'
  )


def evaluate_epoch(trainer, state, sums, clock) -> dict:
  """Returns a row of metrics.jsonl, with validation where there is a split."""
  train, step = sums.compute(), int(state.step)
  row = {
    'step': step,
    'epoch': step / trainer.steps_per_epoch,
    'train/loss': train['loss'],
    'train/accuracy': train['accuracy'],
  }
  if 'valid' in trainer.splits:
    _, valid = trainer.evaluate(state.eval_variables(), trainer.splits['valid'])
    valid = valid.compute()
    row |= {f'valid/{name}': valid[name] for name in VALID_FIELDS}
  return row | {
    'lr': float(trainer.optimizer.lr(state)),
    'images_per_second': train['count'] / clock.seconds['epoch'],
    'seconds': clock.seconds['train'],
  }


VALID_FIELDS = ('loss', 'accuracy', 'num_errors')
