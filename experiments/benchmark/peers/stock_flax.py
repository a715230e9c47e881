"""The same models as a Flax user writes them: Linen layers, a jitted step.

The data are on the device and the step gathers its own batch, as in ours, so
that the layers and the loop make the difference and not the input.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax.training import train_state

from experiments.benchmark.peers import contender, work
from mnist_jax.data import batches


class Cnn(nn.Module):
  """A stack of the layers of `work.Work`."""

  layers: tuple[tuple, ...]
  dropout: float

  @nn.compact
  def __call__(self, images: jax.Array, *, train: bool) -> jax.Array:
    """Maps images [B, 28, 28] uint8 to logits [B, 10]."""
    x = images[..., None].astype(jnp.float32) / 255
    x = (x - work.MEAN) / work.STD
    for layer in self.layers:
      x = self.translate(*layer, train=train)(x)
    return x

  def translate(self, kind: str, *sizes, train: bool) -> Callable:
    """Returns the Linen layer, or the function, for one layer of `work`."""
    match kind, *sizes:
      case 'conv', features, size, padding:
        return nn.Conv(features, (size, size), padding=padding)
      case ('norm',):
        return nn.BatchNorm(not train, momentum=0.9, epsilon=1e-5)
      case ('relu',):
        return nn.relu
      case ('pool',):
        return lambda x: nn.max_pool(x, (2, 2), (2, 2))
      case ('dropout',):
        return nn.Dropout(self.dropout, deterministic=not train)
      case ('flatten',):
        return lambda x: x.reshape(len(x), -1)
      case 'dense', features:
        return nn.Dense(features)
    raise ValueError(f'{kind!r} has no translation')


class TrainState(train_state.TrainState):
  """Flax's own state with batch norm's moments and the key of dropout."""

  batch_stats: dict
  rng: jax.Array


def create_state(name: str) -> TrainState:
  """Creates the state of step 0 for the model `name` of `work.WORKS`."""
  doing = work.WORKS[name]
  model = Cnn(doing.layers, doing.dropout)
  images = jnp.zeros((1, 28, 28), jnp.uint8)
  variables = model.init(jax.random.key(0), images, train=False)
  optimizer = {'sgd': optax.sgd, 'adam': optax.adam}[doing.optimizer]
  return TrainState.create(
    apply_fn=model.apply,
    params=variables['params'],
    tx=optimizer(work.LEARNING_RATE),
    batch_stats=variables.get('batch_stats', {}),
    rng=jax.random.key(1),
  )


@functools.partial(jax.jit, donate_argnums=(0, 1))
def train_step(state, loss_sum, images, labels, indices, i):
  """Takes one step on batch `i`; returns the state and the sum of losses."""
  rows = indices[i]
  rngs = {'dropout': jax.random.fold_in(state.rng, state.step)}

  def loss_fn(params):
    logits, updates = state.apply_fn(
      {'params': params, 'batch_stats': state.batch_stats},
      images[rows],
      train=True,
      mutable=['batch_stats'],
      rngs=rngs,
    )
    losses = optax.softmax_cross_entropy_with_integer_labels(
      logits, labels[rows]
    )
    return losses.mean(), updates.get('batch_stats', {})

  grad_fn = jax.value_and_grad(loss_fn, has_aux=True)
  (loss, batch_stats), grads = grad_fn(state.params)
  state = state.apply_gradients(grads=grads, batch_stats=batch_stats)
  return state, loss_sum + loss


def create(name: str, dataset) -> contender.Contender:
  """Creates the contender, on JAX's first device."""
  batch_size, num_train = work.WORKS[name].batch_size, len(dataset.train)
  images, labels = jax.device_put((dataset.train.images, dataset.train.labels))
  state = create_state(name)
  num_params = sum(leaf.size for leaf in jax.tree.leaves(state.params))

  def load(epoch: int) -> jax.Array:
    return jax.device_put(
      batches.epoch_indices(num_train, batch_size, seed=0, epoch=epoch)
    )

  epochs = contender.Epochs(load, num_train // batch_size)

  def take(num_steps: int) -> float:
    nonlocal state
    loss_sum = jnp.float32(0)
    for indices, start, stop in epochs.pieces(num_steps):
      for i in range(start, stop):
        state, loss_sum = train_step(
          state, loss_sum, images, labels, indices, i
        )
    jax.block_until_ready(state)
    return float(loss_sum) / num_steps

  return contender.Contender(take, num_params, '1 device of JAX')
