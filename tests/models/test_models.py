"""The models have their published sizes, and their layers do what they say."""

import importlib
import types

import jax
import jax.numpy as jnp
import numpy as np
import our_recipes
import pytest
from flax import linen as nn

from mnist_jax import errors
from mnist_jax.models import cnn, layers, summary

NUM_WEIGHTS = {
  'single_conv': 434_258,
  'two_conv': 225_034,
  'wide_conv': 65_194,
  'basic': 122_570,
  'improved': 391_370,
  'simple': 693_962,
  'fast': 72_362,
  'tiny': 9_778,
}


def create(name, **kwargs):
  config = {'dropout': 0.5, 'initializer': 'he'} | kwargs
  return cnn.create_model(types.SimpleNamespace(name=name, **config))


def init(model):
  return jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, 28, 28, 1)))


@pytest.mark.parametrize(('name', 'num_weights'), NUM_WEIGHTS.items())
def test_a_model_has_exactly_its_published_weights(name, num_weights):
  params = jax.eval_shape(lambda: init(create(name)))['params']
  assert summary.num_params(params) == num_weights


def test_the_models_of_all_recipes_of_this_project_are_counted_here():
  for name in our_recipes.NAMES:
    recipe = importlib.import_module(f'configs.{name}')
    assert recipe.get_config().model.name in NUM_WEIGHTS


@pytest.mark.parametrize('name', NUM_WEIGHTS)
def test_logits_are_ten_float32_per_image(name):
  model = create(name)
  logits = jax.eval_shape(
    lambda images: model.apply(init(model), images), jnp.ones((3, 28, 28, 1))
  )
  assert logits.shape == (3, 10)
  assert logits.dtype == jnp.float32


@pytest.mark.parametrize('name', NUM_WEIGHTS)
def test_all_backends_have_the_same_weights_and_finite_logits(
  name, monkeypatch
):
  model = create(name, dropout=0.0)
  variables = init(model)
  images = jax.random.uniform(jax.random.key(1), (8, 28, 28, 1))

  def train_and_test():
    @jax.jit
    def run(variables):
      logits, new = model.apply(
        variables, images, train=True, mutable=['batch_stats']
      )
      return logits, new, model.apply(variables | new, images)

    return jax.eval_shape(lambda: init(model)), run(variables)

  shapes, fast = train_and_test()
  monkeypatch.setattr(
    jax.lax,
    'platform_dependent',
    lambda *args, cpu, default: default(*args),
  )
  plain_shapes, plain = train_and_test()
  assert shapes == plain_shapes
  assert jax.tree.structure(fast) == jax.tree.structure(plain)
  for a, b in zip(jax.tree.leaves(fast), jax.tree.leaves(plain), strict=True):
    assert jnp.isfinite(a).all()
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-5)


def test_an_unknown_model_names_the_nearest_or_all():
  with pytest.raises(errors.UserError, match="did you mean 'improved'"):
    create('improvedd')
  with pytest.raises(errors.UserError, match='basic, fast, improved'):
    create('resnet')


class Wide(cnn.Cnn):
  """A model with a field of its own."""

  width: int = 3

  def stack(self):
    return [self.dense(self.width), self.logits()]


def test_a_model_of_a_recipe_gets_its_fields_from_extra(monkeypatch):
  monkeypatch.setitem(cnn.MODELS, 'wide', Wide)
  config = types.SimpleNamespace(name='wide', dropout=0.5, initializer='he')
  model = cnn.create_model(config, 'data', {'width': 7, 'power': 2.0})
  assert (model.width, model.dropout, model.axis_name) == (7, 0.5, 'data')
  assert create('wide').width == 3


