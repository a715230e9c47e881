r"""The best network within a budget of weights.

  python -m mnist_jax.main --config=configs/tiny.py:10k
  python -m mnist_jax.main --config=configs/tiny.py:100k

Five convolutions with batch norm and a mean over all positions instead of dense
layers, as wide as the budget allows.
"""

import itertools

from mnist_jax import config as config_lib
from mnist_jax import errors

SMALLEST, LARGEST = 1_000, 1_000_000


def get_config(mode: str = 'full'):
  """Returns the recipe; `configs/tiny.py:smoke` runs in seconds.

  Args:
    mode: 'full', 'smoke', or a budget such as '10k' or '8000', which the number
      of weights stays below. 'full' stands for 100k, and 'smoke' has 10k.
  """
  budget = {'full': '100k', 'smoke': '10k'}.get(mode, mode)
  config = config_lib.load('improved')
  config.model.update(name='tiny', dropout=0.0)
  config.extra.features = widest(parse(budget))
  return config_lib.smoke(config) if mode == 'smoke' else config


def sweep(add):
  """Adds the settings of `experiments.seed_sweep --settings`: a half factorial.

  Each of four settings has its second level in four of the eight rows, and any
  two of them have each combination of levels twice.
  """
  affine = ('rotate', 'shear', 'scale', 'shift')
  for rate, smoothing, fading in itertools.product((0, 1), repeat=3):
    weaker = (rate + smoothing + fading) % 2
    sizes = ((12.0, 8.0, 0.1, 2.0), (8.0, 5.0, 0.07, 1.4))[weaker]
    add(
      **{f'augment.{k}': v for k, v in zip(affine, sizes, strict=True)},
      **{
        'augment.elastic': (0.7, 0.4)[weaker],
        'augment.final_strength': (0.3, 0.0)[fading],
        'optim.lr': (4e-3, 1e-2)[rate],
        'optim.label_smoothing': (0.05, 0.0)[smoothing],
      },
    )


def parse(budget: str) -> int:
  """Returns the number of weights that '10k' or '8000' stands for."""
  digits = budget.removesuffix('k')
  if digits.isascii() and digits.isdigit() and len(digits) < 8:
    number = int(digits) * (1_000 if budget.endswith('k') else 1)
    if SMALLEST <= number <= LARGEST:
      return number
  raise errors.UserError(
    f'weight budget {budget!r} is no number from {SMALLEST} to {LARGEST}; '
    'write configs/tiny.py:10k, :8000, or :smoke for a run of seconds'
  )


def widest(budget: int) -> tuple[int, ...]:
  """Returns the features of each convolution, with fewer weights in all."""
  width = 1
  while num_weights(features(width + 1)) < budget:
    width += 1
  return features(width)


def features(width: int) -> tuple[int, ...]:
  """Returns the features of each convolution."""
  return width, 2 * width, 2 * width, 2 * width, 3 * width


def num_weights(features: tuple[int, ...]) -> int:
  """Returns the weights of the network: kernels, biases and batch norm."""
  pairs = zip((1, *features), features, strict=False)
  return sum(9 * i * o + 3 * o for i, o in pairs) + 10 * features[-1] + 10
