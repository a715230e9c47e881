"""Where training stands, and the steps that finish the epoch under way."""

import dataclasses
from collections.abc import Callable

import tqdm

from mnist_jax.distributed import multihost
from mnist_jax.training import preemption
from mnist_jax.training.early_stopping import Progress
from mnist_jax.training.metrics import Metrics
from mnist_jax.training.timer import Timer
from mnist_jax.training.train_state import TrainState

# A signal is answered after the running program, so none runs much longer.
SECONDS_PER_CALL = 1.0


@dataclasses.dataclass
class LoopState:
  """Everything about a run that changes while it trains."""

  state: TrainState
  sums: Metrics  # Over the epoch under way.
  progress: Progress
  timer: Timer


@dataclasses.dataclass(frozen=True)
class Span:
  """The epoch under way; steps are counted within it."""

  first: int  # The run's step that is the epoch's step 0.
  done: int  # Steps that are taken already, after a resume.
  end: int  # Steps that the epoch has.


def finish_epoch(
  take_steps: Callable[[int, int], None],
  span: Span,
  timer: Timer,
  signals: preemption.Preemption,
  bar: tqdm.tqdm,
) -> bool:
  """Takes steps until the epoch ends or a signal comes.

  Args:
    take_steps: takes the epoch's steps from its first argument up to its
      second, and waits for the devices.
    span: which steps there are.
    timer: gets the time as 'train' and as 'epoch'.
    signals: asked before each call.
    bar: moved forward after each call.

  Returns:
    Whether the epoch has ended.
  """
  done = span.done
  while done < span.end and not signals.requested():
    # All processes take the same steps, although their clocks differ.
    stop = min(span.end, done + steps_per_call(timer, done))
    stop = multihost.from_first(stop)
    with timer.measure('train', 'epoch'):
      take_steps(done, stop)
    bar.update(stop - done)
    done = stop
  return done == span.end


def steps_per_call(timer: Timer, done: int) -> int:
  """Returns how many steps fill SECONDS_PER_CALL at this epoch's speed."""
  if not done or not timer.seconds['epoch']:
    return 10
  return max(1, round(SECONDS_PER_CALL * done / timer.seconds['epoch']))
