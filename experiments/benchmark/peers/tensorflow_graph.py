"""The same models as a graph of TensorFlow: many steps in one `tf.function`.

Images are NHWC, which is TensorFlow's own layout, and oneDNN's kernels are on,
as by default on x86. As in ours, the images are one uint8 tensor; the graph
gathers a batch by its indices and normalises it. Batch norm and the optimizers
are TensorFlow's fused operations. `jit_compile` stays off. JAX is not imported.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from experiments.benchmark.peers import contender, work
from mnist_jax.data import batches

Layer = Callable[[tf.Tensor, bool], tf.Tensor]  # Of x and whether it trains.


class Affine(tf.Module):
  """A convolution or a dense layer, with PyTorch's initial distribution."""

  def __init__(self, shape: tuple[int, ...], padding: str, seed: int):
    """Draws a kernel [height, width, in, out] or [in, out], and the biases."""
    super().__init__()
    rng, limit = np.random.default_rng(seed), np.prod(shape[:-1]) ** -0.5

    def draw(shape: tuple[int, ...]) -> tf.Variable:
      return tf.Variable(rng.uniform(-limit, limit, shape).astype(np.float32))

    self.kernel, self.bias = draw(shape), draw(shape[-1:])
    self.padding = padding

  def __call__(self, x: tf.Tensor, train: bool) -> tf.Tensor:
    if self.kernel.shape.rank == 2:
      x = tf.matmul(x, self.kernel)
    else:
      x = tf.nn.conv2d(x, self.kernel, 1, self.padding)
    return tf.nn.bias_add(x, self.bias)


class Norm(tf.Module):
  """Batch norm over all axes but the last."""

  def __init__(self, features: int):
    super().__init__()
    self.scale = tf.Variable(tf.ones(features))
    self.offset = tf.Variable(tf.zeros(features))
    self.mean = tf.Variable(tf.zeros(features), trainable=False)
    self.variance = tf.Variable(tf.ones(features), trainable=False)

  def __call__(self, x: tf.Tensor, train: bool) -> tf.Tensor:
    maps = x if x.shape.rank == 4 else x[:, None, None, :]
    y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
      *(maps, self.scale, self.offset, self.mean, self.variance),
      epsilon=1e-5,
      is_training=train,
      exponential_avg_factor=0.1 if train else 1.0,
    )
    if train:
      self.mean.assign(mean)
      self.variance.assign(variance)
    return y if x.shape.rank == 4 else y[:, 0, 0, :]


class Model(tf.Module):
  """A stack of the layers of `work.Work`."""

  def __init__(self, doing: work.Work):
    super().__init__()
    self.layers = create_layers(doing)

  def __call__(self, images: tf.Tensor, *, train: bool) -> tf.Tensor:
    """Maps images [B, 28, 28] uint8 to logits [B, 10]."""
    x = tf.cast(images, tf.float32)[..., None]
    x = (x - 255 * work.MEAN) / (255 * work.STD)
    for layer in self.layers:
      x = layer(x, train)
    return x


def create_layers(doing: work.Work) -> list[Layer]:
  """Creates the layers of `doing`, each called as `layer(x, train)`."""
  layers: list[Layer] = []
  features, side = 1, 28
  for seed, layer in enumerate(doing.layers):
    match layer:
      case 'conv', new, size, padding:
        layers.append(Affine((size, size, features, new), padding, seed))
        features = new
        side -= 0 if padding == 'SAME' else size - 1
      case ('norm',):
        layers.append(Norm(features))
      case ('relu',):
        layers.append(lambda x, train: tf.nn.relu(x))
      case ('pool',):
        layers.append(lambda x, train: tf.nn.max_pool2d(x, 2, 2, 'VALID'))
        side //= 2
      case ('dropout',):
        layers.append(
          lambda x, train: tf.nn.dropout(x, doing.dropout) if train else x
        )
      case ('flatten',):
        features, side = features * side * side, 1
        layers.append(lambda x, train, n=features: tf.reshape(x, (-1, n)))
      case 'dense', new:
        layers.append(Affine((features, new), '', seed))
        features = new
  return layers


