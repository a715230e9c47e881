"""The contenders of the benchmark: the same models in every framework."""

import collections
import functools
import importlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import experiments
from experiments.benchmark import available, rounds
from experiments.benchmark.peers import contender, stock_flax, work, worker
from mnist_jax import errors
from mnist_jax.models import cnn
from mnist_jax.models import summary as model_summary

WEIGHTS = {
  'single_conv': 434_258,
  'wide_conv': 65_194,
  'basic': 122_570,
  'improved': 391_370,
}


def test_a_block_is_as_long_as_asked_without_the_warm_up(monkeypatch):
  now = 0.0
  monkeypatch.setattr(worker.time, 'perf_counter', lambda: now)

  def take(num_steps):
    nonlocal now
    now += num_steps / 64
    return 0.5

  block = worker.measure(take, 2.0)
  assert block == {'steps': 128, 'seconds': 2.0, 'loss': 0.5}
  assert now > block['seconds']


def test_pieces_cover_every_epoch_in_order():
  epochs = contender.Epochs(lambda epoch: f'epoch {epoch}', 5)
  assert list(epochs.pieces(3)) == [('epoch 0', 0, 3)]
  assert list(epochs.pieces(8)) == [
    ('epoch 0', 3, 5),
    ('epoch 1', 0, 5),
    ('epoch 2', 0, 1),
  ]


def test_a_contender_in_its_own_process_answers_until_it_ends():
  process = rounds.Process('ours', 'single_conv', 'uci_digits')
  try:
    assert process.answer()['num_params'] == WEIGHTS['single_conv']
    block = process.block(0.01)
    assert block['steps'] > 0
    assert block['seconds'] > 0
    assert 0 < block['loss'] < 3
    process.process.kill()
    with pytest.raises(errors.UserError, match='ours of single_conv has ended'):
      process.block(0.01)
  finally:
    process.close()


def test_the_data_are_normalised_as_ours():
  assert (work.MEAN, work.STD) == (cnn.MEAN, cnn.STD)


def as_ours(stock, num_convs):
  """Renames the layers of a stock model as in ours.

  If there are several norms, the first ones follow the convolutions.
  """
  num_norms = sum(name.startswith('BatchNorm_') for name in stock)
  ours = {}
  for name, arrays in stock.items():
    kind, number = name.split('_')
    in_conv = kind == 'Conv' or (num_norms > 1 and int(number) < num_convs)
    if kind == 'BatchNorm' and not in_conv:
      number = 0
    layer = 'ConvBlock' if kind != 'Dense' and in_conv else 'Dense'
    part = 'norm' if kind == 'BatchNorm' else kind.lower()
    ours.setdefault(f'{layer}_{number}', {})[part] = arrays
  return ours


def stock_model(name):
  """Returns the compiled `apply` of the stock model, and random variables."""
  state = jax.eval_shape(lambda: stock_flax.create_state(name))
  rng = np.random.default_rng(0)

  def draw(low, high, tree):
    return jax.tree.map(
      lambda x: rng.uniform(low, high, x.shape).astype(np.float32), tree
    )

  variables = {
    'params': draw(-0.2, 0.2, state.params),
    'batch_stats': draw(0.5, 1.5, state.batch_stats),
  }
  return jax.jit(functools.partial(state.apply_fn, train=False)), variables


@pytest.mark.parametrize('name', work.WORKS)
def test_the_stock_model_has_our_weights_and_our_logits(name, digits):
  images = digits[0][:8]
  apply, variables = stock_model(name)
  stock = apply(variables, images)
  config = work.create_config(name, 'uci_digits')
  num_convs = sum(layer[0] == 'conv' for layer in work.WORKS[name].layers)
  ours = {key: as_ours(tree, num_convs) for key, tree in variables.items()}
  model = cnn.create_model(config.model)
  logits = jax.jit(model.apply)(ours, cnn.as_input(jnp.asarray(images)))
  assert model_summary.num_params(variables['params']) == WEIGHTS[name]
  np.testing.assert_allclose(logits, stock, atol=1e-5 * np.abs(stock).max())


def test_stock_flax_learns(digits):
  state = stock_flax.create_state('basic')
  images, labels = (jnp.asarray(array[:32]) for array in digits)
  indices = jnp.arange(32)[None]
  losses = []
  for _ in range(10):
    state, loss = stock_flax.train_step(
      state, jnp.float32(0), images, labels, indices, 0
    )
    losses.append(float(loss))
  assert losses[-1] < 0.5 * losses[0]


