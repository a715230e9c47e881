"""The values that every field of a config allows."""

import math
from collections.abc import Collection, Mapping
from typing import Any

import ml_collections

from mnist_jax import config as config_lib
from mnist_jax import errors

# The words that a field may be. training/registries.py adds the names of the
# registries' entries.
CHOICES: dict[str, Collection[str]] = {
  'select': ('last', 'best_valid'),
  'data.valid': ('writer_disjoint', 'random', 'none'),
  'data.framing': ('plain', 'photo'),
  'model.initializer': ('he', 'glorot', 'torch'),
}

TINY = 1e-12  # Lowest value of fields that must be above 0.
# Lowest and highest value of each number, both allowed.
RANGES = {
  'seed': (0, 2**31 - 1),
  'total_epochs': (TINY, 1e5),
  'num_devices': (0, 2**16),
  'data.batch_size': (1, 60_000),
  'data.non_digits': (0.0, 1.0),
  'data.pieces': (0.0, 1.0),
  'augment.rotate': (0.0, 180.0),
  'augment.shear': (0.0, 60.0),
  'augment.scale': (0.0, 0.9),
  'augment.shift': (0.0, 28.0),
  'augment.elastic': (0.0, 28.0),
  'augment.final_strength': (0.0, 1.0),
  'augment.erase_probability': (0.0, 1.0),
  'augment.erase_area': (0.02, 1.0),
  'model.dropout': (0.0, 0.99),
  'optim.lr': (TINY, 1e3),
  'optim.momentum': (0.0, 0.9999),
  'optim.beta1': (0.0, 0.9999),
  'optim.beta2': (0.0, 0.999999),
  'optim.weight_decay': (0.0, 10.0),
  'optim.clip_norm': (0.0, 1e6),
  'optim.label_smoothing': (0.0, 0.99),
  'optim.ema_decay': (0.0, 0.999999),
  'optim.warmup_epochs': (0.0, 1e5),
  'optim.decay_rate': (TINY, 1.0),
  'optim.final_factor': (0.0, 1.0),
  'optim.plateau_factor': (0.01, 0.99),
  'optim.plateau_patience': (1, 10**5),
  'log.profile_steps': (0, 10_000),
  'early_stop.patience': (0, 10**5),
}


def validate(
  config: ml_collections.ConfigDict,
  choices: Mapping[str, Collection[str]] = CHOICES,
) -> None:
  """Checks the value of every field against its rule.

  `training.registries.validate` also checks the fields that name an entry of a
  registry.

  Raises:
    errors.UserError: a value breaks a rule; the message names the field, the
      value, the rule and the way out.
  """
  check_fields(config)
  fields = config_lib.flatten(config)
  for name, words in choices.items():
    errors.check_word(name, fields[name], words)
  for name, (low, high) in RANGES.items():
    # Written so that NaN fails too.
    if not (low <= fields[name] <= high and math.isfinite(fields[name])):
      lowest = 'above 0' if low == TINY else f'{low:g}'
      raise errors.UserError(
        f'{name} {fields[name]!r} is out of range; it must be from {lowest} '
        f'to {high:g}'
      )
  _validate_together(config)
  _validate_extra(config)


def check_fields(config: ml_collections.ConfigDict) -> None:
  """Checks the names and the types of all fields; those of `extra` are free.

  Raises:
    errors.UserError: a field of `config.default()` is missing or of another
      type, or one is not known there.
  """
  defaults = config_lib.flatten(config_lib.default())
  fields = config_lib.flatten(config)
  if not hasattr(config.get('extra'), 'items'):
    raise errors.UserError(
      f'config.extra must be a ConfigDict, not {config.get("extra")!r}; start '
      'from config.default() of mnist_jax.config, which has one'
    )
  for name in fields:
    if name not in defaults and name[:6] != 'extra.':
      raise errors.UserError(
        f'config field {name!r} is unknown ({errors.suggest(name, defaults)}); '
        'fields of your own go into config.extra'
      )
  for name, default in defaults.items():
    if name not in fields:
      raise errors.UserError(
        f'config field {name!r} is missing; set it, such as to {default!r}, or '
        'start from config.default() of mnist_jax.config'
      )
    _check_type(name, fields[name], default)


def _check_type(name: str, value: Any, default: Any) -> None:
  kind = type(default)
  allowed = (int, float) if kind is float else kind
  # Python counts a bool as an int.
  if isinstance(value, allowed) and isinstance(value, bool) == (kind is bool):
    return
  raise errors.UserError(
    f'{name} {value!r} is not of type {kind.__name__}; its default is '
    f'{default!r}'
  )


def _validate_together(config: ml_collections.ConfigDict) -> None:
  if config.optim.warmup_epochs >= config.total_epochs:
    raise errors.UserError(
      f'optim.warmup_epochs {config.optim.warmup_epochs:g} must be less than '
      f'total_epochs {config.total_epochs:g}; lower one or raise the other'
    )
  wants_valid = {
    'select=best_valid': config.select == 'best_valid',
    'optim.schedule=plateau': config.optim.schedule == 'plateau',
    'early_stop.patience': config.early_stop.patience > 0,
  }
  for name, wanted in wants_valid.items():
    if wanted and config.data.valid == 'none':
      raise errors.UserError(
        f"data.valid 'none' leaves no validation images, which {name} needs; "
        'set data.valid=writer_disjoint or random, or switch that off'
      )
  if not config.evaluate_test and config.data.valid == 'none':
    raise errors.UserError(
      "data.valid 'none' and evaluate_test=False leave nothing to evaluate; "
      'set data.valid=writer_disjoint or random, or leave evaluate_test out'
    )


def _validate_extra(config: ml_collections.ConfigDict) -> None:
  fields = config_lib.flatten(config)
  taken = {name.split('.')[-1]: name for name in fields if name[:6] != 'extra.'}
  for name, value in config_lib.flatten(config.extra).items():
    _check_extra(name, value)
    if name in taken:
      raise errors.UserError(
        f'extra.{name} has the name of {taken[name]}; choose another name, or '
        'set that field'
      )


def _check_extra(name: str, value: Any) -> None:
  """Checks a field of `extra`, or an element of one that is a tuple."""
  if isinstance(value, tuple):
    for element in value:
      _check_extra(name, element)
  elif not isinstance(value, bool | int | float | str):
    raise errors.UserError(
      f'extra.{name} holds a {type(value).__name__}; config.json can hold '
      'bool, int, float, str, and tuples of these'
    )
  elif isinstance(value, float) and not math.isfinite(value):
    raise errors.UserError(
      f'extra.{name} {value!r} is out of range; it must be finite'
    )
