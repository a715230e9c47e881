"""The block is plain `lax`, in value and gradient, whatever path it takes."""

import functools
import gzip
import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import PartitionSpec as P
from sklearn import datasets

from mnist_jax.models import conv_block

AXIS = 'data'
# Batch, side, channels, features and kernel size: even and odd sides, and
# batches that chunks divide or do not.
SHAPES = [
  (8, 12, 1, 5, 3),
  (3, 13, 4, 6, 3),
  (5, 9, 2, 3, 5),
  (2, 6, 3, 4, 1),
  (3, 11, 1, 16, 5),  # One channel and whole vectors go by strips.
]
LARGE = [(4, 20, 3, 2, 3), (3, 23, 2, 5, 3)]  # Winograd's form is for these.


def plain_block(
  x,
  kernel,
  bias,
  norm=None,
  *,
  padding='VALID',
  pool=True,
  pool_first=False,
  train=False,
):
  """The block as `lax` has it, differentiated by JAX."""
  y = lax.conv_general_dilated(
    x, kernel, (1, 1), padding, dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )
  if pool and pool_first:
    y = max_pool(y)
  moments = None
  if norm is None:
    y = y + bias
  else:
    # Batch norm takes the bias away again; so its gradient has no rounding.
    mean, var = norm.mean - bias, norm.var
    if train:
      mean, var = y.mean((0, 1, 2)), y.var((0, 1, 2))
      moments = mean + bias, var
    y = (y - mean) / jnp.sqrt(var + conv_block.EPSILON) * norm.scale + norm.bias
  y = jax.nn.relu(y)
  return max_pool(y) if pool and not pool_first else y, moments


def max_pool(y):
  return lax.reduce_window(
    y, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), 'VALID'
  )


def fast_block(*args, **kwargs):
  return conv_block.conv_block(*args, backend='cpu', **kwargs)


def make_args(shape, *, norm, seed=0):
  """Draws (x, kernel, bias, norm); the scales are of every sign, and zero."""
  batch, side, channels, features, k = shape
  rng = np.random.default_rng(seed)

  def normal(*size):
    return jnp.asarray(rng.normal(size=size), jnp.float32)

  arrays = normal(batch, side, side, channels), normal(k, k, channels, features)
  if not norm:
    return *arrays, normal(features)
  scale = normal(features).at[0].set(0.0).at[1].set(-0.7)
  vectors = scale, normal(features), normal(features), normal(features) ** 2
  return *arrays, normal(features), conv_block.Norm(*vectors)


def weighted_sum(args, *, block):
  """Sums all that the block returns, each value with a weight of its own.

  Returns:
    The sum, and what was summed.
  """
  outputs = block(*args)
  return sum(
    jnp.vdot(a, jnp.cos(jnp.arange(a.size, dtype=a.dtype)))
    for a in jax.tree.leaves(outputs)
  ), outputs


def grad_and_value(block, **kwargs):
  """Returns args -> (gradients of `weighted_sum`, what `block` returns)."""
  block = functools.partial(block, **kwargs)
  return jax.grad(functools.partial(weighted_sum, block=block), has_aux=True)


def assert_same(ours, theirs, tolerance=1e-5):
  assert jax.tree.structure(ours) == jax.tree.structure(theirs)
  for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape
    assert np.abs(a - b).max() <= tolerance * max(np.abs(b).max(), 1e-3)


def assert_same_block(args, **kwargs):
  """Compares values and all gradients with those of `plain_block`."""
  ours = jax.jit(grad_and_value(fast_block, **kwargs))(args)
  theirs = jax.jit(grad_and_value(plain_block, **kwargs))(args)
  assert_same(ours, theirs)


@pytest.mark.parametrize('shape', SHAPES, ids=str)
@pytest.mark.parametrize('padding', ['VALID', 'SAME'])
@pytest.mark.parametrize('norm', [False, True])
@pytest.mark.parametrize('pool', [False, True])
def test_block_is_lax_in_value_and_gradient(shape, padding, norm, pool):
  args = make_args(shape, norm=norm)
  assert_same_block(args, padding=padding, train=True, pool=pool)


@pytest.mark.parametrize('shape', LARGE, ids=str)
@pytest.mark.parametrize('padding', ['VALID', 'SAME'])
def test_large_maps_are_lax_in_value_and_gradient(shape, padding):
  assert_same_block(make_args(shape, norm=False), padding=padding)


@pytest.mark.parametrize('padding', ['VALID', 'SAME'])
@pytest.mark.parametrize('train', [False, True])
@pytest.mark.parametrize('norm', [False, True])
def test_pooling_before_batch_norm_is_lax_too(padding, train, norm):
  args = make_args(SHAPES[1], norm=norm)
  assert_same_block(args, padding=padding, train=train, pool_first=True)


@pytest.mark.parametrize('pool', [False, True])
def test_evaluation_uses_the_running_moments(pool):
  assert_same_block(make_args(SHAPES[1], norm=True), pool=pool)


def pasted_digits():
  """Real digits of 8x8 pixels in a frame of 28x28: mostly background."""
  images = np.zeros((9, 28, 28, 1), np.float32)
  images[:, 10:18, 10:18, 0] = datasets.load_digits().images[:9] / 16
  return images


