"""Runs one contender in a process of its own.

  python -m experiments.benchmark.peers.worker ours improved mnist

The interpreter needs the framework of this contender only: TensorFlow lives in
an environment without JAX. Once everything is compiled, the worker prints a
line about itself. Then it reads lines, each a number of seconds, trains for
about that long and prints the timed block.
"""

import itertools
import json
import os
import sys
import time
from collections.abc import Callable

import experiments
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
TENSORFLOW = ('tensorflow', 'keras', 'keras_no_jit')
# The set-ups of each peer; its fastest one is compared.
PEERS = {
  'stock_flax': ('stock_flax',),
  'pytorch': PYTORCH,
  'torch_compile': ('torch_compile',),
  'tensorflow': ('tensorflow',),
  'keras': ('keras', 'keras_no_jit'),
}
# The last two measure what a part of ours costs.
NAMES = (
  *('ours', 'ours_onednn'),
  *itertools.chain(*PEERS.values()),
  'ours_alone',
  'ours_augmented',
)


def environment(name: str) -> dict[str, str]:
  """Returns the environment variables for a contender's process.

  Its interpreter finds this project even where it is not installed.
  """
  passive = {'OMP_WAIT_POLICY': 'PASSIVE'} if name.endswith('_passive') else {}
  quiet = {'TF_CPP_MIN_LOG_LEVEL': '2'} if name in TENSORFLOW else {}
  extra = {'MNIST_JAX_ONEDNN': '1' if name == 'ours_onednn' else '0'}
  paths = [str(experiments.ROOT), os.environ.get('PYTHONPATH', '')]
  path = {'PYTHONPATH': os.pathsep.join(filter(None, paths))}
  return dict(os.environ) | passive | quiet | extra | path


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
  if name == 'tensorflow':
    from experiments.benchmark.peers import tensorflow_graph

    return tensorflow_graph.create(model, dataset)
  if name.startswith('keras'):
    from experiments.benchmark.peers import keras_fit

    return keras_fit.create(model, dataset, jit=name == 'keras')
  from experiments.benchmark.peers import pytorch

  return pytorch.create(
    model,
    dataset,
    channels_last='channels_last' in name,
    compiled=name == 'torch_compile',
  )


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
