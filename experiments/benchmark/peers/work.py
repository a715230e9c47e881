"""The work that every contender does: layers, batch size, optimizer, data.

It is written down here and not read from the recipes, so that a recipe can be
improved without changing the comparison. Neither torch nor JAX is imported.
"""

import dataclasses

import ml_collections

from mnist_jax import config as config_lib

MEAN, STD = 0.1307, 0.3081  # As in mnist_jax/models/cnn.py.
LEARNING_RATE = 1e-3


@dataclasses.dataclass(frozen=True)
class Work:
  """The work on one model; each framework translates the `layers`."""

  batch_size: int
  optimizer: str
  dropout: float
  layers: tuple[tuple, ...]


def _block(features: int, size: int, padding: str, *extra) -> tuple:
  return ('conv', features, size, padding), *extra, ('relu',), ('pool',)


def _same_block(features: int) -> tuple:
  return _block(features, 3, 'SAME', ('norm',))


WORKS = {
  'single_conv': Work(
    batch_size=32,
    optimizer='sgd',
    dropout=0.5,
    layers=(
      *_block(20, 3, 'VALID'),
      ('dropout',),
      ('flatten',),
      *(('dense', 128), ('relu',), ('dense', 10)),
    ),
  ),
  'wide_conv': Work(
    batch_size=32,
    optimizer='adam',
    dropout=0.0,
    layers=(
      *(('conv', 64, 3, 'VALID'), ('relu',)),
      *_block(32, 3, 'VALID'),
      ('flatten',),
      ('dense', 10),
    ),
  ),
  'basic': Work(
    batch_size=128,
    optimizer='adam',
    dropout=0.0,
    layers=(
      *_block(32, 5, 'VALID'),
      *_block(64, 3, 'VALID'),
      ('flatten',),
      *(('dense', 64), ('norm',), ('relu',), ('dense', 10)),
    ),
  ),
  'improved': Work(
    batch_size=128,
    optimizer='adam',
    dropout=0.3,
    layers=(
      *_same_block(32),
      *_same_block(64),
      *_same_block(128),
      ('flatten',),
      *(('dense', 256), ('norm',), ('relu',), ('dropout',), ('dense', 10)),
    ),
  ),
}


def create_config(name: str, data_name: str) -> ml_collections.ConfigDict:
  """Creates the config with which this project does the work of `name`.

  It trains on all training images at a constant rate, without augmentation and
  without averages of the weights.
  """
  work = WORKS[name]
  config = config_lib.default()
  config.data.update(name=data_name, valid='none', batch_size=work.batch_size)
  config.model.update(name=name, dropout=work.dropout, initializer='torch')
  config.optim.update(name=work.optimizer, lr=LEARNING_RATE)
  return config
