"""One contender in a process of its own: a line in, a timed block out.

  python -m experiments.benchmark.peers.worker ours improved mnist

It says what it is once it is warm, then answers each line, a number of
seconds, with a block of about that length. Between blocks it sleeps in a read.
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

# On a quiet machine PyTorch is faster when its threads spin while they wait, as
# they do by default; beside any other process, ten times slower. So that no
# such process decides the comparison, both ways count.
PYTORCH = (
  'pytorch_contiguous',
  'pytorch_channels_last',
  'pytorch_contiguous_passive',
  'pytorch_channels_last_passive',
)
# The last two are not compared with others: they say what a part costs.
NAMES = ('ours', 'stock_flax', *PYTORCH, 'ours_alone', 'ours_augmented')


def environment(name: str) -> dict[str, str]:
  """Returns the environment that a contender's process starts in."""
  passive = {'OMP_WAIT_POLICY': 'PASSIVE'} if name.endswith('_passive') else {}
  return dict(os.environ) | passive


def create(name: str, model: str, data_name: str) -> contender.Contender:
  """Creates the contender `name`; imports only the framework it needs."""
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
  """Takes steps for about `seconds`; says how many, how long, what loss.

  Before, unmeasured, it takes steps until their speed is known: caches and
  clocks are then as warm as in the middle of an epoch.
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
  """Serves until its standard input is closed."""
  _, name, model, data_name = sys.argv
  made = create(name, model, data_name)
  for _ in range(2):
    made.take(2)  # Compiles, also for what the first block leaves behind.
  say({'num_params': made.num_params, 'runs_on': made.runs_on})
  for line in sys.stdin:
    say(measure(made.take, float(line)))


def say(answer: dict) -> None:
  """Answers in one line."""
  print(json.dumps(answer), flush=True)


if __name__ == '__main__':
  try:
    main()
  except errors.UserError as error:
    sys.exit(str(error))