def as_torch(name, variables, model):
  """Fills a torch model with the arrays of a stock Flax model, in order."""
  torch = importlib.import_module('torch')
  side = {'single_conv': 13, 'wide_conv': 12, 'basic': 5, 'improved': 3}[name]
  numbers = {'Conv': 0, 'Dense': 0, 'BatchNorm': 0}
  kinds = {'Conv2d': 'Conv', 'Linear': 'Dense'}
  for module in model:
    kind = kinds.get(type(module).__name__, type(module).__name__[:9])
    if kind not in numbers:
      continue
    key = f'{kind}_{numbers[kind]}'
    numbers[kind] += 1
    params = variables['params'][key]
    arrays = {'bias': params['bias']}
    if kind == 'Conv':
      arrays['weight'] = params['kernel'].transpose(3, 2, 0, 1)
    elif kind == 'Dense':
      kernel = params['kernel']
      if key == 'Dense_0':  # From rows, columns, channels to channels first.
        kernel = kernel.reshape(side, side, -1, kernel.shape[1])
        kernel = kernel.transpose(2, 0, 1, 3).reshape(-1, kernel.shape[-1])
      arrays['weight'] = kernel.T
    else:
      stats = variables['batch_stats'][key]
      arrays['weight'] = params['scale']
      arrays |= {'running_mean': stats['mean'], 'running_var': stats['var']}
    state = {key: torch.tensor(np.array(x)) for key, x in arrays.items()}
    module.load_state_dict(state, strict=False)


@pytest.mark.parametrize('channels_last', [False, True])
@pytest.mark.parametrize('name', work.WORKS)
def test_the_torch_model_has_the_logits_of_the_stock_model(
  name, channels_last, digits
):
  torch = pytest.importorskip('torch')
  from experiments.benchmark.peers import pytorch

  model = pytorch.create_model(work.WORKS[name])
  apply, variables = stock_model(name)
  as_torch(name, variables, model)
  if channels_last:
    model = model.to(memory_format=torch.channels_last)
  images = digits[0][:8]
  x = pytorch.as_input(torch.tensor(images), channels_last)
  with torch.inference_mode():
    logits = model.eval()(x).numpy()
  assert sum(p.numel() for p in model.parameters()) == WEIGHTS[name]
  stock = apply(variables, images)
  np.testing.assert_allclose(logits, stock, atol=1e-5 * np.abs(stock).max())


def stock_arrays(name, variables):
  """Yields the arrays of each layer of a stock model that has some, in order.

  TensorFlow, Keras and Flax agree on the shapes of all of them.
  """
  kinds = {'conv': 'Conv', 'dense': 'Dense', 'norm': 'BatchNorm'}
  numbers = collections.Counter()
  for kind, *_ in work.WORKS[name].layers:
    if kind not in kinds:
      continue
    key = f'{kinds[kind]}_{numbers[kind]}'
    numbers[kind] += 1
    params = variables['params'][key]
    if kind == 'norm':
      stats = variables['batch_stats'][key]
      yield params['scale'], params['bias'], stats['mean'], stats['var']
    else:
      yield params['kernel'], params['bias']


@pytest.mark.parametrize('name', work.WORKS)
def test_the_tensorflow_model_has_the_logits_of_the_stock_model(name, digits):
  tf = pytest.importorskip('tensorflow')
  from experiments.benchmark.peers import tensorflow_graph

  model = tensorflow_graph.Model(work.WORKS[name])
  apply, variables = stock_model(name)
  layers = [layer for layer in model.layers if isinstance(layer, tf.Module)]
  for layer, arrays in zip(layers, stock_arrays(name, variables), strict=True):
    fields = ('kernel', 'bias')
    if isinstance(layer, tensorflow_graph.Norm):
      fields = ('scale', 'offset', 'mean', 'variance')
    for field, array in zip(fields, arrays, strict=True):
      getattr(layer, field).assign(array)
  images = digits[0][:8]
  logits = model(tf.constant(images), train=False).numpy()
  sizes = [v.shape.num_elements() for v in model.trainable_variables]
  assert sum(sizes) == WEIGHTS[name]
  stock = apply(variables, images)
  np.testing.assert_allclose(logits, stock, atol=1e-5 * np.abs(stock).max())


@pytest.mark.parametrize('name', work.WORKS)
def test_the_keras_model_has_the_logits_of_the_stock_model(name, digits):
  pytest.importorskip('tensorflow')
  from experiments.benchmark.peers import keras_fit

  model = keras_fit.create_model(work.WORKS[name])
  apply, variables = stock_model(name)
  layers = [layer for layer in model.layers if layer.get_weights()]
  for layer, arrays in zip(layers, stock_arrays(name, variables), strict=True):
    layer.set_weights(arrays)
  images = digits[0][:8]
  logits = np.asarray(model(keras_fit.as_input(images), training=False))
  sizes = [np.prod(v.shape) for v in model.trainable_variables]
  assert sum(sizes) == WEIGHTS[name]
  stock = apply(variables, images)
  np.testing.assert_allclose(logits, stock, atol=1e-5 * np.abs(stock).max())


