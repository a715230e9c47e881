r"""One convolution, plain SGD with PyTorch's default learning rate.

  python -m mnist_jax.main --config=configs/single_conv.py

The network of project 0 (test accuracy 94.97 %); 434,258 weights. With such a
small rate the result depends much on the initial weights, so they are drawn as
PyTorch draws them.

Test accuracy 94.51 %, the mean of 5 seeds, after 8 epochs:
experiments/results/single_conv-seeds.json.
"""

from mnist_jax import config as config_lib


def get_config(mode: str = 'full'):
  """Returns the recipe; `configs/single_conv.py:smoke` runs in seconds."""
  config = config_lib.default()
  config.total_epochs = 8.0
  config.data.update(batch_size=32, valid='none')
  config.model.update(name='single_conv', dropout=0.5, initializer='torch')
  config.optim.update(name='sgd', lr=1e-3)
  return config_lib.for_mode(config, mode)