@pytest.mark.parametrize(
  ('stack', 'words'),
  [
    (lambda self: [nn.Dense(10)], r"keyword argument 'train'.*train=\.\.\."),
    (lambda self: [nn.relu, self.logits()], r"keyword argument 'train'"),
    (lambda self: [self.conv(4)], r'\(2, 13, 13, 4\).*self\.logits\(\)'),
    (lambda self: self.logits(), 'not iterable'),
  ],
)
def test_a_wrong_stack_is_one_line(stack, words):
  model = type('Wrong', (cnn.Cnn,), {'stack': stack, '__module__': __name__})()
  with pytest.raises(errors.UserError, match=words) as error:
    cnn.check_model('wrong', model)
  assert '\n' not in str(error.value)


def test_a_model_that_is_no_cnn_must_take_train():
  class Net(nn.Module):
    @nn.compact
    def __call__(self, images):
      return nn.Dense(10)(images.reshape(len(images), -1))

  with pytest.raises(errors.UserError, match="keyword argument 'train'"):
    cnn.check_model('net', Net())


class Plain(nn.Module):
  """A model that is no Cnn, with layers that are called in other ways."""

  classes: int = 10

  @nn.compact
  def __call__(self, images, *, train=False):
    x = images.reshape(len(images), 28, 28)
    x = nn.MultiHeadDotProductAttention(2)(inputs_q=x)
    return nn.Dense(self.classes)(inputs=x.reshape(len(x), -1))


def test_a_model_that_is_no_cnn_may_call_its_layers_by_keywords():
  cnn.check_model('plain', Plain(), 10)
  attention, dense = summary.describe(Plain())
  assert (attention.output, dense.output) == ((28, 28), (10,))
  assert attention.num_params == 4 * 28 * (28 + 1)


def test_the_number_of_logits_is_checked_where_it_is_known():
  cnn.check_model('plain', Plain(3))
  cnn.check_model('plain', Plain(3), 3)
  with pytest.raises(errors.UserError, match=r'\(2, 3\).*logits \(2, 10\)'):
    cnn.check_model('plain', Plain(3), 10)


class Negative(nn.Module):
  """A layer without parameters, whose `__call__` is not compact."""

  def __call__(self, x, *, train):
    return -x


NEGATIVE = Negative()


class Outside(cnn.Cnn):
  """A model with a layer that was made outside of it."""

  def stack(self):
    return [self.conv(4), NEGATIVE, self.logits()]


def test_a_layer_that_was_made_outside_the_model_is_left_out_of_the_table():
  cnn.check_model('outside', Outside(), 10)
  assert [row.output[-1] for row in summary.describe(Outside())] == [4, 10]


class Twice(cnn.Cnn):
  """A model that applies one layer twice."""

  def stack(self):
    block = self.conv(8, padding='SAME', pool=False)
    return [self.conv(8), block, block, self.logits()]


def test_weights_that_are_used_twice_are_counted_once_and_their_flops_twice():
  rows = summary.describe(Twice())
  whole = init(Twice())['params']
  assert sum(row.num_params for row in rows) == summary.num_params(whole)
  assert rows[1].flops == rows[2].flops > 0


@pytest.mark.parametrize(
  ('fields', 'words'),
  [
    ({'padding': 'same'}, "write 'SAME' or 'VALID'"),
    ({'padding': 'SAME', 'kernel_size': 4}, 'kernel_size 4 is even'),
  ],
)
def test_a_convolution_that_would_be_another_one_is_refused(fields, words):
  stack = {'stack': lambda self: [self.conv(4, **fields), self.logits()]}
  model = type('Odd', (cnn.Cnn,), stack | {'__module__': __name__})()
  with pytest.raises(errors.UserError, match=words):
    cnn.check_model('odd', model)


@pytest.mark.parametrize('features', [(), 16, (8, 16.5), (8, 0, 8)])
def test_features_of_tiny_that_make_no_network_are_refused(features):
  config = types.SimpleNamespace(name='tiny', dropout=0.0, initializer='he')
  model = cnn.create_model(config, extra={'features': features})
  with pytest.raises(errors.UserError, match=r'extra\.features'):
    cnn.check_model('tiny', model)


def test_cutting_nothing_off_leaves_the_image():
  image = jnp.ones((1, 28, 14, 1))
  assert layers.Crop(0).apply({}, image, train=False).shape == image.shape
  assert layers.Crop(2).apply({}, image, train=False).shape == (1, 24, 10, 1)
  assert layers.Crop(0).operations() == []


