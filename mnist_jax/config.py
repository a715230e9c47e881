"""Every field of a config with its default, and the recipes that set them.

mnist_jax/config_rules.py has the values that each field allows. A recipe in
configs/ starts from `default()` and sets only what it changes. It may add
fields of its own to `config.extra`.
"""

import importlib.util
import os
import pathlib
import sys
from typing import Any

import ml_collections

from mnist_jax import errors

# The recipes lie inside the package where it is installed, and beside it in the
# repository.
_INSTALLED = pathlib.Path(__file__).parent / 'configs'
RECIPES = (
  _INSTALLED if _INSTALLED.is_dir() else _INSTALLED.parent.parent / 'configs'
)


def default() -> ml_collections.ConfigDict:
  """Returns a complete config.

  Durations are in epochs; those that are floats need not be whole. 0 or 0.0
  as a default means that the feature is off, unless the comment says otherwise.
  """
  config = ml_collections.ConfigDict()
  config.seed = 0
  config.total_epochs = 10.0
  config.select = 'last'  # Which weights to report: 'last' or 'best_valid'.
  config.num_devices = 0  # 0 stands for all devices.
  # False where settings are chosen: then the test set is not looked at.
  config.evaluate_test = True

  config.data = dict(
    name='auto',  # mnist where it is available, otherwise uci_digits.
    valid='writer_disjoint',  # Or 'random', or 'none' to train on everything.
    batch_size=128,
    manual_dir='',  # Folder with the official files, or with one's own.
    # How 'folders' makes its pictures 28x28: 'plain' resizes them, and 'photo'
    # cuts out what is drawn on them, as MNIST does.
    framing='plain',
    data_dir='',  # Where TFDS keeps data; '' is ~/tensorflow_datasets.
    # Images to add to the training set, as shares of its number of digits.
    non_digits=0.0,  # Drawings that are no digits.
    pieces=0.0,  # Pieces of touching digits: right ones and wrong ones.
  )
  config.augment = dict(
    enabled=False,
    rotate=0.0,  # Largest angle either way, in degrees.
    shear=0.0,  # Largest angle either way, in degrees.
    scale=0.0,  # Largest change either way, as a fraction; separate axes.
    shift=0.0,  # Largest shift either way, in pixels; separate axes.
    elastic=0.0,  # Standard deviation of smooth displacements, in pixels.
    # What the strengths above fall to, evenly from 1 at the first step.
    final_strength=1.0,
    erase_probability=0.0,
    erase_area=0.2,  # Largest erased share of the image.
    custom='',  # Of augment.AUGMENTATIONS, the one that comes last.
  )
  config.model = dict(
    name='basic',
    dropout=0.0,
    initializer='he',  # Or 'glorot' (Keras's) or 'torch' (PyTorch's).
  )
  config.optim = dict(
    name='adam',  # Or another of optim.OPTIMIZERS.
    lr=1e-3,
    momentum=0.0,  # For sgd; so is nesterov.
    nesterov=False,
    beta1=0.9,  # For adam, adamw and lion; so is beta2.
    beta2=0.999,
    weight_decay=0.0,  # On kernels only.
    clip_norm=0.0,  # Largest global norm of the gradient.
    label_smoothing=0.0,
    ema_decay=0.0,  # Of averages of the weights, which evaluation then uses.
    schedule='constant',  # Or another of optim.SCHEDULES.
    warmup_epochs=0.0,  # The rate rises this long, whatever the schedule.
    decay_rate=1.0,  # For 'exponential', per epoch.
    final_factor=0.0,  # Last rate of 'cosine' and 'one_cycle', as part of lr.
    plateau_factor=0.5,  # For 'plateau', each time that patience runs out.
    plateau_patience=3,  # Epochs without a lower validation loss.
  )
  # Epochs without fewer errors; label smoothing can make the loss rise.
  config.early_stop = dict(patience=0)
  # Steps to profile: a trace in workdir/profile. 0 for none.
  config.log = dict(tensorboard=False, profile_steps=0)
  # A recipe's own fields. What a recipe adds to a registry gets those that have
  # the name of one of its arguments; see `errors.arguments`.
  config.extra = ml_collections.ConfigDict()
  config.lock()
  config.extra.unlock()
  return config


