"""Runs one contender in a process of its own.

  python -m experiments.benchmark.peers.worker ours improved mnist

Once everything is compiled it prints a line about itself. Then it reads lines,
each a number of seconds, trains for about that long and prints the timed block.
"""

import json
import os
import sys
import time
from collections.abc import Callable

from configs import improved
from experiments.benchmark.peers import contender, work
from mnist_jax import errors
from mnist_jax.data import datasets

# PyTorch's threads spin by default while they wait. On a quiet machine that is
# faster; beside another busy process it is ten times slower. Both ways are
# timed, so that no other process decides the comparison.
PYTORCH = (
  'pytorch_contiguous',
  'pytorch_channels_last',
  'pytorch_contiguous_passive',
  'pytorch_channels_last_passive',
)
# The last two measure what a part of ours costs.
NAMES = ('ours', 'stock_flax', *PYTORCH, 'ours_alone', 'ours_augmented')


def environment(name: str) -> dict[str, str]:
  """Returns the environment variables for a contender's process."""
  passive = {'OMP_WAIT_POLICY': 'PASSIVE'} if name.endswith('_passive') else {}
  return dict(os.environ) | passive


def create(name: str, model: str, data_name: str) -> contender.Contender:
  """Creates the contender `name`, importing only the framework it needs."""
  config = work.create_config(model, data_name)
  dataset = datasets.load_dataset(config.data)
  if name.startswith('ours'):
    from experiments.benchmark.peers import ours

    if name == 'ours_augmented':
      config.augment.update(improved.get_config().augment)
    return ours.create(config, dataset, alone=name == 'ours_alone')
  if name == 'stock_flax':
    from experiments.benchmark.peers import stock_flax

    return stock_flax.create(model, dataset)
  from experiments.benchmark.peers import pytorch

  return pytorch.create(model, dataset, channels_last='channels_last' in name)


def measure(take: Callable[[int], float], seconds: float) -> dict:
  """Times a block of steps that takes about `seconds`.

  First it takes unmeasured steps until their speed is known, so that caches and
  clock frequency are as in the middle of an epoch.

  Returns:
    The block: its number of 'steps', its 'seconds' and its mean 'loss'.
  """
  num_steps, elapsed = 1, 0.0
  while True:
    started = time.perf_counter()
    take(num_steps)
    elapsed = time.perf_counter() - started
    if elapsed >= seconds / 4:
      break
    num_steps *= 2
  num_steps = max(1, round(num_steps * seconds / elapsed))
  started = time.perf_counter()
  loss = take(num_steps)
  elapsed = time.perf_counter() - started
  return {'steps': num_steps, 'seconds': elapsed, 'loss': loss}


def main() -> None:
  """Answers lines until standard input is closed."""
  _, name, model, data_name = sys.argv
  made = create(name, model, data_name)
  for _ in range(2):
    made.take(2)  # Twice: the second call may compile for new layouts.
  say({'num_params': made.num_params, 'runs_on': made.runs_on})
  for line in sys.stdin:
    say(measure(made.take, float(line)))


def say(answer: dict) -> None:
  """Prints an answer as one line of JSON."""
  print(json.dumps(answer), flush=True)


if __name__ == '__main__':
  try:
    main()
  except errors.UserError as error:
    sys.exit(str(error))
