"""A run's folder: whose it is, and whether it is finished."""

import json
import pathlib

import ml_collections

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.distributed import multihost
from mnist_jax.workdir import atomic_files

# Where data lies, on how many devices, what is watched: none of these changes
# what a run is.
FREE_FIELDS = (
  'data.manual_dir',
  'data.data_dir',
  'num_devices',
  'log.tensorboard',
)


def read_result(workdir: pathlib.Path) -> dict | None:
  """Returns the result of a finished run, or None."""
  return read_json(workdir / 'result.json')


def resume_config(
  workdir: pathlib.Path, config: ml_collections.ConfigDict
) -> ml_collections.ConfigDict:
  """Returns `config` as it applies to what `workdir` already holds.

  A data set that was chosen by `auto` stays chosen.

  Raises:
    errors.UserError: when a run of another config lives there, listing the
      fields that differ.
  """
  stored = read_json(workdir / 'config.json')
  if stored is None:
    return config
  config = config.copy_and_resolve_references()
  if config.data.name == 'auto':
    config.data.name = stored.get('data', {}).get('name', 'auto')
  lines = [
    line
    for line in config_lib.differences(stored, as_json(config))
    if line.split(':')[0] not in FREE_FIELDS
  ]
  if lines:
    raise errors.UserError(
      f'{workdir} holds a run of another config ({"; ".join(lines)}); choose '
      'another --workdir, or undo the change to go on with that run'
    )
  return config


def write_config(
  workdir: pathlib.Path, config: ml_collections.ConfigDict
) -> None:
  """Writes config.json, the first file of a run.

  Raises:
    errors.UserError: when the folder cannot be written, or is not one and the
      same for all processes.
  """
  path = workdir / 'config.json'
  if multihost.is_first():
    atomic_files.write_json(path, as_json(config))
  if multihost.count() > 1:
    multihost.from_first(0)  # Now it is written.
    multihost.check_same(f'{path}', json.dumps(read_json(path)).encode())


def check_same_everywhere(config: ml_collections.ConfigDict, dataset) -> None:
  """Checks that all processes of a run mean the same run.

  Raises:
    errors.UserError: in all of them, when configs or data differ.
  """
  if multihost.count() == 1:
    return
  fields = config_lib.flatten(as_json(config))
  kept = {k: v for k, v in fields.items() if k not in FREE_FIELDS}
  multihost.check_same('the config', repr(sorted(kept.items())).encode())
  for name in ('train', 'valid', 'test'):
    split = getattr(dataset, name)
    multihost.check_same(
      f'the {name} split of the data',
      split.images.tobytes() + split.labels.tobytes(),
    )


def as_json(config: ml_collections.ConfigDict) -> dict:
  """Returns plain nested dicts, as JSON gives them back."""
  return json.loads(config.to_json())


def read_json(path: pathlib.Path) -> dict | None:
  """Reads one of a workdir's files; None where there is none.

  Raises:
    errors.UserError: when it cannot be read.
  """
  try:
    return json.loads(path.read_text())
  except FileNotFoundError:
    return None
  except NotADirectoryError as error:
    raise atomic_files.unwritable(path, error) from error
  except (OSError, ValueError) as error:
    raise errors.UserError(
      f'{path} cannot be read ({error}); choose another --workdir'
    ) from error