def load(recipe: str) -> ml_collections.ConfigDict:
  """Returns the config of a recipe; what the recipe raises is raised.

  Args:
    recipe: a name such as 'improved', the path of a file, or either of them
      with a mode, as in 'improved:smoke'.

  Raises:
    errors.UserError: when there is no such recipe, or it is no Python file, or
      returns no config.
  """
  name, _, mode = recipe.partition(':')
  path = find(name)
  own_name = f'mnist_jax_recipe_{path.stem}'
  spec: Any = importlib.util.spec_from_file_location(own_name, path)
  if spec is None:
    raise errors.UserError(
      f'config {path} is no Python file; give it a name that ends with .py'
    )
  module = importlib.util.module_from_spec(spec)
  sys.modules[own_name] = module  # Where dataclasses look for their module.
  spec.loader.exec_module(module)
  config = module.get_config(mode) if mode else module.get_config()
  check_kind(config, path)
  return config


def check_kind(config: Any, path: str | pathlib.Path) -> None:
  """Checks that what the recipe at `path` returned is a config.

  Raises:
    errors.UserError: it is not.
  """
  if not isinstance(config, ml_collections.ConfigDict):
    raise errors.UserError(
      f'get_config() in {path} returns a {type(config).__name__}, not a '
      'ConfigDict; compare it with configs/improved.py'
    )


def find(recipe: str) -> pathlib.Path:
  """Returns the file of a recipe.

  Args:
    recipe: the path of a file; or a name without '.py', of a recipe of this
      project or else of a file in ./configs.

  Raises:
    errors.UserError: when there is no such file.
  """
  folders = (RECIPES, pathlib.Path('configs'))
  is_name = recipe == pathlib.Path(recipe).stem
  paths = [folder / f'{recipe}.py' for folder in folders if is_name]
  for path in paths or [pathlib.Path(recipe)]:
    if os.path.isfile(path):
      return path
  names = {path.stem for folder in folders for path in folder.glob('[!_]*.py')}
  files = set(map(str, folders[-1].glob('[!_]*.py')))
  known = names if is_name else files or names
  raise errors.UserError(
    f'config {recipe} does not exist; {errors.suggest(recipe, sorted(known))}'
  )


def smoke(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
  """Shrinks a recipe to a run of seconds: two epochs of uci_digits."""
  config.data.update(name='uci_digits', batch_size=64)
  config.total_epochs = 2.0
  config.optim.warmup_epochs = min(config.optim.warmup_epochs, 0.5)
  return config


def all_images(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
  """Lets a recipe also train on the images that it holds out to validate."""
  config.data.valid = 'none'
  return config


MODES = {'full': lambda config: config, 'smoke': smoke, 'all': all_images}


def for_mode(
  config: ml_collections.ConfigDict, mode: str
) -> ml_collections.ConfigDict:
  """Returns a recipe in the mode that `--config=path.py:mode` asks for.

  Args:
    config: the recipe.
    mode: 'full' for the recipe as it is; 'smoke', see `smoke`; or 'all', see
      `all_images`.

  Raises:
    errors.UserError: for any other mode.
  """
  if mode not in MODES:
    raise errors.UserError(
      f'config mode {mode!r} is unknown; write :smoke for a run of seconds, '
      ':all to train on the validation images too, or nothing for the full '
      'recipe'
    )
  return MODES[mode](config)


def flatten(config: Any, prefix: str = '') -> dict[str, Any]:
  """Returns {'optim.lr': 0.001, ...} of a nested config or dict."""
  fields: dict[str, Any] = {}
  for key, value in config.items():
    if hasattr(value, 'items'):
      fields.update(flatten(value, f'{prefix}{key}.'))
    else:
      fields[prefix + key] = value
  return fields


def differences(old: dict, new: dict) -> list[str]:
  """Returns lines like 'optim.lr: 0.001 -> 0.01' for fields that differ."""
  old, new = flatten(old), flatten(new)
  missing = '(absent)'
  return [
    f'{name}: {old.get(name, missing)!r} -> {new.get(name, missing)!r}'
    for name in sorted(old | new)
    if old.get(name, missing) != new.get(name, missing)
  ]
