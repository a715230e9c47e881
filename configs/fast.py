r"""The shortest way to 99 %: a small net, two fifths of an epoch, one cycle.

  python -m mnist_jax.main --config=configs/fast.py

72,362 weights. It trains on 25,200 of the 60,000 images and reports the weights
of the last step. It was chosen on the validation split (98.78 %, mean of 12
seeds). Other rates, other betas, label smoothing of 0.1 to 0.25 and more
features in the second convolution were within noise. In a similar recipe, over
8 seeds, 8 features in the first convolution lost 0.15 %, and no label smoothing
lost 0.25 %.

Test accuracy 99.03 %, the mean of 10 seeds:
experiments/results/fast-seeds.json.
"""

from mnist_jax import config as config_lib


def get_config(mode: str = 'full'):
  """Returns the recipe; `configs/fast.py:smoke` runs in seconds."""
  config = config_lib.default()
  config.total_epochs = 0.42
  config.data.update(batch_size=64, valid='none')
  config.model.name = 'fast'
  config.optim.update(name='adamw', lr=0.02, beta1=0.85, beta2=0.9)
  config.optim.update(weight_decay=0.01, label_smoothing=0.1)
  config.optim.update(schedule='one_cycle', warmup_epochs=0.084)
  return config_lib.for_mode(config, mode)
