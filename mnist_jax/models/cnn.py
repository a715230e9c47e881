"""The CNN variants; `create_model` makes one from a config.

Only this file and layers.py use Linen. configs/__init__.py lists the student
projects that the docstrings name.
"""

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
from flax import linen as nn

from mnist_jax import errors
from mnist_jax.models import layers

NUM_CLASSES = 10  # Where nothing else is said.
# Mean and standard deviation of the pixels of MNIST's 60,000 training images,
# in [0, 1] and to four digits, as project 0 and PyTorch's examples have them.
MEAN, STD = 0.1307, 0.3081


def create_model(
  config: ml_collections.ConfigDict,
  axis_name: str | None = None,
  extra: Mapping[str, Any] = MappingProxyType({}),
  num_classes: int = NUM_CLASSES,
) -> 'Cnn':
  """Creates the model that `config` describes.

  Args:
    config: the `model` part of a config; its `name` is a key of MODELS.
    axis_name: mapped axis that training batches are split over, or None.
    extra: the `extra` part; a model gets the fields that have the names of its
      own.
    num_classes: K, of the data set.

  Returns:
    A module: images [B, 28, 28, 1] float32 in [0, 1] -> logits [B, K].

  Raises:
    errors.UserError: there is no model of that name, or it has a field without
      a default that is not in `extra`.
  """
  errors.check_word('model.name', config.name, sorted(MODELS))
  what, variant = f'model {config.name!r}', MODELS[config.name]
  fields = {
    'dropout': config.dropout,
    'initializer': config.initializer,
    'axis_name': axis_name,
    'num_classes': num_classes,
  }
  return variant(**errors.arguments(what, variant, fields, extra))


def as_input(images: jax.Array) -> jax.Array:
  """Returns images [B, 28, 28], uint8 or in [0, 1], as input [B, 28, 28, 1]."""
  if images.dtype == jnp.uint8:
    images = images.astype(jnp.float32) / 255
  return images[..., None]


class Cnn(nn.Module):
  """Base class of the variants, each of which defines its own `stack`."""

  dropout: float = 0.0
  initializer: str = 'he'
  axis_name: str | None = None
  num_classes: int = NUM_CLASSES

  @nn.compact
  def __call__(self, images: jax.Array, *, train: bool = False) -> jax.Array:
    """Maps images [B, 28, 28, 1] in [0, 1] to float32 logits, one a class."""
    x = (images - MEAN) / STD
    for layer in self.stack():
      x = layer(x, train=train)
    return x

  def stack(self) -> list[nn.Module]:
    """Returns the layers in order, each called as `layer(x, train=...)`."""
    raise NotImplementedError

  def conv(self, features: int, **kwargs: Any) -> layers.ConvBlock:
    return layers.ConvBlock(
      features,
      initializer=self.initializer,
      axis_name=self.axis_name,
      **kwargs,
    )

  def dense(self, features: int, **kwargs: Any) -> layers.Dense:
    return layers.Dense(
      features,
      initializer=self.initializer,
      axis_name=self.axis_name,
      **kwargs,
    )

  def drop(self) -> layers.Dropout:
    return layers.Dropout(self.dropout, self.axis_name)

  def logits(self) -> layers.Dense:
    return self.dense(self.num_classes, relu=False)


class SingleConv(Cnn):
  """One convolution: 434,258 weights (project 0)."""

  def stack(self) -> list[nn.Module]:
    return [self.conv(20), self.drop(), self.dense(128), self.logits()]


class TwoConv(Cnn):
  """Two convolutions and dense layers: 225,034 weights (project 1)."""

  def stack(self) -> list[nn.Module]:
    return [
      self.conv(32),
      self.conv(64),
      self.drop(),
      self.dense(128),
      self.logits(),
    ]


class WideConv(Cnn):
  """Two convolutions before the only pooling: 65,194 weights (project 2)."""

  def stack(self) -> list[nn.Module]:
    return [self.conv(64, pool=False), self.conv(32), self.logits()]


class Basic(Cnn):
  """Two convolutions and a dense layer with batch norm.

  122,570 weights (project 3).
  """

  def stack(self) -> list[nn.Module]:
    return [
      self.conv(32, kernel_size=5),
      self.conv(64),
      self.dense(64, norm=True),
      self.logits(),
    ]


class Improved(Cnn):
  """Three convolutions with batch norm: 391,370 weights (project 3)."""

  def stack(self) -> list[nn.Module]:
    return [
      self.conv(32, padding='SAME', norm=True),
      self.conv(64, padding='SAME', norm=True),
      self.conv(128, padding='SAME', norm=True),
      self.dense(256, norm=True),
      self.drop(),
      self.logits(),
    ]


