"""Optimizers and schedules: `config.optim` -> optax."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

# They lie in the optimizer's state, where a sweep gives each run its own. Runs
# that differ in nothing else share a compiled program.
SCALARS = ('lr', 'weight_decay', 'momentum', 'beta1', 'beta2', 'clip_norm')


@dataclasses.dataclass(frozen=True)
class Optimizer:
  """An optax transformation and what goes with it."""

  tx: optax.GradientTransformation
  scalars: dict[str, float]  # Of SCALARS, those that `tx` uses.
  schedule: Callable  # step -> factor of `lr`, before the plateau's scale.
  plateau: Any  # optax's reduce_on_plateau, updated once an epoch, or None.
  ema_decay: float  # 0.0: no averages.
  label_smoothing: float

  def lr(self, state) -> jax.Array:
    """Returns the learning rate [] that `state`'s next step takes."""
    lr = state.opt_state.hyperparams['lr']
    return lr * self.schedule(state.step) * self.scale(state)

  def scale(self, state) -> jax.Array | float:
    """Returns the factor that the plateau has brought updates down to."""
    return state.lr_scale.scale if self.plateau else 1.0

  def with_scalars(self, state, scalars: dict):
    """Gives `state` its own values, floats or arrays [], of `scalars`."""
    hyperparams = {
      name: jnp.asarray(value, jnp.float32) for name, value in scalars.items()
    }
    return state.replace(
      opt_state=state.opt_state._replace(hyperparams=hyperparams)
    )

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
  scalars = {name: config[name] for name in used_scalars(config)}
  return Optimizer(
    tx=_create_transformation(config, schedule, scalars),
    scalars=scalars,
    schedule=schedule,
    plateau=_create_plateau(config),
    ema_decay=config.ema_decay,
    label_smoothing=config.label_smoothing,
  )


def create_schedule(
  config, *, steps_per_epoch: int, num_steps: int
) -> Callable:
  """Creates the factor of the learning rate as a function of the step.

  'constant' and 'plateau' (whose scale comes from the validation loss) stay at
  1; 'exponential' multiplies by `decay_rate` after each epoch; 'cosine' rises
  over `warmup_epochs` and falls to `final_factor`; 'one_cycle' is the linear
  triangle of Smith 2018 with its peak after `warmup_epochs`.
  """
  warmup = round(config.warmup_epochs * steps_per_epoch)
  final = config.final_factor
  if config.schedule == 'exponential':
    return optax.exponential_decay(
      1.0, steps_per_epoch, config.decay_rate, staircase=True
    )
  if config.schedule == 'cosine':
    return optax.warmup_cosine_decay_schedule(
      0.0 if warmup else 1.0, 1.0, warmup, num_steps, final
    )
  if config.schedule == 'one_cycle':
    return optax.join_schedules(
      [
        optax.linear_schedule(1 / 25, 1.0, warmup),
        optax.linear_schedule(1.0, final, num_steps - warmup),
      ],
      [warmup],
    )
  return optax.constant_schedule(1.0)


def used_scalars(config) -> tuple[str, ...]:
  """Names those of SCALARS that the optimizer of `config` uses."""
  unused = ('beta1', 'beta2') if config.name == 'sgd' else ('momentum',)
  # At 0 these two are left out of the program, they are not multiplied by 0.
  unused += tuple(n for n in ('momentum', 'clip_norm') if not config[n])
  return tuple(name for name in SCALARS if name not in unused)


def _create_transformation(config, schedule, scalars):
  fixed = {
    'name': config.name,
    'nesterov': config.nesterov,
    'schedule': schedule,
  }
  create = optax.inject_hyperparams(_chain, static_args=tuple(fixed))
  return create(**fixed, **scalars)


def _chain(
  *,
  name,
  nesterov,
  schedule,
  lr,
  weight_decay,
  momentum=None,
  beta1=None,
  beta2=None,
  clip_norm=None,
) -> optax.GradientTransformation:
  parts = [] if clip_norm is None else [optax.clip_by_global_norm(clip_norm)]
  decay = optax.add_decayed_weights(weight_decay, mask=is_weight)
  if name == 'sgd':
    # With plain SGD optax keeps no momentum at all when it is None.
    parts += [decay, optax.sgd(1.0, momentum, nesterov)]
  else:
    adam = optax.scale_by_adam(beta1, beta2)
    # AdamW (Loshchilov and Hutter 2019) decays apart from Adam's scaling.
    parts += [decay, adam] if name == 'adam' else [adam, decay]
    parts.append(optax.scale(-1.0))
  parts.append(optax.scale_by_schedule(lambda step: lr * schedule(step)))
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
