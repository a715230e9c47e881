"""The block gives what plain `lax` gives, in value and gradient."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export, lax
from jax.sharding import PartitionSpec as P

from mnist_jax.models import conv_block, onednn

pytestmark = pytest.mark.usefixtures('optimized')

AXIS = 'data'
# Batch, side, channels, features and kernel size: even and odd sides, and
# batches that chunks divide or do not.
SHAPES = [
  (8, 12, 1, 5, 3),
  (3, 13, 4, 6, 3),
  (5, 9, 2, 3, 5),
  (2, 6, 3, 4, 1),
  (3, 11, 1, 16, 5),  # Convolved by strips.
]
LARGE = [(4, 20, 3, 2, 3), (3, 23, 2, 5, 3)]  # Convolved in Winograd's form.
POOLING = {
  'none': {'pool': False},
  'last': {'pool': True},
  'first': {'pool': True, 'pool_first': True},
}


@pytest.fixture(params=['xla', 'onednn'])
def convolution(request, monkeypatch):
  """What convolves in training on CPU."""
  if request.param == 'onednn':
    request.getfixturevalue('onednn_built')
  is_built = request.param == 'onednn'
  monkeypatch.setattr(onednn, 'is_built', lambda: is_built)


each_convolution = pytest.mark.usefixtures('convolution')


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
  """Computes the block by plain `lax`, for JAX to differentiate."""
  y = lax.conv_general_dilated(
    x, kernel, (1, 1), padding, dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )
  if pool and pool_first:
    y = max_pool(y)
  moments = None
  if norm is None:
    y = y + bias
  else:
    # Batch norm cancels the bias; left out, its gradient is exactly 0.
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
  """Draws (x, kernel, bias, norm); the scales are of every sign, and zero.

  x and kernel are small fractions, so that every convolution is exact. Then no
  order of summation decides which of nearly equal pixels is the largest.
  """
  batch, side, channels, features, k = shape
  rng = np.random.default_rng(seed)

  def eighths(*size):
    return jnp.asarray(rng.integers(-8, 9, size) / 8, jnp.float32)

  def normal(*size):
    return jnp.asarray(rng.normal(size=size), jnp.float32)

  x, kernel = (
    eighths(batch, side, side, channels),
    eighths(k, k, channels, features),
  )
  if not norm:
    return x, kernel, normal(features)
  scale = normal(features).at[0].set(0.0).at[1].set(-0.7)
  vectors = scale, normal(features), normal(features), normal(features) ** 2
  return x, kernel, normal(features), conv_block.Norm(*vectors)


def weighted_sum(args, *, block):
  """Returns the weighted sum of all that the block returns, and the latter."""
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


@each_convolution
@pytest.mark.parametrize('shape', SHAPES + LARGE, ids=str)
@pytest.mark.parametrize('padding', ['VALID', 'SAME'])
def test_convolution_is_lax_in_value_and_gradient(shape, padding):
  args = make_args(shape, norm=False)
  assert_same_block(args, padding=padding, pool=False, train=True)


@each_convolution
@pytest.mark.parametrize('shape', SHAPES[:2], ids=str)
@pytest.mark.parametrize('norm', [False, True])
@pytest.mark.parametrize('pooling', POOLING)
def test_block_is_lax_in_value_and_gradient(shape, norm, pooling):
  args = make_args(shape, norm=norm)
  assert_same_block(args, train=True, **POOLING[pooling])


@pytest.mark.parametrize('pooling', POOLING)
def test_evaluation_uses_the_running_moments(pooling):
  assert_same_block(make_args(SHAPES[1], norm=True), **POOLING[pooling])


@each_convolution
@pytest.mark.parametrize('norm', [False, True])
@pytest.mark.parametrize('features', [6, 32])
def test_equal_pixels_share_a_gradient_as_in_lax(digits, norm, features):
  # On plain background all four pixels of a window are equal.
  x = jnp.asarray(digits[0][:4, ..., None] / 256, jnp.float32)
  args = x, *make_args((1, 1, 1, features, 3), norm=norm)[1:]
  assert_same_block(args, padding='SAME', train=True)


@each_convolution
@pytest.mark.parametrize('channels', [1, 4])
def test_the_first_of_equal_maxima_takes_the_gradient(channels):
  y, kernel = jnp.ones((1, 24, 24, 1)), jnp.ones((1, 1, 1, 1))
  bias = jnp.ones(1)
  block = functools.partial(fast_block, train=True)
  chosen = jax.jit(jax.grad(lambda y: block(y, kernel, bias)[0].sum()))(y)
  assert chosen[:, ::2, ::2].min() == 1 and chosen.sum() == 12 * 12
  x = jnp.full((1, 26, 26, channels), 0.25)
  assert_same_block((x, jnp.ones((3, 3, channels, 1)), bias), train=True)


@each_convolution
def test_zero_scale_takes_the_first_pixel():
  args = make_args((2, 8, 2, 3, 3), norm=True)
  args = *args[:3], args[3]._replace(scale=jnp.zeros(3), bias=jnp.ones(3))
  assert_same_block(args, train=True)


def nearly_constant_args():
  """Returns arguments whose 64 features have means of 10 to 100, sd 1e-4 of it.

  In float32 the mean of squares minus the square of the mean is then noise,
  for some of so many features far enough below zero for a NaN.
  """
  x = np.random.default_rng(0).normal(10, 1e-3, (8, 6, 6, 1))
  kernel, one = jnp.linspace(1.0, 10.0, 64).reshape(1, 1, 1, 64), jnp.ones(64)
  norm = conv_block.Norm(one, one, one, one)
  return jnp.asarray(x, jnp.float32), kernel, 0 * one, norm


@each_convolution
@pytest.mark.parametrize('backend', ['cpu', 'tpu'])
@pytest.mark.parametrize('axis_name', [None, AXIS])
def test_a_nearly_constant_feature_is_finite_in_value_and_gradient(
  backend, axis_name
):
  block = functools.partial(conv_block.conv_block, backend=backend)
  grad = grad_and_value(block, train=True, axis_name=axis_name)
  x, *weights = nearly_constant_args()
  mapped = jax.vmap(lambda x: grad((x, *weights)), axis_size=2, axis_name=AXIS)
  grads, (out, (_, var)) = jax.jit(mapped)(x.reshape(2, 4, 6, 6, 1))
  assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))
  assert (var >= 0).all()
  # The deviations from a mean of 100 are below 0.05, and rounded to 1e-5.
  assert jnp.abs(out).max() < 1 + 0.05 / conv_block.EPSILON**0.5


@each_convolution
def test_backend_changes_neither_shapes_nor_values():
  args = make_args(SHAPES[1], norm=True)
  block = functools.partial(conv_block.conv_block, *args, train=True)
  first = functools.partial(block, pool_first=True)
  assert_same(first(backend='cpu'), first(backend='tpu'))
  assert_same(block(backend='cpu'), block(backend='tpu'))
  assert_same(block(), block(backend='cpu'))


def test_a_program_has_the_form_of_its_platform_whatever_this_machine_is():
  args = make_args(SHAPES[1], norm=True)
  traced = jax.jit(grad_and_value(conv_block.conv_block, train=True)).trace(
    args
  )
  for platform in ('cpu', 'cuda', 'tpu'):
    text = traced.lower(lowering_platforms=(platform,)).as_text()
    assert ('select_and_scatter' in text) == (platform != 'cpu'), platform


def test_a_program_exported_for_several_platforms_gives_the_same_on_each():
  args = make_args(SHAPES[1], norm=True)
  leaves, tree = jax.tree.flatten(args)
  grad = grad_and_value(conv_block.conv_block, train=True)
  # Exported programs know no named tuples.
  flat = jax.jit(lambda x: jax.tree.leaves(grad(jax.tree.unflatten(tree, x))))
  exported = export.export(flat, platforms=('cpu', 'cuda', 'tpu'))(leaves)
  assert_same(exported.call(leaves), flat(leaves))


@each_convolution
def test_block_is_the_same_inside_a_loop():
  args = make_args(SHAPES[0], norm=True)
  grad = jax.jit(grad_and_value(conv_block.conv_block, train=True))

  @jax.jit
  def loop(args):
    return lax.fori_loop(0, 1, lambda _, args: grad(args)[0], args)

  assert_same(loop(args), grad(args)[0])


@each_convolution
def test_block_maps_over_seeds():
  grad = jax.jit(grad_and_value(conv_block.conv_block, train=True))
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


@each_convolution
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
  x, *weights = make_args((6, 12, 2, 5, 3), norm=norm, seed=1)

  def grads(x, weights, axis_name=None):
    def mean_loss(x, weights):
      out, _ = conv_block.conv_block(
        x, *weights, train=True, axis_name=axis_name
      )
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