def test_batch_norm_in_tensorflow_keeps_a_tenth_of_each_batchs_moments():
  tf = pytest.importorskip('tensorflow')
  from experiments.benchmark.peers import tensorflow_graph

  x = np.random.default_rng(0).normal(2, 3, (512, 4)).astype(np.float32)
  norm = tensorflow_graph.Norm(4)
  y = norm(tf.constant(x), True)
  np.testing.assert_allclose(np.mean(y, 0), 0, atol=1e-4)
  np.testing.assert_allclose(np.std(y, 0), 1, atol=1e-3)
  np.testing.assert_allclose(norm.mean, 0.1 * x.mean(0), rtol=1e-4)
  variance = 0.9 + 0.1 * x.var(0, ddof=1)
  np.testing.assert_allclose(norm.variance, variance, rtol=1e-4)


@pytest.mark.parametrize('optimizer', ['sgd', 'adam'])
def test_tensorflows_optimizers_step_as_optax_does(optimizer):
  tf = pytest.importorskip('tensorflow')
  optax = importlib.import_module('optax')
  from experiments.benchmark.peers import tensorflow_graph

  kind = {'sgd': tensorflow_graph.Sgd, 'adam': tensorflow_graph.Adam}
  reference = getattr(optax, optimizer)(work.LEARNING_RATE)
  rng = np.random.default_rng(0)
  params = rng.normal(size=5).astype(np.float32)
  variable, state = tf.Variable(params), reference.init(params)
  ours = kind[optimizer]([variable])
  for _ in range(3):
    grad = rng.normal(size=5).astype(np.float32)
    ours.apply([tf.constant(grad)])
    updates, state = reference.update(grad, state)
    params = optax.apply_updates(params, updates)
  np.testing.assert_allclose(variable.numpy(), params, rtol=1e-5)


def check_that_it_learns(name):
  process = rounds.Process(name, 'basic', 'uci_digits')
  try:
    assert process.answer()['num_params'] == WEIGHTS['basic']
    first, second = process.block(0.5), process.block(0.5)
    assert first['steps'] > 0 and second['seconds'] > 0
    assert 0 < second['loss'] < first['loss']
    if sys.platform == 'linux':
      assert process.peak_mb() > 100
  finally:
    process.close()


@pytest.mark.parametrize('name', worker.TENSORFLOW)
def test_a_worker_of_tensorflow_learns_from_block_to_block(name):
  pytest.importorskip('tensorflow')
  check_that_it_learns(name)


def test_a_worker_of_torch_compile_learns_from_block_to_block():
  pytest.importorskip('torch')
  if why := available.why_not_compiled():
    pytest.skip(why)
  check_that_it_learns('torch_compile')


def test_a_worker_and_its_data_need_neither_jax_nor_flax_nor_torch():
  code = """
import sys

class Refused:
  def find_spec(name, path=None, target=None):
    if name.split('.')[0] in ('jax', 'flax', 'optax', 'torch'):
      raise ImportError(name)

sys.meta_path.insert(0, Refused)
from experiments.benchmark.peers import contender, work, worker
from mnist_jax.data import batches, datasets
config = work.create_config('basic', 'uci_digits')
print(len(datasets.load_dataset(config.data).train))
"""
  done = subprocess.run(
    [sys.executable, '-c', code],
    cwd=experiments.ROOT,
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.stdout == '1300\n', done.stderr


@pytest.mark.parametrize(
  ('recipe', 'num_weights'), [('one_epoch', 215_194), ('example', 1_199_882)]
)
def test_a_whole_pytorch_recipe_has_its_published_weights_and_learns(
  recipe, num_weights, digits
):
  torch = pytest.importorskip('torch')
  from experiments.benchmark.peers import pytorch, whole_run

  module = importlib.import_module(f'experiments.benchmark.peers.{recipe}')
  torch.manual_seed(0)
  model = module.create_model()
  assert sum(p.numel() for p in model.parameters()) == num_weights
  images = pytorch.as_input(torch.tensor(digits[0][:512]), False)
  labels = torch.tensor(digits[1][:512]).long()
  before = whole_run.count_errors(model, images, labels)
  for _ in range(15):
    module.train(model, images, labels, *([1] * (recipe == 'example')))
  assert whole_run.count_errors(model, images, labels) < before / 2
