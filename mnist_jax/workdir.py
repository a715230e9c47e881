"""A run's folder: whose it is, and whether it is finished."""

import json
import pathlib

import ml_collections

from mnist_jax import config as config_lib
from mnist_jax import errors, files

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
  """Writes config.json, the first file of a run."""
  files.write_json(workdir / 'config.json', as_json(config))


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
    raise files.unwritable(path, error) from error
  except (OSError, ValueError) as error:
    raise errors.UserError(
      f'{path} cannot be read ({error}); choose another --workdir'
    ) from error
