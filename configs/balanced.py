r"""Most of what `improved` reaches, in a tenth of its time.

python -m mnist_jax.main --config=configs/balanced.py
"""

from mnist_jax import config as config_lib


def get_config(mode: str = 'full'):
  """Returns the recipe; `configs/balanced.py:smoke` runs in seconds."""
  config = config_lib.load('improved')
  config.total_epochs = 0.9
  config.optim.warmup_epochs = 0.2
  config.optim.ema_decay = 0.99
  config.model.dropout = 0.0
  return config_lib.for_mode(config, mode)


def sweep(add):
  """Adds the settings of `experiments.seed_sweep --settings`: of equal time."""
  add()
  add(**{'augment.enabled': False})
  add(**{'augment.final_strength': 0.0})
  add(**{'augment.rotate': 8.0, 'augment.shear': 6.0, 'augment.elastic': 0.4})
  add(**{'model.name': 'basic', 'total_epochs': 2.5})
  add(**{'model.name': 'fast', 'total_epochs': 4.5})
  add(**{'optim.lr': 6e-3})
