r"""The widest network within a budget of weights.

  python -m mnist_jax.main --config=configs/tiny.py:10k
  python -m mnist_jax.main --config=configs/tiny.py:100k

Five convolutions with batch norm and a mean over all positions instead of dense
layers, as wide as the budget allows.

Test accuracy of 100k 99.66 %, and of 10k 99.45 %, means of 5 seeds:
experiments/results/tiny-100k-seeds.json and tiny-10k-seeds.json. The settings
of 10k are those of SETTINGS that had fewer validation errors:
experiments/results/tiny-choice.json.
"""

import itertools

from mnist_jax import config as config_lib
from mnist_jax import errors

SMALLEST, LARGEST = 1_000, 1_000_000
SMALL = 30_000  # Networks below take the second levels of SETTINGS.
SETTINGS = {
  'rate 0.01 instead of 0.004': ({'optim.lr': 4e-3}, {'optim.lr': 1e-2}),
  'no label smoothing instead of 0.05': (
    {'optim.label_smoothing': 0.05},
    {'optim.label_smoothing': 0.0},
  ),
  'distortions that fade to 0 instead of 0.3': (
    {'augment.final_strength': 0.3},
    {'augment.final_strength': 0.0},
  ),
  'distortions 2/3 as large': (
    {
      'augment.rotate': 12.0,
      'augment.shear': 8.0,
      'augment.scale': 0.1,
      'augment.shift': 2.0,
      'augment.elastic': 0.7,
    },
    {
      'augment.rotate': 8.0,
      'augment.shear': 5.0,
      'augment.scale': 0.07,
      'augment.shift': 1.4,
      'augment.elastic': 0.4,
    },
  ),
}


def get_config(mode: str = 'full'):
  """Returns the recipe; `configs/tiny.py:smoke` runs in seconds.

  Args:
    mode: 'full', 'smoke', or a budget such as '10k' or '8000', which the number
      of weights stays below. 'full' stands for 100k, and 'smoke' has 10k.
  """
  budget = parse({'full': '100k', 'smoke': '10k'}.get(mode, mode))
  config = config_lib.load('improved')
  config.model.update(name='tiny', dropout=0.0)
  config.extra.features = widest(budget)
  if budget < SMALL:
    config.total_epochs = 16.0
    for _, chosen in SETTINGS.values():
      config.update_from_flattened_dict(chosen)
  return config_lib.smoke(config) if mode == 'smoke' else config


def sweep(add):
  """Adds the settings of `experiments.seed_sweep --settings`: a half factorial.

  Any two settings have each combination of levels in two of the eight rows.
  Those of tiny-choice.json trained with --config.total_epochs=8.0.
  """
  rate, smoothing, fading, size = SETTINGS.values()
  for a, b, c in itertools.product((0, 1), repeat=3):
    add(**rate[a], **smoothing[b], **fading[c], **size[(a + b + c) % 2])


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
