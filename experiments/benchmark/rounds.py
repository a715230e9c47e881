"""Contenders in processes of their own, timed in turn, round by round.

One trains while the others sleep, and each round begins with another one, so
that whatever else runs on the machine slows all of them alike.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence

from experiments.benchmark import stability
from experiments.benchmark.peers import worker
from experiments.fault_campaign import processes as process_lib
from mnist_jax import errors


class Process:
  """The process of one contender that trains one model."""

  def __init__(
    self,
    contender: str,
    model: str,
    data_name: str,
    python: str = sys.executable,
  ):
    """Starts the process; `answer` then waits until it has compiled."""
    self.name = f'{contender} of {model}'
    module = ['-m', 'experiments.benchmark.peers.worker']
    self.process = subprocess.Popen(
      [python, *module, contender, model, data_name],
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

  def peak_mb(self) -> float:
    """Returns its peak memory so far in MB; 0 where there is no /proc."""
    return process_lib.resident(self.process.pid, 'VmHWM')

  def close(self) -> None:
    """Ends the process."""
    with contextlib.suppress(BrokenPipeError):
      self.stdin.close()
    self.stdout.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
      self.process.wait(10)
    self.process.kill()
    self.process.wait()


def contenders(
  model: str, available: Collection[str] = worker.NAMES
) -> list[str]:
  """Returns the names timed on `model`; only `improved` has augmentation."""
  return [
    name
    for name in worker.NAMES
    if name in available and (name != 'ours_augmented' or model == 'improved')
  ]


def measure(
  model: str,
  data_name: str,
  rounds: int,
  seconds: float,
  interpreters: Mapping[str, str],
) -> dict:
  """Times all contenders on one model, until `stability.is_over`.

  Args:
    model: a key of `work.WORKS`.
    data_name: as in `config.data.name`.
    rounds: planned blocks of each contender, after one unmeasured block.
    seconds: approximate length of a block.
    interpreters: the Python of each contender that can run here.

  Returns:
    {contender: {'num_params', 'runs_on', 'blocks', 'peak_mb'}}, where 'blocks'
    is a list with 'steps', 'seconds' and 'loss' of each block, and 'peak_mb'
    the peak memory of the process.

  Raises:
    errors.UserError: when a contender has ended, or their models differ in
      size.
  """
  names = contenders(model, interpreters)
  with contextlib.ExitStack() as stack:
    processes = {
      name: Process(name, model, data_name, interpreters[name])
      for name in names
    }
    for process in processes.values():
      stack.callback(process.close)
    measured = {name: processes[name].answer() for name in names}
    check_sizes(model, measured)
    for name in names:
      processes[name].block(seconds)
      measured[name]['blocks'] = []
    for order in rotations(names, stability.MOST * rounds):
      for name in order:
        measured[name]['blocks'].append(processes[name].block(seconds))
      if stability.is_over(speeds(measured), rounds):
        break
    for name in names:
      measured[name]['peak_mb'] = processes[name].peak_mb()
  return measured


def speeds(measured: dict) -> dict[str, list[float]]:
  """Returns the steps per second of each contender's blocks."""
  return {
    name: [block['steps'] / block['seconds'] for block in its['blocks']]
    for name, its in measured.items()
  }


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
