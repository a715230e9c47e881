"""The trials of a sweep: which runs it is made of."""

import dataclasses
import inspect
import itertools
import json
from collections.abc import Callable, Sequence

import ml_collections

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.analysis.sweep import load as sweep_load
from mnist_jax.augment import augment
from mnist_jax.models import cnn
from mnist_jax.training import optim, registries

# All trials of a sweep are compared on the same images, which these decide.
FIXED = (
  *('data.name', 'data.valid', 'data.manual_dir', 'data.data_dir'),
  *('data.framing', 'evaluate_test'),
)


# Fields that decide the program also where a recipe's optimizer takes them.
PROGRAM_FIELDS = {
  *('ema_decay', 'label_smoothing', 'warmup_epochs', 'plateau_factor')
}


@dataclasses.dataclass(frozen=True)
class Trial:
  """One run of a sweep."""

  name: str  # 'seed3', or 'lr0.01-seed3': its folder.
  config: ml_collections.ConfigDict
  overrides: dict  # {'optim.lr': 0.01}, without the seed.


def make_trials(
  config: ml_collections.ConfigDict,
  num_seeds: int,
  rows: Sequence[dict] = ({},),
) -> list[Trial]:
  """Lists the trials of a sweep: for each row, each seed.

  Args:
    config: the recipe; its seed is the first.
    num_seeds: 1 or more.
    rows: {'optim.lr': 0.01, ...} each; one empty row for seeds alone.

  Raises:
    errors.UserError: for a row that breaks a rule, or comes twice, or too many
      trials.
  """
  if (number := len(rows) * num_seeds) > sweep_load.MAX_TRIALS:
    raise errors.UserError(
      f'the sweep has {number:,} trials, more than {sweep_load.MAX_TRIALS:,}; '
      'take fewer seeds or settings'
    )
  trials = []
  known = config_lib.flatten(config)
  for row, number in itertools.product(rows, range(num_seeds)):
    for name in row:
      # The config itself would take any new field of `extra`.
      errors.check_word('sweep field', name, known)
      if name in FIXED:
        raise errors.UserError(
          f'the sweep sets {name}, but its trials are compared on the same '
          f'images; run a sweep for each, with --config.{name}'
        )
    own = config.copy_and_resolve_references()
    own.seed += number
    try:
      own.update_from_flattened_dict(row)
    except (KeyError, TypeError, ValueError) as error:
      raise errors.UserError(
        f'the sweep sets {row}, which does not fit the config ({error}); '
        'correct sweep(add) in the recipe'
      ) from error
    registries.validate(own)
    trials.append(Trial(_name(row, own.seed), own, dict(row)))
  names = [trial.name for trial in trials]
  if twice := next((name for name in names if names.count(name) > 1), None):
    raise errors.UserError(
      f'the sweep has the trial {twice} twice; correct --grid, or sweep(add) '
      'in the recipe'
    )
  return trials


def _name(row: dict, seed: int) -> str:
  settings = (f'{key.split(".")[-1]}{value}' for key, value in row.items())
  parts = [*settings, f'seed{seed}']
  return '-'.join(parts).replace('/', '_').replace(' ', '')


def group(trials: Sequence[Trial]) -> list[list[Trial]]:
  """Groups the trials that a compiled program can share."""
  groups: dict[str, list[Trial]] = {}
  for trial in trials:
    groups.setdefault(_structure(trial.config), []).append(trial)
  return list(groups.values())


def _structure(config) -> str:
  """Tells what decides the program: all but the seed and the scalars.

  A scalar that a recipe's own schedule, model or augmentation takes as well
  decides it too.
  """
  fields = config_lib.flatten(json.loads(config.to_json()))
  del fields['seed']
  others: list[Callable] = [
    optim.SCHEDULES[config.optim.schedule],
    cnn.MODELS[config.model.name],
  ]
  if config.augment.custom:
    others.append(augment.AUGMENTATIONS[config.augment.custom])
  taken = {name for one in others for name in inspect.signature(one).parameters}
  taken |= PROGRAM_FIELDS
  for name in optim.used_scalars(config.optim, config.extra).keys() - taken:
    fields[f'{"optim" if name in config.optim else "extra"}.{name}'] = 'any'
  return json.dumps(fields, sort_keys=True)
