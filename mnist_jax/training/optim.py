"""Optimizers and schedules: from `config.optim` to optax."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import optax

State = Any  # A train_state.TrainState; that file imports this one.

# Kept in the optimizer's state, where each trial of a sweep has its own values.
# Trials that differ in nothing else share a compiled program.
SCALARS = ('lr', 'weight_decay', 'momentum', 'beta1', 'beta2', 'clip_norm')


@dataclasses.dataclass(frozen=True)
class Optimizer:
  """An optax transformation and what goes with it."""

  tx: optax.GradientTransformation
  scalars: dict[str, float]  # Of SCALARS, those that `tx` uses.
  schedule: optax.Schedule  # step -> factor of `lr`; see `create_schedule`.
  # optax's reduce_on_plateau, updated once an epoch, or None.
  plateau: optax.GradientTransformationExtraArgs | None
  ema_decay: float  # 0.0: no averages.
  label_smoothing: float

  def lr(self, state: State) -> jax.Array:
    """Returns the learning rate [] of the next step from `state`."""
    lr = state.opt_state.hyperparams['lr']
    return lr * self.schedule(state.step) * self.scale(state)

  def scale(self, state: State) -> jax.Array | float:
    """Returns the factor to which the plateau has lowered the updates."""
    return state.lr_scale.scale if self.plateau else 1.0

  def with_scalars(self, state: State, scalars: dict) -> State:
    """Returns `state` with these values of `scalars`, floats or arrays []."""
    hyperparams = {
      name: jnp.asarray(value, jnp.float32) for name, value in scalars.items()
    }
    return state.replace(
      opt_state=state.opt_state._replace(hyperparams=hyperparams)
    )

  def end_epoch(self, state: State, valid_loss: float | None) -> State:
    """Returns `state` after the plateau has seen an epoch's validation loss."""
    if self.plateau is None or valid_loss is None:
      return state
    _, lr_scale = self.plateau.update(
      {}, state.lr_scale, value=jnp.float32(valid_loss)
    )
    return state.replace(lr_scale=lr_scale)


def create_optimizer(
  config: ml_collections.ConfigDict, *, steps_per_epoch: int, num_steps: int
) -> Optimizer:
  """Creates the `Optimizer` that `config` describes.

  Args:
    config: the `optim` part of a config (mnist_jax/config.py lists it).
    steps_per_epoch: updates in an epoch.
    num_steps: updates in the whole run, at least 1.
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
  config: ml_collections.ConfigDict, *, steps_per_epoch: int, num_steps: int
) -> optax.Schedule:
  """Creates the factor of the learning rate, as a function of the step.

  First it rises linearly to 1 over `warmup_epochs`: from 0, or from 1/25 with
  'one_cycle' (Smith 2018). This is rounded to whole steps and ends before the
  last one. Then 'constant' stays at 1, and so does 'plateau', which has a
  scale of its own. 'exponential' multiplies by `decay_rate` after each further
  epoch. 'cosine' and 'one_cycle' fall to `final_factor` at the end of the run,
  along half a cosine and along a line.

  Args:
    config: the `optim` part of a config.
    steps_per_epoch: updates in an epoch.
    num_steps: updates in the whole run, at least 1.
  """
  warmup = min(round(config.warmup_epochs * steps_per_epoch), num_steps - 1)
  rest, final = num_steps - warmup, config.final_factor
  schedule = {
    'constant': optax.constant_schedule(1.0),
    'plateau': optax.constant_schedule(1.0),
    'exponential': optax.exponential_decay(
      1.0, steps_per_epoch, config.decay_rate, staircase=True
    ),
    'cosine': optax.cosine_decay_schedule(1.0, rest, final),
    'one_cycle': optax.linear_schedule(1.0, final, rest),
  }[config.schedule]
  if warmup == 0:
    return schedule
  start = 1 / 25 if config.schedule == 'one_cycle' else 0.0
  rise = optax.linear_schedule(start, 1.0, warmup)
  return optax.join_schedules([rise, schedule], [warmup])


def used_scalars(config: ml_collections.ConfigDict) -> tuple[str, ...]:
  """Returns those of SCALARS that the optimizer of `config` uses."""
  unused = {'beta1', 'beta2'} if config.name == 'sgd' else {'momentum'}
  # At 0 the compiled program has neither momentum nor clipping at all.
  unused |= {name for name in ('momentum', 'clip_norm') if not config[name]}
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
  """Returns which parameters decay: kernels, but no biases and no norms."""
  return jax.tree.map(lambda x: x.ndim > 1, params)


def _create_plateau(config):
  if config.schedule != 'plateau':
    return None
  # optax counts patience in calls, and `end_epoch` makes one call an epoch.
  return optax.contrib.reduce_on_plateau(
    factor=config.plateau_factor, patience=config.plateau_patience
  )
