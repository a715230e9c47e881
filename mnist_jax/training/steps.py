"""One training step and one evaluation step, as pure functions."""

from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import optax

from mnist_jax.models import cnn
from mnist_jax.training import optim
from mnist_jax.training.metrics import Metrics
from mnist_jax.training.train_state import TrainState

NON_DIGIT_WEIGHT = 0.5  # As in the paper; see `smoothed_cross_entropy`.


def train_step(
  state: TrainState,
  batch: dict[str, jax.Array],
  *,
  model: cnn.Cnn,
  optimizer: optim.Optimizer,
  augment: Callable | None = None,
  axis_name: str | None = None,
) -> tuple[TrainState, Metrics]:
  """Takes one optimizer step.

  Args:
    state: the state before the step.
    batch: 'image' [B, 28, 28] uint8 and 'label' [B] integers: this device's
      part of it, where `axis_name` names the axis it is split over. Where the
      training set has non-digits, also 'is_digit' [B] bool.
    model: from `cnn.create_model`, made with the same `axis_name`.
    optimizer: from `optim.create_optimizer`.
    augment: from `augment.create_augment`, or None.
    axis_name: mapped axis the batch is split over, or None when it is whole.

  Returns:
    The next state, and the metrics of the digits of `batch` before the update:
    those of this device alone, to be summed over `axis_name` after the loop.
  """
  rng = jax.random.fold_in(state.rng, state.step)
  augment_rng, dropout_rng = jax.random.split(rng)
  images, is_digit = batch['image'], batch.get('is_digit')
  if augment is not None:
    images = augment(augment_rng, images, axis_name, state.step)

  def loss_fn(params: Any, zero: jax.Array) -> tuple[jax.Array, tuple]:
    logits, updates = model.apply(
      {'params': params, 'batch_stats': state.batch_stats},
      cnn.as_input(images),
      train=True,
      mutable=['batch_stats'],
      rngs={'dropout': dropout_rng},
    )
    logits = logits.astype(jnp.float32)  # Those of a recipe may be shorter.
    loss = smoothed_cross_entropy(
      logits, batch['label'], optimizer.label_smoothing, is_digit
    )
    return loss + zero, (logits, updates.get('batch_stats', {}))

  # With check_vma, shard_map sums the gradient of a replicated argument over
  # the devices by itself; elsewhere, as under pmap, each device has its own. So
  # the gradient of `zero` is the number of devices, or 1, and costs nothing.
  gradients = jax.grad(loss_fn, (0, 1), has_aux=True)
  (grads, num_summed), (logits, batch_stats) = gradients(
    state.params, jnp.float32(0)
  )
  metrics = Metrics.from_logits(logits, batch['label'], is_digit)
  if axis_name is not None:
    grads = jax.lax.pmean(grads, axis_name)
    grads = jax.tree.map(lambda grad: grad / num_summed, grads)
  return apply_gradients(state, grads, batch_stats, optimizer), metrics


def apply_gradients(
  state: TrainState, grads: Any, batch_stats: Any, optimizer: optim.Optimizer
) -> TrainState:
  """Updates the weights, then their averages; returns the next state."""
  updates, opt_state = optimizer.tx.update(grads, state.opt_state, state.params)
  if optimizer.plateau:
    scale = optimizer.scale(state)
    updates = jax.tree.map(lambda update: scale * update, updates)
  params = optax.apply_updates(state.params, updates)
  ema = state.ema
  if optimizer.ema_decay:
    # The warm-up of the decay lets early averages forget the first weights.
    step = state.step.astype(jnp.float32) + 1
    decay = jnp.minimum(optimizer.ema_decay, (1 + step) / (10 + step))
    new = {'params': params, 'batch_stats': batch_stats}
    ema = optax.incremental_update(new, ema, 1 - decay)
  return state.replace(
    step=state.step + 1,
    params=params,
    batch_stats=batch_stats,
    opt_state=opt_state,
    ema=ema,
  )


def eval_step(
  variables: dict[str, Any],
  batch: dict[str, jax.Array],
  *,
  model: cnn.Cnn,
) -> tuple[jax.Array, Metrics]:
  """Evaluates one batch.

  Args:
    variables: 'params' and 'batch_stats'.
    batch: 'image' [B, 28, 28] uint8, 'label' [B], 'mask' [B] bool.
    model: from `cnn.create_model`.

  Returns:
    Logits [B, K] float32, and metrics of the examples where mask is true.
  """
  images = cnn.as_input(batch['image'])
  logits = cast(jax.Array, model.apply(variables, images, train=False))
  logits = logits.astype(jnp.float32)
  return logits, Metrics.from_logits(logits, batch['label'], batch['mask'])


def smoothed_cross_entropy(
  logits: jax.Array,
  labels: jax.Array,
  smoothing: float,
  is_digit: jax.Array | None = None,
) -> jax.Array:
  """Returns the mean cross-entropy [] against smoothed one-hot labels.

  Args:
    logits: [B, K] float32.
    labels: [B] integers in 0..K - 1, or NON_DIGIT where `is_digit` is false.
    smoothing: in [0, 1), spread evenly over all classes (Szegedy et al. 2016).
    is_digit: [B] bool, or None for all. The target of the others is the same
      for every class, whatever their label, and their loss counts
      NON_DIGIT_WEIGHT times (Hendrycks et al. 2019).
  """
  targets = optax.smooth_labels(
    jax.nn.one_hot(labels, logits.shape[-1]), smoothing
  )
  if is_digit is not None:
    targets = jnp.where(is_digit[:, None], targets, 1 / logits.shape[-1])
  losses = optax.softmax_cross_entropy(logits, targets)
  if is_digit is not None:
    losses = jnp.where(is_digit, losses, NON_DIGIT_WEIGHT * losses)
  return losses.mean()