def test_a_right_stack_passes():
  cnn.check_model('wide', Wide())


def test_the_table_has_the_sizes_and_flops_of_a_count_by_hand():
  rows = summary.describe(create('wide_conv'))
  assert [row.output for row in rows] == [(26, 26, 64), (12, 12, 32), (10,)]
  assert sum(row.num_params for row in rows) == 65_194
  by_hand = [26 * 26 * 9 * 64, 24 * 24 * 9 * 64 * 32, 12 * 12 * 32 * 10]
  assert [row.flops for row in rows] == [2 * products for products in by_hand]


@pytest.mark.parametrize('initializer', ['he', 'glorot', 'torch'])
def test_an_initializer_has_the_spread_it_promises(initializer):
  params = init(create('single_conv', initializer=initializer))['params']
  dense = params['Dense_0']['dense']
  kernel, bias = dense['kernel'], dense['bias']
  fan_in, fan_out = kernel.shape
  variance = {
    'he': 2 / fan_in,
    'glorot': 2 / (fan_in + fan_out),
    'torch': 1 / (3 * fan_in),
  }[initializer]
  np.testing.assert_allclose(kernel.var(), variance, rtol=0.02)
  assert (jnp.abs(bias).max() > 0) == (initializer == 'torch')
  assert jnp.abs(bias).max() <= fan_in**-0.5


def test_batch_norm_moves_its_running_moments_towards_those_of_the_batch():
  layer = layers.ConvBlock(5, norm=True, initializer='torch')

  @jax.jit
  def run(rng):
    images = jax.random.uniform(rng, (8, 9, 9, 3))
    variables = layer.init(rng, images, train=False)
    _, new = layer.apply(variables, images, train=True, mutable=['batch_stats'])
    conv = variables['params']['conv']
    y = conv['bias'] + jax.lax.conv_general_dilated(
      images,
      conv['kernel'],
      (1, 1),
      'VALID',
      dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    )
    return new['batch_stats']['norm'], y

  moments, y = run(jax.random.key(0))
  mean, var = np.mean(y, (0, 1, 2)), np.var(y, (0, 1, 2))
  np.testing.assert_allclose(moments['mean'], 0.1 * mean, rtol=1e-4, atol=1e-6)
  np.testing.assert_allclose(moments['var'], 0.9 + 0.1 * var, rtol=1e-4)


def test_a_model_has_the_dropout_of_its_config():
  traced = cnn.trace_layers(create('two_conv', dropout=0.2))
  assert [x.rate for x, *_ in traced if isinstance(x, layers.Dropout)] == [0.2]


def test_dropout_drops_its_share_and_scales_up_the_rest():
  dropout = layers.Dropout(0.2)
  x = jax.random.uniform(
    jax.random.key(0), (64, 5, 5, 64), minval=1.0, maxval=2.0
  )

  @jax.jit
  def drop(seed):
    rngs = {'dropout': jax.random.key(seed)}
    return dropout.apply({}, x, train=True, rngs=rngs)

  after, other = np.asarray(drop(0)), np.asarray(drop(1))
  kept = after != 0
  assert abs(kept.mean() - 0.8) < 0.01
  np.testing.assert_allclose(after[kept], np.asarray(x)[kept] / 0.8, rtol=1e-6)
  assert not np.array_equal(after, other)
  assert dropout.apply({}, x, train=False) is x


@pytest.mark.parametrize('rate', [0.5, 0.2, 0.31])
def test_units_are_dropped_independently_at_their_rate(rate):
  kept = layers.draw_kept(jax.random.key(0), (100, 1001), rate)
  assert abs(kept.mean() - (1 - rate)) < 0.005
  # Neighbours in either direction are independent.
  for a, b in ((kept[1:], kept[:-1]), (kept[:, 1:], kept[:, :-1])):
    assert abs((a & b).mean() - (1 - rate) ** 2) < 0.005
