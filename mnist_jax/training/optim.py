"""Optimizers and schedules: from `config.optim` to optax.

A recipe can add to OPTIMIZERS and SCHEDULES. The arguments of what it adds get
the fields of `config.optim` and `config.extra` that have their names.
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import optax

from mnist_jax import errors

State = Any  # A train_state.TrainState; that file imports this one.
NO_FIELDS: Mapping[str, Any] = MappingProxyType({})


@dataclasses.dataclass(frozen=True)
class Optimizer:
  """An optax transformation and what goes with it."""

  tx: optax.GradientTransformation
  scalars: dict[str, float]  # From `used_scalars`.
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
  config: ml_collections.ConfigDict,
  extra: Mapping[str, Any] = NO_FIELDS,
  *,
  steps_per_epoch: int,
  num_steps: int,
) -> Optimizer:
  """Creates the `Optimizer` that `config` describes.

  Args:
    config: the `optim` part of a config (mnist_jax/config.py lists it).
    extra: the `extra` part.
    steps_per_epoch: updates in an epoch.
    num_steps: updates in the whole run, at least 1.

  Raises:
    errors.UserError: OPTIMIZERS or SCHEDULES has no such name, or the entry is
      not as it should be.
  """
  schedule = create_schedule(
    config, extra, steps_per_epoch=steps_per_epoch, num_steps=num_steps
  )
  return Optimizer(
    tx=_create_transformation(config, extra, schedule),
    scalars=used_scalars(config, extra),
    schedule=schedule,
    plateau=_create_plateau(config),
    ema_decay=config.ema_decay,
    label_smoothing=config.label_smoothing,
  )


def create_schedule(
  config: ml_collections.ConfigDict,
  extra: Mapping[str, Any] = NO_FIELDS,
  *,
  steps_per_epoch: int,
  num_steps: int,
) -> optax.Schedule:
  """Creates the factor of the learning rate, as a function of the step.

  First it rises linearly to 1 over `warmup_epochs`: from 0, or from 1/25 with
  'one_cycle' (Smith 2018). This is rounded to whole steps and ends before the
  last one. Then follows the entry of SCHEDULES.

  Args:
    config: the `optim` part of a config.
    extra: the `extra` part.
    steps_per_epoch: updates in an epoch.
    num_steps: updates in the whole run, at least 1.

  Raises:
    errors.UserError: SCHEDULES has no such name, or the entry is not as it
      should be.
  """
  errors.check_word('optim.schedule', config.schedule, SCHEDULES)
  warmup = min(round(config.warmup_epochs * steps_per_epoch), num_steps - 1)
  what, create = f'schedule {config.schedule!r}', SCHEDULES[config.schedule]
  run = {'num_steps': num_steps - warmup, 'steps_per_epoch': steps_per_epoch}
  schedule = create(**errors.arguments(what, create, run, config, extra))
  if not callable(schedule):
    raise errors.UserError(
      f'{what} gives a {type(schedule).__name__}; it must return a function of '
      'the step, as those of optax do'
    )
  if warmup == 0:
    return schedule
  start = 1 / 25 if config.schedule == 'one_cycle' else 0.0
  rise = optax.linear_schedule(start, 1.0, warmup)
  return optax.join_schedules([rise, schedule], [warmup])


def used_scalars(
  config: ml_collections.ConfigDict, extra: Mapping[str, Any] = NO_FIELDS
) -> dict[str, float]:
  """Returns the numbers in `config` that the optimizer's state keeps, by name.

  Each trial of a sweep has its own values; trials that differ in nothing else
  share a compiled program. They are the rate and those arguments of the
  optimizer that are floats.
  """
  # A config from JSON may have whole numbers here.
  used = {'lr': float(config.lr)} | _own_arguments(config, extra)
  if config.clip_norm:
    used['clip_norm'] = float(config.clip_norm)
  return {k: value for k, value in used.items() if isinstance(value, float)}


def _own_arguments(config, extra) -> dict[str, Any]:
  """Returns the arguments of the entry of OPTIMIZERS."""
  errors.check_word('optim.name', config.name, OPTIMIZERS)
  what, create = f'optimizer {config.name!r}', OPTIMIZERS[config.name]
  found = errors.arguments(what, create, config, extra)
  if 'lr' in found:
    raise errors.UserError(
      f'{what} takes lr, by which its updates are multiplied anyway; write it '
      'for a rate of 1.0'
    )
  if 'clip_norm' in found:
    raise errors.UserError(
      f'{what} takes clip_norm, by which gradients are clipped before; give '
      'its argument another name'
    )
  parameters = inspect.signature(create).parameters
  # At 0 the compiled program has no momentum at all.
  return {
    name: value
    for name, value in found.items()
    if value or parameters[name].default is not None
  }


def _create_transformation(config, extra, schedule):
  own, scalars = _own_arguments(config, extra), used_scalars(config, extra)
  _create_parts(config.name, own)  # Raises before anything is compiled.

  def chain(**scalars):
    lr, clip_norm = scalars['lr'], scalars.get('clip_norm')
    clip = [] if clip_norm is None else [optax.clip_by_global_norm(clip_norm)]
    values = {name: scalars.get(name, own[name]) for name in own}
    parts = _create_parts(config.name, values)
    rate = optax.scale_by_schedule(lambda step: lr * schedule(step))
    return optax.chain(*clip, *parts, rate)

  # Where inject_hyperparams looks for the names of the scalars.
  kind = inspect.Parameter.KEYWORD_ONLY
  chain.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [inspect.Parameter(name, kind) for name in scalars]
  )
  return optax.inject_hyperparams(chain)(**scalars)


def _create_parts(name, arguments) -> list[optax.GradientTransformation]:
  parts = OPTIMIZERS[name](**arguments)
  parts = parts if isinstance(parts, list) else [parts]
  for part in parts:
    if not hasattr(part, 'update'):
      raise errors.UserError(
        f'optimizer {name!r} gives a {type(part).__name__}; it must return a '
        'transformation of optax, or a list of some'
      )
  return parts


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


def sgd(*, weight_decay, nesterov, momentum=None):
  """Returns SGD; without momentum it keeps no state."""
  return [_decay(weight_decay), optax.sgd(1.0, momentum, nesterov)]


def adam(*, weight_decay, beta1, beta2):
  """Returns Adam, whose weight decay goes through its scaling."""
  scale = optax.scale_by_adam(beta1, beta2)
  return [_decay(weight_decay), scale, optax.scale(-1.0)]


def adamw(*, weight_decay, beta1, beta2):
  """Returns AdamW, which decays apart (Loshchilov and Hutter 2019)."""
  scale = optax.scale_by_adam(beta1, beta2)
  return [scale, _decay(weight_decay), optax.scale(-1.0)]


def lion(*, weight_decay, beta1, beta2):
  """Returns Lion (Chen et al. 2023), for about a tenth of AdamW's rate."""
  scale = optax.scale_by_lion(beta1, beta2)
  return [scale, _decay(weight_decay), optax.scale(-1.0)]


