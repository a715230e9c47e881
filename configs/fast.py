r"""The shortest way to 99 %: a small net, six tenths of an epoch, one cycle.

  python -m mnist_jax.main --config=configs/fast.py

106,698 weights. Trains on all 60,000 images and reports its last step. On the
validation split (98.79 %, mean of 5 seeds) rates of 0.01 and 0.03 are within
noise of 0.02, and 0.5 and 0.4 epochs lose 0.17 and 0.33 %.
"""

from mnist_jax import config as config_lib


def get_config(mode: str = 'full'):
  """Returns the recipe; `configs/fast.py:smoke` runs in seconds."""
  config = config_lib.default()
  config.total_epochs = 0.6
  config.data.update(batch_size=64, valid='none')
  config.model.name = 'fast'
  config.optim.update(name='adamw', lr=0.02, beta1=0.9, beta2=0.95)
  config.optim.update(weight_decay=0.01, label_smoothing=0.05)
  config.optim.update(schedule='one_cycle', warmup_epochs=0.18)
  config.augment.update(enabled=True, batch_shift=1)
  return config_lib.for_mode(config, mode)
