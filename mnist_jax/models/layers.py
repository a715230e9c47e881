"""The layers that the models are made of, in Linen.

Every layer is called as `layer(x, train=...)`. Parameters keep the names and
shapes of `nn.Conv`, `nn.Dense` and `nn.BatchNorm`. `kernel_uses` is for the
printed table of layers, which says 'unknown' for a layer without it, and
`operations` is for `mnist_jax.export`, which writes no model.onnx without it.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from mnist_jax import errors
from mnist_jax.distributed import rngs
from mnist_jax.models import conv_block

MOMENTUM = 0.9  # What a step keeps of batch norm's running moments.

# The name of an operation, then its arrays by name, then its numbers; see
# `mnist_jax/export/operations.py`.
Operation = tuple[str | float, ...]


class ConvBlock(nn.Module):
  """Convolution, batch norm if `norm`, ReLU, and 2x2 max pooling if `pool`.

  Raises:
    errors.UserError: when called, for a padding that is neither 'VALID' nor
      'SAME', or 'SAME' with an even `kernel_size`.
  """

  features: int
  kernel_size: int = 3
  padding: str = 'VALID'
  norm: bool = False
  pool: bool = True
  pool_first: bool = False  # Whether to pool before batch norm.
  initializer: str = 'he'
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    self._check()
    kernel, bias = ConvParams(
      self.features, self.kernel_size, self.initializer, name='conv'
    )(x.shape[-1])
    block = functools.partial(
      conv_block.conv_block,
      x,
      kernel,
      bias,
      padding=self.padding,
      pool=self.pool,
      pool_first=self.pool_first,
      train=train,
      axis_name=None if self.is_initializing() else self.axis_name,
    )
    if not self.norm:
      return block()[0]
    return NormParams(name='norm')(block, self.features, train=train)

  def _check(self) -> None:
    if self.padding not in ('SAME', 'VALID'):
      raise errors.UserError(
        f"padding {self.padding!r} is unknown; write 'SAME' or 'VALID'"
      )
    if self.padding == 'SAME' and self.kernel_size % 2 == 0:
      raise errors.UserError(
        f"kernel_size {self.kernel_size} is even; padding 'SAME' needs an odd "
        'one, such as 3'
      )

  def kernel_uses(self, shape: tuple[int, ...]) -> int:
    """Returns how many positions the kernel takes on an input [H, W, C]."""
    lost = 0 if self.padding == 'SAME' else self.kernel_size - 1
    return (shape[0] - lost) * (shape[1] - lost)

  def operations(self) -> list[Operation]:
    """Returns what the layer computes, for `mnist_jax.export`."""
    same = self.padding == 'SAME'
    pad: list[Operation] = [('pad', self.kernel_size // 2)] if same else []
    pool: list[Operation] = [('pool',)] if self.pool else []
    conv = ('conv', *_kernel_names(self, 'conv'))
    norm_and_relu = [*_norm_operations(self), ('relu',)]
    if self.pool_first:
      return [*pad, conv, *pool, *norm_and_relu]
    return [*pad, conv, *norm_and_relu, *pool]


class ConvParams(nn.Module):
  """The kernel and bias of `nn.Conv`, with its names and shapes."""

  features: int
  kernel_size: int
  initializer: str

  @nn.compact
  def __call__(self, in_features: int) -> tuple[jax.Array, jax.Array]:
    k = self.kernel_size
    shape = (k, k, in_features, self.features)
    fan_in = k * k * in_features
    kernel = self.param('kernel', kernel_init(self.initializer), shape)
    bias = self.param('bias', bias_init(self.initializer, fan_in), shape[-1:])
    return kernel, bias


class NormParams(nn.Module):
  """The arrays of `nn.BatchNorm`, with its names and shapes."""

  @nn.compact
  def __call__(
    self, block: Callable, features: int, *, train: bool
  ) -> jax.Array:
    """Returns the output of `block(norm)`, and updates the running moments."""
    ones, zeros = nn.initializers.ones_init(), nn.initializers.zeros_init()
    mean = self.variable('batch_stats', 'mean', jnp.zeros, features)
    var = self.variable('batch_stats', 'var', jnp.ones, features)
    scale = self.param('scale', ones, (features,))
    bias = self.param('bias', zeros, (features,))
    out, moments = block(conv_block.Norm(scale, bias, mean.value, var.value))
    if train and not self.is_initializing():
      for running, batch in zip((mean, var), moments, strict=True):
        running.value += (1 - MOMENTUM) * (batch - running.value)
    return out


class Dense(nn.Module):
  """Dense layer over all values of an image, batch norm if `norm`, and ReLU."""

  features: int
  norm: bool = False
  relu: bool = True
  initializer: str = 'he'
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    x = x.reshape(x.shape[0], -1)
    x = nn.Dense(
      self.features,
      kernel_init=kernel_init(self.initializer),
      bias_init=bias_init(self.initializer, x.shape[-1]),
      name='dense',
    )(x)
    if self.norm:
      x = nn.BatchNorm(
        use_running_average=not train,
        momentum=MOMENTUM,
        epsilon=conv_block.EPSILON,
        axis_name=self.axis_name,
        name='norm',
      )(x)
    return nn.relu(x) if self.relu else x

  def kernel_uses(self, shape: tuple[int, ...]) -> int:
    """Returns 1: each input value meets its weights once."""
    return 1

  def operations(self) -> list[Operation]:
    """Returns what the layer computes, for `mnist_jax.export`."""
    relu: list[Operation] = [('relu',)] if self.relu else []
    dense = ('dense', *_kernel_names(self, 'dense'))
    return [dense, *_norm_operations(self), *relu]


def _kernel_names(layer: nn.Module, part: str) -> list[str]:
  return [f'params/{layer.name}/{part}/{name}' for name in ('kernel', 'bias')]


def _norm_operations(layer: ConvBlock | Dense) -> list[Operation]:
  """Returns the batch norm of a layer; none if it has none."""
  if not layer.norm:
    return []
  params = [f'params/{layer.name}/norm/{name}' for name in ('scale', 'bias')]
  stats = [f'batch_stats/{layer.name}/norm/{name}' for name in ('mean', 'var')]
  return [('norm', *params, *stats, conv_block.EPSILON)]


def plain_convolutions(model: nn.Module) -> list[str]:
  """Returns the names of the `nn.Conv` layers of `model`; computes nothing."""
  found = []

  def watch(call, args, kwargs, context):
    if isinstance(context.module, nn.Conv):
      found.append('/'.join(context.module.path))
    return call(*args, **kwargs)

  with nn.intercept_methods(watch):
    image = jax.ShapeDtypeStruct((1, 28, 28, 1), jnp.float32)
    jax.eval_shape(model.init, jax.random.key(0), image)
  return found


def kernel_init(name: str) -> Callable:
  """Returns the initializer of weights by that name.

  'he' (He et al. 2015), 'glorot' (Glorot and Bengio 2010; Keras's default)
  or 'torch' (uniform in +-1/sqrt(fan_in), PyTorch's default).
  """
  return {
    'he': nn.initializers.he_normal(),
    'glorot': nn.initializers.glorot_uniform(),
    'torch': nn.initializers.variance_scaling(1 / 3, 'fan_in', 'uniform'),
  }[name]


def bias_init(name: str, fan_in: int) -> Callable:
  """Returns the initializer of biases that goes with `kernel_init(name)`."""
  if name != 'torch':
    return nn.initializers.zeros_init()
  bound = fan_in**-0.5
  return lambda key, shape, dtype=jnp.float32: jax.random.uniform(
    key, shape, dtype, -bound, bound
  )


class Crop(nn.Module):
  """Cuts `margin` pixels from each side of an image."""

  margin: int

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    start, (rows, columns) = self.margin, x.shape[1:3]
    return x[:, start : rows - start, start : columns - start]

  def kernel_uses(self, shape: tuple[int, ...]) -> int:
    """Returns 0: there is no kernel."""
    return 0

  def operations(self) -> list[Operation]:
    """Returns what the layer computes, for `mnist_jax.export`."""
    return [('crop', self.margin)] if self.margin else []


class Mean(nn.Module):
  """Averages over all positions: [B, H, W, C] -> [B, C]."""

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    return x.mean(axis=(1, 2))

  def kernel_uses(self, shape: tuple[int, ...]) -> int:
    """Returns 0: there is no kernel."""
    return 0

  def operations(self) -> list[Operation]:
    """Returns what the layer computes, for `mnist_jax.export`."""
    return [('mean',)]


class Dropout(nn.Module):
  """Dropout whose random bits depend on an image's place in the whole batch.

  So one device and eight drop the same units.
  """

  rate: float
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    if not train or self.rate == 0.0 or self.is_initializing():
      return x
    keys = rngs.per_example(self.make_rng('dropout'), len(x), self.axis_name)
    keep = jax.vmap(lambda rng: draw_kept(rng, x.shape[1:], self.rate))(keys)
    return jnp.where(keep, x / (1 - self.rate), 0)

  def kernel_uses(self, shape: tuple[int, ...]) -> int:
    """Returns 0: there is no kernel."""
    return 0

  def operations(self) -> list[Operation]:
    """Returns none: a trained network drops nothing."""
    return []


def draw_kept(rng: jax.Array, shape: tuple[int, ...], rate: float) -> jax.Array:
  """Draws which units to keep: [*shape] bool, False with probability `rate`.

  Random bits take a good part of a small network's step. At rate 0.5 one bit
  per unit is enough, which shortens a step of `single_conv` from 2.5 to 1.9 ms;
  otherwise 16 bits give a resolution of 1.5e-5.
  """
  if rate != 0.5:
    return jax.random.bits(rng, shape, 'uint16') >= round(rate * 2**16)
  size = math.prod(shape)
  words = jax.random.bits(rng, (-(-size // 32), 1), 'uint32')
  bits = words >> jnp.arange(32, dtype='uint32')[None] & 1
  return bits.reshape(-1)[:size].reshape(shape).astype(bool)
