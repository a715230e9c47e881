"""Every CNN variant, from `create_model`.

Linen stays in this file and in layers.py.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.models import layers

NUM_CLASSES = 10
MEAN, STD = 0.1307, 0.3081  # Of MNIST's training pixels in [0, 1]; seed 000.


def create_model(config, axis_name: str | None = None) -> 'Cnn':
  """Creates the model that `config` describes.

  Args:
    config: has `name` (a key of MODELS), `dropout` in [0, 1) and
      `initializer`, one of 'he', 'glorot' and 'torch'.
    axis_name: mapped axis that training batches are split over, or None.

  Returns:
    A module: images [B, 28, 28, 1] float32 in [0, 1] -> logits [B, 10].

  Raises:
    errors.UserError: when there is no model of that name.
  """
  if config.name not in MODELS:
    raise errors.UserError(
      f'model.name {config.name!r} is unknown; '
      f'{config_lib.suggest(config.name, sorted(MODELS))}'
    )
  return MODELS[config.name](
    dropout=config.dropout, initializer=config.initializer, axis_name=axis_name
  )


def as_input(images: jax.Array) -> jax.Array:
  """Turns uint8 or [0, 1] images [B, 28, 28] into model input [..., 1]."""
  if images.dtype == jnp.uint8:
    images = images.astype(jnp.float32) / 255
  return images[..., None]


class Cnn(nn.Module):
  """What all variants share; each adds its `stack`."""

  dropout: float = 0.0
  initializer: str = 'he'
  axis_name: str | None = None

  @nn.compact
  def __call__(self, images: jax.Array, *, train: bool = False) -> jax.Array:
    """Maps images [B, 28, 28, 1] in [0, 1] to logits [B, 10] float32."""
    x = (images - MEAN) / STD
    for layer in self.stack():
      x = layer(x, train=train)
    return x

  def stack(self) -> list[nn.Module]:
    """Returns the layers in order, each called as `layer(x, train=...)`."""
    raise NotImplementedError

  def conv(self, features: int, **kwargs) -> layers.ConvBlock:
    return layers.ConvBlock(
      features,
      initializer=self.initializer,
      axis_name=self.axis_name,
      **kwargs,
    )

  def dense(self, features: int, **kwargs) -> layers.Dense:
    return layers.Dense(
      features,
      initializer=self.initializer,
      axis_name=self.axis_name,
      **kwargs,
    )

  def drop(self) -> layers.Dropout:
    return layers.Dropout(self.dropout, self.axis_name)

  def logits(self) -> layers.Dense:
    return self.dense(NUM_CLASSES, relu=False)


class SingleConv(Cnn):
  """One convolution: 434,258 weights (seed 000)."""

  def stack(self):
    return [self.conv(20), self.drop(), self.dense(128), self.logits()]


class TwoConv(Cnn):
  """Two convolutions and dense layers: 225,034 weights (seed 001)."""

  def stack(self):
    return [
      self.conv(32),
      self.conv(64),
      self.drop(),
      self.dense(128),
      self.logits(),
    ]


class WideConv(Cnn):
  """Two convolutions before the only pooling: 65,194 weights (seed 002)."""

  def stack(self):
    return [self.conv(64, pool=False), self.conv(32), self.logits()]


class Basic(Cnn):
  """Two convolutions, dense layer with batch norm: 122,570 (seed 003)."""

  def stack(self):
    return [
      self.conv(32, kernel_size=5),
      self.conv(64),
      self.dense(64, norm=True),
      self.logits(),
    ]


class Improved(Cnn):
  """Three convolutions with batch norm: 391,370 weights (seed 003)."""

  def stack(self):
    return [
      self.conv(32, padding='SAME', norm=True),
      self.conv(64, padding='SAME', norm=True),
      self.conv(128, padding='SAME', norm=True),
      self.dense(256, norm=True),
      self.drop(),
      self.logits(),
    ]


class Simple(Cnn):
  """One convolution and two dense layers: 693,962 weights (seed 004)."""

  def stack(self):
    return [self.conv(32), self.dense(128), self.logits()]


class Fast(Cnn):
  """Two small convolutions, pooled before batch norm: 72,362 weights."""

  def stack(self):
    return [
      layers.Crop(2),  # Hardly any digit reaches into the border.
      self.conv(16, kernel_size=5, norm=True, pool_first=True),
      self.conv(32, norm=True, pool_first=True),
      self.dense(128, norm=True),
      self.logits(),
    ]


MODELS = {
  'single_conv': SingleConv,
  'two_conv': TwoConv,
  'wide_conv': WideConv,
  'basic': Basic,
  'improved': Improved,
  'simple': Simple,
  'fast': Fast,
}


def trace_layers(model: nn.Module) -> list[tuple]:
  """Lists (layer, parameters, input shape, output shape) in order.

  Shapes have no batch axis, and parameters are shapes only: nothing is
  computed. `model` must be made without an axis name.
  """
  seen = []

  def watch(call, args, kwargs, context):
    output = call(*args, **kwargs)
    if context.method_name == '__call__' and context.module.parent is not None:
      seen.append((context.module, args[0], output))
    return output

  with nn.intercept_methods(watch):
    image = jax.ShapeDtypeStruct((1, 28, 28, 1), float)
    variables = jax.eval_shape(model.init, jax.random.key(0), image)
  return [
    (layer, variables['params'].get(layer.name, {}), x.shape[1:], y.shape[1:])
    for layer, x, y in seen
    if layer.path == (layer.name,)
  ]
