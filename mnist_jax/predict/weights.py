"""Loads weights: pretrained ones by name, from a file, or from a workdir.

A published network is two files side by side: NAME.safetensors with its arrays,
and NAME.json with its config, its temperature and the SHA-256 of the arrays.
"""

import dataclasses
import math
import os
import pathlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypedDict

import jax
import jax.numpy as jnp
import ml_collections
import msgspec

from mnist_jax import errors
from mnist_jax.data import class_names as names_lib
from mnist_jax.models import cnn
from mnist_jax.workdir import json_files, paths, weights_file
from mnist_jax.workdir import workdir as workdir_lib

PRETRAINED = pathlib.Path(__file__).parent / 'pretrained'
DEFAULT = 'robust'


class _Model(TypedDict):
  """What `cnn.create_model` needs."""

  name: str
  dropout: Annotated[float, msgspec.Meta(ge=0, lt=1)]
  initializer: Literal['he', 'glorot', 'torch']


class _Facts(TypedDict):
  """What NAME.json of published weights must hold."""

  sha256: str
  config: dict
  temperature: float


@dataclasses.dataclass(frozen=True)
class Weights:
  """A trained network, ready to be applied."""

  name: str
  config: ml_collections.ConfigDict  # Of its run.
  model: cnn.Cnn
  variables: dict[str, Any]  # 'params' and 'batch_stats', float32.
  temperature: float  # What logits are divided by before the softmax.
  path: pathlib.Path  # Of the file that holds the variables.
  class_names: tuple[str, ...] = names_lib.DIGITS


def pretrained_names() -> list[str]:
  """Returns the names of the weights in this package, the default first."""
  found = sorted(path.stem for path in PRETRAINED.glob('*.safetensors'))
  return sorted(found, key=lambda name: name != DEFAULT)


def load_weights(name_or_dir: str | pathlib.Path) -> Weights:
  """Loads weights by their name or path.

  Args:
    name_or_dir: a name from `pretrained_names()`; a .safetensors file with its
      .json beside it, or a folder with one such pair; or the workdir of a
      finished run, whose chosen weights are taken, with the temperature that
      fits its validation logits (1 without validation).

  Raises:
    errors.UserError: when there is nothing of that name, or what is there is
      damaged.
  """
  name, path = str(name_or_dir), paths.expand(name_or_dir)
  names = pretrained_names()
  if name in names:
    return load_published(PRETRAINED / f'{name}.safetensors')
  if path.suffix == '.safetensors':
    return load_published(path)
  if name and os.path.isdir(path):  # Path('') would be the current folder.
    if paths.is_file(path / 'config.json'):
      return load_workdir(path)
    published = list(path.glob('*.safetensors'))
    if len(published) == 1:
      return load_published(published[0])
  raise errors.UserError(
    f'weights {name!r} are neither pretrained ones ({", ".join(names)}), nor a '
    f'.safetensors file, nor a workdir; {errors.suggest(name, names)}'
  )


def check_digits(weights: Weights) -> None:
  """Checks that a network reads digits, which pictures are searched for.

  Raises:
    errors.UserError: its classes are others.
  """
  if names_lib.are_digits(weights.class_names):
    return
  names = weights.class_names
  more = ', ...' if len(names) > 3 else ''
  raise errors.UserError(
    f'{weights.name} tells classes apart that are no digits '
    f'({", ".join(names[:3])}{more}), and pictures are read by networks for '
    "digits; in Python, mnist_jax.load('WORKDIR').predict(images) classifies "
    'images of 28x28'
  )


def load_published(path: pathlib.Path) -> Weights:
  """Loads a .safetensors file that is described by a .json file beside it.

  Raises:
    errors.UserError: when a file is missing or damaged.
  """
  facts = json_files.read_object(
    path.with_suffix('.json'), _Facts, way_out='get it again'
  )
  if facts is None:
    raise errors.UserError(
      f'{path.with_suffix(".json")} is missing; published weights are a '
      '.safetensors and a .json file side by side'
    )
  return _load(path, path.stem, facts['sha256'], facts['config'], facts)


def load_workdir(workdir: pathlib.Path) -> Weights:
  """Loads the weights that a finished run chose.

  Raises:
    errors.UserError: when the run is not finished, or a file is missing or
      damaged.
  """
  result = workdir_lib.read_result(workdir)
  config = workdir_lib.read_config(workdir)
  if result is None or config is None:
    raise errors.UserError(
      f'{workdir} is not a finished run; give its training command again to '
      'finish it'
    )
  if 'weights_sha256' not in result:
    raise errors.UserError(
      f'{workdir} was finished by version 0.1, which stored no '
      f'{weights_file.NAME}; delete {workdir / "result.json"} and give its '
      'training command again'
    )
  return _load(
    workdir / weights_file.NAME,
    f'{result["config_name"]}-seed{result["seed"]}',
    result['weights_sha256'],
    config,
  )


def _load(
  path: pathlib.Path,
  name: str,
  sha256: str,
  config: dict,
  facts: Mapping[str, Any] | None = None,
) -> Weights:
  """Reads a file of weights into the network of `config`."""
  arrays, metadata = weights_file.read(path, sha256)
  whole = _whole_config(config, path)
  model_config = _model_config(config, path)
  if model_config.name not in cnn.MODELS:
    raise errors.UserError(
      f'{path} is of the model {model_config.name!r}, which a recipe adds; '
      "give --config=RECIPE, or in Python first call config.load('RECIPE') of "
      'mnist_jax.config'
    )
  names = weights_file.read_names(metadata, path)
  extra = config.get('extra') or {}  # Earlier versions had none.
  model = cnn.create_model(model_config, extra=extra, num_classes=len(names))
  image = jnp.zeros((1, 28, 28, 1))
  try:
    shapes = jax.eval_shape(model.init, jax.random.key(0), image)
  except Exception as error:  # A model can raise anything.
    raise errors.UserError(
      f'the config beside {path} fits no network of {model_config.name!r} '
      f'({errors.first_line(error)}); get both files again'
    ) from error
  return Weights(
    name=name,
    config=whole,
    model=model,
    variables=weights_file.unflatten(arrays, shapes, path),
    temperature=_temperature(facts or metadata, path),
    path=path,
    class_names=names,
  )


def _whole_config(
  config: dict, path: pathlib.Path
) -> ml_collections.ConfigDict:
  try:
    if not isinstance(config.get('extra') or {}, dict):
      raise ValueError('`extra` is not an object')
    return ml_collections.ConfigDict(config)
  except (ValueError, RecursionError) as error:
    raise errors.UserError(
      f'the config beside {path} is damaged ({error}); get both files again'
    ) from error


def _model_config(config: dict, path: pathlib.Path) -> Any:
  try:
    return ml_collections.ConfigDict(msgspec.convert(config['model'], _Model))
  except (KeyError, msgspec.ValidationError) as error:
    raise errors.UserError(
      f'the config beside {path} has no complete `model` ({error}); get both '
      'files again'
    ) from error


def _temperature(facts: Mapping[str, Any], path: pathlib.Path) -> float:
  try:
    temperature = float(facts['temperature'])
  except (KeyError, ValueError, TypeError):
    temperature = math.nan
  if not 0 < temperature < 1e3:
    raise errors.UserError(
      f'{path} has no temperature between 0 and 1,000; get it again'
    )
  return temperature
