"""What a config may name, and whether it fits: checked before anything runs."""

from collections.abc import Collection

import ml_collections

from mnist_jax import config_rules, errors
from mnist_jax.augment import augment
from mnist_jax.data import datasets
from mnist_jax.models import cnn
from mnist_jax.training import metrics, optim


def choices() -> dict[str, Collection[str]]:
  """Returns what each field that is a word may be, with a recipe's own."""
  return config_rules.CHOICES | {
    'data.name': datasets.choices(),
    'augment.custom': [*augment.AUGMENTATIONS, ''],
    'model.name': sorted(cnn.MODELS),
    'optim.name': list(optim.OPTIMIZERS),
    'optim.schedule': list(optim.SCHEDULES),
  }


def validate(config: ml_collections.ConfigDict) -> None:
  """Checks the value of every field, and that what it names can be created.

  Raises:
    errors.UserError: a value breaks a rule, or an entry of a registry is not
      as it should be; the message names the way out.
  """
  config_rules.validate(config, choices())
  metrics.check_custom(config.data.batch_size)
  model = cnn.create_model(config.model, extra=config.extra)
  cnn.check_model(config.model.name, model)
  augment.create_augment(config.augment, config.extra)
  try:  # Of any length: only the run knows its own.
    optim.create_optimizer(
      config.optim, config.extra, steps_per_epoch=10, num_steps=100
    )
  except errors.UserError:
    raise
  except Exception:
    pass  # It may need a longer run; the trainer creates the real one.
