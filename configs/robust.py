r"""A recipe for people's own digits, which is unsure of what is no digit.

  python -m mnist_jax.main --config=configs/robust.py

It is `improved`, trained with drawings that are no digits as well: letters,
scribbles, circles, commas, halves of digits. Their target is the same
probability for all ten digits (Hendrycks et al. 2019). The network has the same
391,370 weights, 1.6 MB.

The result of experiments/results/robust.json, test accuracy 99.61 % (39 errors
of 10,000), and the weights of that name are of an earlier version, which had
simulated pens and cameras instead.
"""

from configs import improved
from mnist_jax import config as config_lib


def get_config(mode: str = 'full'):
  """Returns the recipe; `configs/robust.py:smoke` runs in seconds."""
  config = improved.get_config()
  config.total_epochs = 14.0
  config.data.non_digits = 0.25
  return config_lib.for_mode(config, mode)
