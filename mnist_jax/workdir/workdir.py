"""A run's folder: which run it belongs to, and whether that is finished."""

import json
import pathlib
from typing import NotRequired, Required, TypedDict

import ml_collections

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.data import datasets, decoded, registry
from mnist_jax.distributed import multihost
from mnist_jax.workdir import atomic_files, json_files

# How many devices share a batch and what is logged do not change what a run is,
# nor where the images lie, unless they are the user's own.
FREE_FIELDS = ('num_devices', 'log.tensorboard', 'log.profile_steps')
IMAGES = 'data.json'  # The fingerprints of the user's own images.
PLACES = ('data.manual_dir', 'data.data_dir')


class _Data(TypedDict):
  name: str


class _Config(TypedDict, total=False):
  data: Required[_Data]


class _Scores(TypedDict):
  loss: float
  accuracy: float
  num_errors: int
  count: int


class _Result(TypedDict):
  config_name: str
  seed: int
  dataset: str
  train: _Scores
  valid: _Scores | None
  test: _Scores | None
  train_seconds: float
  compile_seconds: float
  total_seconds: float
  peak_memory_mb: NotRequired[float]
  weights_sha256: NotRequired[str]
  cores_used_by_others: NotRequired[float]


class _Images(TypedDict):
  train: str
  valid: str
  test: str


class _Failure(TypedDict):
  reason: str


# What differs between two runs with equal numbers, in result.json and in the
# rows of metrics.jsonl: how the run was started, and what it cost.
COSTS = frozenset(
  (
    *('command', 'git_commit', 'seconds', 'images_per_second'),
    *('train_seconds', 'compile_seconds', 'total_seconds'),
    *('peak_memory_mb', 'cores_used_by_others'),
  )
)
WAY_OUT = 'choose another --workdir'


def read_result(workdir: pathlib.Path) -> dict | None:
  """Returns the result of a finished run, or None.

  Raises:
    errors.UserError: when result.json is damaged.
  """
  return json_files.read_object(
    workdir / 'result.json',
    _Result,
    way_out='delete it and give the training command again',
  )


def read_failure(workdir: pathlib.Path) -> dict | None:
  """Returns why a sweep's trial failed, {'reason': ...}, or None."""
  return json_files.read_object(
    workdir / 'failed.json', _Failure, way_out='delete it'
  )


def read_config(workdir: pathlib.Path) -> dict | None:
  """Returns a run's config as nested dicts, or None.

  Raises:
    errors.UserError: when config.json is damaged.
  """
  return json_files.read_object(
    workdir / 'config.json', _Config, way_out=WAY_OUT
  )


def resume_config(
  workdir: pathlib.Path, config: ml_collections.ConfigDict
) -> ml_collections.ConfigDict:
  """Returns `config` as it applies to what `workdir` already holds.

  A data set that `auto` chose stays chosen.

  Raises:
    errors.UserError: when a run of another config lives there, listing the
      fields that differ.
  """
  stored = read_config(workdir)
  if stored is None:
    return config
  config = config.copy_and_resolve_references()
  if config.data.name == 'auto':
    config.data.name = stored['data']['name']
  is_fixed = config.data.name in registry.FIXED
  free = (*FREE_FIELDS, *PLACES) if is_fixed else FREE_FIELDS
  lines = [
    line
    for line in config_lib.differences(_up_to_date(stored), as_json(config))
    if line.split(':')[0] not in free
  ]
  if lines:
    raise errors.UserError(
      f'{workdir} holds a run of another config ({"; ".join(lines)}); choose '
      'another --workdir, or undo the change to go on with that run'
    )
  return config


def _up_to_date(stored: dict) -> dict:
  """Returns the fields of a config that an earlier version may have stored.

  A field that it did not know has its default now. One that is known no more
  is left out where it was off: 0, False or ''.
  """
  defaults = config_lib.flatten(as_json(config_lib.default()))
  return {
    name: value
    for name, value in (defaults | config_lib.flatten(stored)).items()
    if value or name in defaults or name.startswith('extra.')
  }


def write_config(
  workdir: pathlib.Path, config: ml_collections.ConfigDict
) -> None:
  """Writes config.json, the first file of a run.

  Raises:
    errors.UserError: when the folder cannot be written, or the processes of a
      run do not share it.
  """
  path = workdir / 'config.json'
  if multihost.is_first():
    atomic_files.write_json(path, as_json(config))
  if multihost.count() > 1:
    multihost.from_first(0)  # Wait until it is written.
    written = json.dumps(read_config(workdir)).encode()
    multihost.check_same(f'{path}', written)


def read_images(workdir: pathlib.Path) -> dict | None:
  """Returns the fingerprints of the user's own images by split, or None."""
  return json_files.read_object(workdir / IMAGES, _Images, way_out=WAY_OUT)


def check_images(workdir: pathlib.Path, dataset: datasets.Dataset) -> None:
  """Checks that a run goes on with the user's images that it began with.

  The first time it writes their fingerprints to data.json. The images of other
  data sets are always the same.

  Raises:
    errors.UserError: when they have changed since, or the file cannot be
      written.
  """
  if dataset.name in registry.FIXED:
    return
  splits = {name: getattr(dataset, name) for name in ('train', 'valid', 'test')}
  found = {
    name: decoded.fingerprint(split.images) + decoded.fingerprint(split.labels)
    for name, split in splits.items()
  }
  stored = read_images(workdir)
  if stored is None and multihost.is_first():
    atomic_files.write_json(workdir / IMAGES, found)
  elif stored not in (None, found):
    raise errors.UserError(
      f'{workdir} was begun with other images of {dataset.name!r}; bring them '
      'back to go on, or choose another --workdir'
    )


def check_same_everywhere(
  config: ml_collections.ConfigDict, dataset: datasets.Dataset
) -> None:
  """Checks that all processes of a run have the same config and data.

  Raises:
    errors.UserError: in all of them, when they do not.
  """
  if multihost.count() == 1:
    return
  fields = config_lib.flatten(as_json(config))
  free = (*FREE_FIELDS, *PLACES)
  kept = {name: value for name, value in fields.items() if name not in free}
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