class Sgd(tf.Module):
  """Steps by the gradients times the learning rate."""

  def __init__(self, variables: list[tf.Variable]):
    super().__init__()
    self.variables_ = variables

  def apply(self, grads: list[tf.Tensor]) -> None:
    for variable, grad in zip(self.variables_, grads, strict=True):
      tf.raw_ops.ResourceApplyGradientDescent(
        var=variable.handle, alpha=work.LEARNING_RATE, delta=grad
      )


class Adam(tf.Module):
  """Adam with the betas and the epsilon that PyTorch and optax have."""

  def __init__(self, variables: list[tf.Variable]):
    super().__init__()
    self.variables_ = variables
    self.means = [tf.Variable(tf.zeros_like(v)) for v in variables]
    self.squares = [tf.Variable(tf.zeros_like(v)) for v in variables]
    self.powers = tf.Variable(0.9), tf.Variable(0.999)

  def apply(self, grads: list[tf.Tensor]) -> None:
    slots = zip(self.variables_, self.means, self.squares, grads, strict=True)
    first, second = self.powers
    for variable, mean, square, grad in slots:
      tf.raw_ops.ResourceApplyAdam(
        **{'var': variable.handle, 'm': mean.handle, 'v': square.handle},
        **{'beta1_power': first, 'beta2_power': second},
        **{'beta1': 0.9, 'beta2': 0.999, 'epsilon': 1e-8},
        **{'lr': work.LEARNING_RATE, 'grad': grad},
      )
    first.assign(first * 0.9)
    second.assign(second * 0.999)


def make_run_steps(
  doing: work.Work, model: Model, images: tf.Tensor, labels: tf.Tensor
) -> tf.types.experimental.PolymorphicFunction:
  """Makes the graph `run_steps(indices, start, stop)`: the sum of losses."""
  variables = list(model.trainable_variables)
  optimizer = {'sgd': Sgd, 'adam': Adam}[doing.optimizer](variables)

  def step(rows: tf.Tensor) -> tf.Tensor:
    with tf.GradientTape() as tape:
      logits = model(tf.gather(images, rows), train=True)
      losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        tf.gather(labels, rows), logits
      )
      loss = tf.reduce_mean(losses)
    optimizer.apply(tape.gradient(loss, variables))
    return loss

  batch_spec = tf.TensorSpec((None, doing.batch_size), tf.int32)
  place_spec = tf.TensorSpec((), tf.int32)

  @tf.function(input_signature=(batch_spec, place_spec, place_spec))
  def run_steps(indices, start, stop):
    loss_sum = tf.zeros(())
    for i in tf.range(start, stop):
      loss_sum += step(indices[i])
    return loss_sum

  return run_steps


def use_all_cores() -> str:
  """Lets an operation use every core of this process; says that in words."""
  cores = contender.num_cores()
  tf.config.threading.set_intra_op_parallelism_threads(cores)
  return f'{cores} threads of TensorFlow'


def create(name: str, dataset) -> contender.Contender:
  """Creates the contender on all cores."""
  runs_on = use_all_cores()
  tf.random.set_seed(0)
  doing, num_train = work.WORKS[name], len(dataset.train)
  model = Model(doing)
  images = tf.constant(dataset.train.images)
  labels = tf.constant(dataset.train.labels)
  run_steps = make_run_steps(doing, model, images, labels)

  def load(epoch: int) -> tf.Tensor:
    return tf.constant(
      batches.epoch_indices(num_train, doing.batch_size, seed=0, epoch=epoch)
    )

  epochs = contender.Epochs(load, num_train // doing.batch_size)

  def take(num_steps: int) -> float:
    loss_sum = 0.0
    for indices, start, stop in epochs.pieces(num_steps):
      places = tf.constant(start), tf.constant(stop)
      loss_sum += float(run_steps(indices, *places))  # Waits for the graph.
    return loss_sum / num_steps

  num_params = sum(v.shape.num_elements() for v in model.trainable_variables)
  return contender.Contender(take, num_params, runs_on)
