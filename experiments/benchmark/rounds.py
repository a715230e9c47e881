"""Contenders in processes of their own, timed in turn, round by round.

One trains while the others sleep, and each round begins with another of them:
whatever else happens on the machine happens to all.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence

from experiments.benchmark.peers import worker
from mnist_jax import errors


class Process:
  """One contender at work on one model."""

  def __init__(self, contender: str, model: str, data_name: str):
    """Starts it; `answer` then waits until it is warm."""
    self.name = f'{contender} of {model}'
    module = ['-m', 'experiments.benchmark.peers.worker']
    self.process = subprocess.Popen(
      [sys.executable, *module, contender, model, data_name],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      env=worker.environment(contender),
      text=True,
      start_new_session=True,  # An interrupt is for the one that asks.
    )

  def answer(self) -> dict:
    """Waits for the next line.

    Raises:
      errors.UserError: when the process has ended instead.
    """
    line = self.process.stdout.readline()
    if not line:
      raise errors.UserError(f'{self.name} has ended; its last line says why')
    return json.loads(line)

  def block(self, seconds: float) -> dict:
    """Lets it train for about so long; returns what `worker.measure` says."""
    with contextlib.suppress(BrokenPipeError):  # Then there is no answer.
      self.process.stdin.write(f'{seconds}\n')
      self.process.stdin.flush()
    return self.answer()

  def close(self) -> None:
    """Ends it."""
    with contextlib.suppress(BrokenPipeError):
      self.process.stdin.close()
    self.process.stdout.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
      self.process.wait(10)
    self.process.kill()


def contenders(model: str) -> list[str]:
  """Returns who is timed on `model`; augmentation belongs to `improved`."""
  return [
    name
    for name in worker.NAMES
    if name != 'ours_augmented' or model == 'improved'
  ]


def measure(model: str, data_name: str, rounds: int, seconds: float) -> dict:
  """Times all contenders on one model.

  Args:
    model: a key of `work.WORKS`.
    data_name: as in `config.data.name`.
    rounds: how many blocks of each count; one more before them does not.
    seconds: roughly the length of a block.

  Returns:
    By contender: 'num_params', 'runs_on', and 'blocks', a list with 'steps',
    'seconds' and 'loss' of each.

  Raises:
    errors.UserError: when a contender has ended, or is of another size.
  """
  names = contenders(model)
  with contextlib.ExitStack() as stack:
    processes = {name: Process(name, model, data_name) for name in names}
    for process in processes.values():
      stack.callback(process.close)
    measured = {name: processes[name].answer() for name in names}
    check_sizes(model, measured)
    for name in names:
      processes[name].block(seconds)
      measured[name]['blocks'] = []
    for order in rotations(names, rounds):
      for name in order:
        measured[name]['blocks'].append(processes[name].block(seconds))
  return measured


def rotations(names: Sequence[str], rounds: int) -> list[Sequence[str]]:
  """Returns the order of each round; it begins with another name each time."""
  starts = [i % len(names) for i in range(rounds)]
  return [names[start:] + names[:start] for start in starts]


def check_sizes(model: str, measured: dict) -> None:
  """Checks that all contenders train as many weights.

  Raises:
    errors.UserError: naming the sizes.
  """
  sizes = {name: who['num_params'] for name, who in measured.items()}
  if len(set(sizes.values())) > 1:
    raise errors.UserError(
      f'{model} has not one number of weights: {sizes}; make '
      'peers/work.py follow mnist_jax/models/cnn.py'
    )