class Simple(Cnn):
  """One convolution and two dense layers: 693,962 weights (project 4)."""

  def stack(self) -> list[nn.Module]:
    return [self.conv(32), self.dense(128), self.logits()]


class Fast(Cnn):
  """Two small convolutions, pooled before batch norm: 72,362 weights."""

  def stack(self) -> list[nn.Module]:
    return [
      layers.Crop(2),  # Hardly any digit reaches the border.
      self.conv(16, kernel_size=5, norm=True, pool_first=True),
      self.conv(32, norm=True, pool_first=True),
      self.dense(128, norm=True),
      self.logits(),
    ]


class Tiny(Cnn):
  """Convolutions with batch norm, then a mean over all positions.

  It has as many weights as `features` makes; see configs/tiny.py.
  """

  # Of each convolution, one or more; configs/tiny.py chooses them.
  features: tuple[int, ...] = (8, 16, 16, 16, 24)

  def stack(self) -> list[nn.Module]:
    known = isinstance(self.features, tuple | list) and self.features
    if not known or not all(isinstance(f, int) and f > 0 for f in known):
      raise errors.UserError(
        f'extra.features {self.features!r} must be a tuple of whole numbers '
        'from 1, the features of each convolution; try (8, 16, 16, 16, 24)'
      )
    pooled = (0, 2)  # 28 x 28 positions, then 14 x 14, then 7 x 7.
    convs = [
      self.conv(features, padding='SAME', norm=True, pool=i in pooled)
      for i, features in enumerate(self.features)
    ]
    return [*convs, layers.Mean(), self.logits()]


MODELS: dict[str, type[Cnn]] = {
  'single_conv': SingleConv,
  'two_conv': TwoConv,
  'wide_conv': WideConv,
  'basic': Basic,
  'improved': Improved,
  'simple': Simple,
  'fast': Fast,
  'tiny': Tiny,
}


def check_model(
  name: str, model: nn.Module, num_classes: int | None = None
) -> None:
  """Checks that a recipe's model maps images to logits; computes nothing.

  Args:
    name: of MODELS.
    model: from `create_model`, made without an axis name. Those of this file
      whose layers are fixed are not looked at: their tests do that, and tracing
      takes a tenth of a second.
    num_classes: how many logits there must be; None before the data are known.

  Raises:
    errors.UserError: the model raises something, or returns something else.
  """
  if type(model).__module__ == __name__ and not isinstance(model, Tiny):
    return
  images = jax.ShapeDtypeStruct((2, 28, 28, 1), jnp.float32)
  rngs = {'params': jax.random.key(0), 'dropout': jax.random.key(0)}
  apply = functools.partial(model.init_with_output, rngs)
  try:
    jax.eval_shape(functools.partial(apply, train=True), images)
    logits, _ = jax.eval_shape(apply, images)
  except errors.UserError:
    raise
  except Exception as error:  # A recipe is Python: it can raise anything.
    raise errors.UserError(
      f'model {name!r} cannot be applied ({type(error).__name__}: {error}); '
      'its stack() must return layers that are called as layer(x, train=...)'
    ) from error
  shape = getattr(logits, 'shape', type(logits).__name__)
  if len(shape) != 2 or shape[0] != 2 or num_classes not in (None, shape[1]):
    classes = num_classes or 'number of classes'
    raise errors.UserError(
      f'model {name!r} returns {shape} for 2 images; it must return logits '
      f'(2, {classes}): end stack() with self.logits()'
    )


def trace_layers(
  model: Cnn,
) -> list[tuple[nn.Module, dict, tuple[int, ...], tuple[int, ...]]]:
  """Returns (layer, parameters, input shape, output shape) of each layer.

  Nothing is computed: the parameters are shapes and dtypes. The other shapes
  have no batch axis.

  Args:
    model: from `create_model`, made without an axis name.
  """
  seen = []

  def watch(call, args, kwargs, context):
    output = call(*args, **kwargs)
    layer, called = context.module, context.method_name == '__call__'
    # A module without parameters may be made outside the model: it has no path.
    if called and layer.scope is not None and layer.path == (layer.name,):
      given = [*args, *kwargs.values()]
      seen.append((layer, _shape(given), _shape(output)))
    return output

  with nn.intercept_methods(watch):
    image = jax.ShapeDtypeStruct((1, 28, 28, 1), jnp.float32)
    variables = jax.eval_shape(model.init, jax.random.key(0), image)
  params = variables.get('params', {})
  return [(layer, params.get(layer.name, {}), x, y) for layer, x, y in seen]


def _shape(values: Any) -> tuple[int, ...]:
  """Returns the shape of the first array in `values`, without its batch."""
  shapes = [x.shape for x in jax.tree.leaves(values) if hasattr(x, 'shape')]
  return shapes[0][1:] if shapes else ()
