"""Optimizers and schedules: `config.optim` -> optax."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax


@dataclasses.dataclass(frozen=True)
class Optimizer:
  """An optax transformation and what goes with it."""

  tx: optax.GradientTransformation
  schedule: Callable  # step -> learning rate before the plateau's scale.
  plateau: Any  # optax's reduce_on_plateau, updated once an epoch, or None.
  ema_decay: float  # 0.0: no averages.
  label_smoothing: float

  def lr(self, state) -> jax.Array:
    """Returns the learning rate [] that `state`'s next step takes."""
    return self.schedule(state.step) * self.scale(state)

  def scale(self, state) -> jax.Array | float:
    """Returns the factor that the plateau has brought updates down to."""
    return state.lr_scale.scale if self.plateau else 1.0

  def end_epoch(self, state, valid_loss: float | None):
    """Tells the plateau an epoch's validation loss; returns the next state."""
    if not self.plateau or valid_loss is None:
      return state
    _, lr_scale = self.plateau.update(
      {}, state.lr_scale, value=jnp.float32(valid_loss)
    )
    return state.replace(lr_scale=lr_scale)


def create_optimizer(config, *, steps_per_epoch: int, num_steps: int):
  """Creates the `Optimizer` that `config` describes.

  Args:
    config: the `optim` part of a config (mnist_jax/config.py lists it).
    steps_per_epoch: updates in an epoch; durations are given in epochs.
    num_steps: updates in the whole run.
  """
  schedule = create_schedule(
    config, steps_per_epoch=steps_per_epoch, num_steps=num_steps
  )
  return Optimizer(
    tx=_create_transformation(config, schedule),
    schedule=schedule,
    plateau=_create_plateau(config),
    ema_decay=config.ema_decay,
    label_smoothing=config.label_smoothing,
  )


def create_schedule(
  config, *, steps_per_epoch: int, num_steps: int
) -> Callable:
  """Creates the learning rate as a function of the step.

  'constant' and 'plateau' (whose scale comes from the validation loss) stay at
  `lr`; 'exponential' multiplies by `decay_rate` after each epoch; 'cosine'
  rises over `warmup_epochs` and falls to `lr * final_factor`; 'one_cycle' is
  the linear triangle of Smith 2018 with its peak after `warmup_epochs`.
  """
  warmup = round(config.warmup_epochs * steps_per_epoch)
  final = config.lr * config.final_factor
  if config.schedule == 'exponential':
    return optax.exponential_decay(
      config.lr, steps_per_epoch, config.decay_rate, staircase=True
    )
  if config.schedule == 'cosine':
    return optax.warmup_cosine_decay_schedule(
      0.0 if warmup else config.lr, config.lr, warmup, num_steps, final
    )
  if config.schedule == 'one_cycle':
    return optax.join_schedules(
      [
        optax.linear_schedule(config.lr / 25, config.lr, warmup),
        optax.linear_schedule(config.lr, final, num_steps - warmup),
      ],
      [warmup],
    )
  return optax.constant_schedule(config.lr)


def _create_transformation(config, schedule) -> optax.GradientTransformation:
  parts = []
  if config.clip_norm:
    parts.append(optax.clip_by_global_norm(config.clip_norm))
  decay = optax.add_decayed_weights(config.weight_decay, mask=is_weight)
  if config.name == 'sgd':
    # With plain SGD optax keeps no momentum at all when it is None.
    momentum = config.momentum or None
    parts += [decay, optax.sgd(schedule, momentum, config.nesterov)]
  else:
    adam = optax.scale_by_adam(config.beta1, config.beta2)
    # AdamW (Loshchilov and Hutter 2019) decays apart from Adam's scaling.
    parts += [decay, adam] if config.name == 'adam' else [adam, decay]
    parts.append(optax.scale_by_learning_rate(schedule))
  return optax.chain(*parts)


def is_weight(params: Any) -> Any:
  """Marks what decays: kernels, but neither biases nor norms."""
  return jax.tree.map(lambda x: x.ndim > 1, params)


def _create_plateau(config):
  if config.schedule != 'plateau':
    return None
  # optax counts patience in calls, and `end_epoch` calls it once an epoch.
  return optax.contrib.reduce_on_plateau(
    factor=config.plateau_factor, patience=config.plateau_patience
  )
