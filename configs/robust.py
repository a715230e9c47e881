r"""Reads people's own digits too: photos, pencil, mouse drawings and scans.

python -m mnist_jax.main --config=configs/robust.py

"""

from configs import improved
from mnist_jax import config as config_lib


def get_config(mode: str = 'full'):
  """Returns the recipe; `configs/robust.py:smoke` runs in seconds."""
  config = improved.get_config()
  config.total_epochs = 25.0
  config.augment.update(rotate=15.0, shear=15.0)
  config.augment.update(scale=0.2, shift=2.5)
  config.augment.elastic = 0.9
  config.augment.update(thicken=1.0, thin=0.7)
  config.augment.update(rule_probability=0.15, speck_probability=0.15)
  config.augment.update(blur=1.0, contrast=1.0, grain=0.15)
  return config_lib.for_mode(config, mode)