def _decay(weight_decay):
  return optax.add_decayed_weights(weight_decay, mask=is_weight)


# Each returns the optimizer for a learning rate of 1.0: one transformation of
# optax, or a list of some.
OPTIMIZERS: dict[str, Callable] = {
  'sgd': sgd,
  'adam': adam,
  'adamw': adamw,
  'lion': lion,
}


def exponential(*, steps_per_epoch, decay_rate):
  """Returns the schedule that multiplies by `decay_rate` after each epoch."""
  return optax.exponential_decay(
    1.0, steps_per_epoch, decay_rate, staircase=True
  )


def cosine(*, num_steps, final_factor):
  """Returns the schedule that falls along half a cosine."""
  return optax.cosine_decay_schedule(1.0, num_steps, final_factor)


def one_cycle(*, num_steps, final_factor):
  """Returns the fall of one cycle, along a line.

  `create_schedule` adds the rise before it.
  """
  return optax.linear_schedule(1.0, final_factor, num_steps)


# Each returns a function of the step after the warm-up: the factor of
# `config.optim.lr`. `num_steps` are the steps from there to the end.
SCHEDULES: dict[str, Callable] = {
  'constant': functools.partial(optax.constant_schedule, 1.0),
  'plateau': functools.partial(optax.constant_schedule, 1.0),
  'exponential': exponential,
  'cosine': cosine,
  'one_cycle': one_cycle,
}
