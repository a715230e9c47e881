r"""A recipe for people's own digits, which is unsure of what is no digit.

  python -m mnist_jax.main --config=configs/robust.py

It is `improved`, trained with drawings that are no digits as well: letters,
scribbles, circles, commas, halves of digits. Their target is the same
probability for all ten digits (Hendrycks et al. 2019). Pieces of touching
digits are added, too: right ones with their label, wrong ones as no digits
(LeCun et al. 1998, section VII). The network has the same 391,370 weights,
1.6 MB.

Test accuracy 99.53 %, the mean of 5 seeds:
experiments/results/robust-seeds.json. The weights in the package are those of
seed 0, with 99.50 %; what they read of other people's digits is in
experiments/results/photos.json. An earlier version had simulated pens and
cameras instead; it read no more of other people's digits than `improved` does,
so they are gone.
"""

from mnist_jax import config as config_lib


def get_config(mode: str = 'full'):
  """Returns the recipe; `configs/robust.py:smoke` runs in seconds."""
  config = config_lib.load('improved')
  config.total_epochs = 14.0
  # As `improved` was when these weights were chosen. Distortions that fade read
  # more of MNIST, but less of underlined and broken digits.
  config.model.dropout = 0.3
  config.augment.update(erase_probability=0.1, erase_area=0.15)
  config.augment.final_strength = 1.0
  config.optim.update(lr=2e-3, weight_decay=0.01, schedule='cosine')
  config.data.non_digits = 0.3
  config.data.pieces = 0.2
  return config_lib.for_mode(config, mode)
