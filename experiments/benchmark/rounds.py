"""Contenders in processes of their own, timed in turn, round by round.

One trains while the others sleep, and each round begins with another one, so
that whatever else runs on the machine slows all of them alike.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence

from experiments.benchmark.peers import worker
from mnist_jax import errors


class Process:
  """The process of one contender that trains one model."""

  def __init__(self, contender: str, model: str, data_name: str):
    """Starts the process; `answer` then waits until it has compiled."""
    self.name = f'{contender} of {model}'
    module = ['-m', 'experiments.benchmark.peers.worker']
    self.process = subprocess.Popen(
      [sys.executable, *module, contender, model, data_name],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      env=worker.environment(contender),
      text=True,
      start_new_session=True,  # Ctrl-C stops the parent, which then ends it.
    )
    assert self.process.stdin and self.process.stdout
    self.stdin, self.stdout = self.process.stdin, self.process.stdout

  def answer(self) -> dict:
    """Waits for the next line.

    Raises:
      errors.UserError: when the process has ended instead.
    """
    line = self.stdout.readline()
    if not line:
      raise errors.UserError(f'{self.name} has ended; its last line says why')
    return json.loads(line)

  def block(self, seconds: float) -> dict:
    """Lets it train for about `seconds`; returns a block (`worker.measure`)."""
    with contextlib.suppress(BrokenPipeError):  # `answer` then says so.
      self.stdin.write(f'{seconds}\n')
      self.stdin.flush()
    return self.answer()

  def close(self) -> None:
    """Ends the process."""
    with contextlib.suppress(BrokenPipeError):
      self.stdin.close()
    self.stdout.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
      self.process.wait(10)
    self.process.kill()


def contenders(model: str) -> list[str]:
  """Returns the names timed on `model`; only `improved` has augmentation."""
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
    rounds: measured blocks of each contender, after one unmeasured block.
    seconds: approximate length of a block.

  Returns:
    {contender: {'num_params', 'runs_on', 'blocks'}}, where 'blocks' is a list
    with 'steps', 'seconds' and 'loss' of each block.

  Raises:
    errors.UserError: when a contender has ended, or their models differ in
      size.
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


def rotations(names: Sequence[str], rounds: int) -> list[list[str]]:
  """Returns the order of each round; each begins with another name."""
  starts = [i % len(names) for i in range(rounds)]
  return [[*names[start:], *names[:start]] for start in starts]


def check_sizes(model: str, measured: dict) -> None:
  """Checks that the models of all contenders have the same number of weights.

  Raises:
    errors.UserError: naming the sizes.
  """
  sizes = {name: its['num_params'] for name, its in measured.items()}
  if len(set(sizes.values())) > 1:
    raise errors.UserError(
      f'the contenders have different numbers of weights for {model}: {sizes};'
      ' make peers/work.py match mnist_jax/models/cnn.py'
    )