def mnist():
  folder = os.environ.get('MNIST_JAX_MANUAL_DIR')
  if not folder:
    pytest.skip('MNIST_JAX_MANUAL_DIR is not set')
  path = pathlib.Path(folder) / 'train-images-idx3-ubyte.gz'
  pixels = np.frombuffer(
    gzip.decompress(path.read_bytes()), np.uint8, offset=16
  )
  return pixels.reshape(-1, 28, 28, 1)[:16].astype(np.float32) / 255


@pytest.mark.parametrize('images', [pasted_digits, mnist])
@pytest.mark.parametrize('padding', ['VALID', 'SAME'])
@pytest.mark.parametrize('norm', [False, True])
@pytest.mark.parametrize('features', [6, 32])
def test_equal_pixels_share_a_gradient_as_in_lax(
  images, padding, norm, features
):
  # On plain background all four pixels of a window are exactly equal.
  x = jnp.asarray((images() - 0.1307) / 0.3081)
  args = x, *make_args((1, 1, 1, features, 3), norm=norm)[1:]
  assert_same_block(args, padding=padding, train=True)


@pytest.mark.parametrize('channels', [1, 4])
def test_of_equal_maxima_the_first_takes_the_gradient(channels):
  x = jnp.full((1, 26, 26, channels), 0.3)
  kernel, bias = jnp.ones((3, 3, channels, 1)), jnp.ones(1)

  def total(bias_of_pixel):
    y = bias_of_pixel[..., None] + x[:, :24, :24, :1]
    return fast_block(y, jnp.ones((1, 1, 1, 1)), bias)[0].sum()

  chosen = jax.grad(total)(jnp.zeros((1, 24, 24)))
  assert chosen[:, ::2, ::2].min() == 1 and chosen.sum() == 12 * 12
  assert_same_block((x, kernel, bias))


def test_zero_scale_takes_the_first_pixel():
  args = make_args((2, 8, 2, 3, 3), norm=True)
  args = *args[:3], args[3]._replace(scale=jnp.zeros(3), bias=jnp.ones(3))
  assert_same_block(args, train=True)


def test_backend_changes_neither_shapes_nor_values():
  args = make_args(SHAPES[1], norm=True)
  block = functools.partial(conv_block.conv_block, *args, train=True)
  first = functools.partial(block, pool_first=True)
  assert_same(first(backend='cpu'), first(backend='tpu'))
  assert_same(block(backend='cpu'), block(backend='tpu'))
  assert_same(block(), block(backend=jax.default_backend()))


def test_block_is_the_same_inside_a_loop():
  args = make_args(SHAPES[0], norm=True)
  grad = grad_and_value(fast_block, train=True)

  @jax.jit
  def loop(args):
    return lax.fori_loop(0, 1, lambda _, args: grad(args)[0], args)

  assert_same(loop(args), grad(args)[0])


def test_block_maps_over_seeds():
  grad = jax.jit(grad_and_value(fast_block, train=True))
  seeds = [make_args(SHAPES[1], norm=True, seed=seed) for seed in range(3)]
  stacked = jax.tree.map(lambda *a: jnp.stack(a), *seeds)
  apart = jax.tree.map(lambda *a: jnp.stack(a), *map(grad, seeds))
  assert_same(jax.vmap(grad)(stacked), apart)


def by_shard_map(f, args, check_vma):
  mesh = jax.make_mesh((2,), (AXIS,), axis_types=(jax.sharding.AxisType.Auto,))
  return jax.jit(
    jax.shard_map(
      f,
      mesh=mesh,
      in_specs=(P(AXIS), P()),
      out_specs=(P(AXIS), P()),
      check_vma=check_vma,
    )
  )(*args)


def by_mapping(f, args, mapping):
  x, weights = args
  x = x.reshape(2, -1, *x.shape[1:])
  dx, grads = mapping(f, in_axes=(0, None), axis_name=AXIS)(x, weights)
  return dx.reshape(-1, *dx.shape[2:]), jax.tree.map(lambda a: a[0], grads)


@pytest.mark.skipif(jax.device_count() < 2, reason='needs two devices')
@pytest.mark.parametrize(
  'run',
  [
    functools.partial(by_shard_map, check_vma=False),
    functools.partial(by_shard_map, check_vma=True),
    functools.partial(by_mapping, mapping=jax.pmap),
    functools.partial(by_mapping, mapping=jax.vmap),
  ],
  ids=['shard_map', 'shard_map_checked', 'pmap', 'vmap'],
)
@pytest.mark.parametrize('norm', [True, False])
def test_a_split_batch_gives_the_whole_batch_gradient(run, norm):
  x, *weights = make_args((6, 12, 2, 5, 3), norm=norm)

  def grads(x, weights, axis_name=None):
    def mean_loss(x, weights):
      out, _ = fast_block(x, *weights, train=True, axis_name=axis_name)
      value = (jnp.cos(5 * out) * out).sum(-1).mean()
      return lax.pmean(value, axis_name) if axis_name else value

    dx, dweights = jax.grad(mean_loss, (0, 1))(x, weights)
    if axis_name:
      dweights = lax.pmean(dweights, axis_name)
    return dx, dweights

  whole = jax.jit(grads)(x, weights)
  dx, split = run(functools.partial(grads, axis_name=AXIS), (x, weights))
  assert_same(split, whole[1])
  # Up to the number of devices: where maps carry no types, pmean's gradient is
  # pmean, and each device has the gradient of its own mean.
  assert_same(dx / jnp.abs(dx).max(), whole[0] / jnp.abs(whole[0]).max())
