"""Weights by name: in the box, in a file of one's own, or in a workdir.

A published network is two files side by side: NAME.safetensors, its arrays,
and NAME.json, which says what they are and holds their SHA-256.
"""

import dataclasses
import hashlib
import json
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import safetensors
import safetensors.numpy
from flax import traverse_util

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.models import cnn
from mnist_jax.training import metrics, optim, train_state
from mnist_jax.workdir import workdir

PRETRAINED = pathlib.Path(__file__).parent / 'pretrained'
DEFAULT = 'robust'
MAX_BYTES = 2**27  # Of a file of weights; the largest model here has 3 MB.


@dataclasses.dataclass(frozen=True)
class Weights:
  """A trained network, ready to be applied."""

  name: str
  config: ml_collections.ConfigDict  # Of its run.
  model: cnn.Cnn
  variables: dict[str, Any]  # 'params' and 'batch_stats', float32.
  temperature: float  # What logits are divided by before the softmax.


def names() -> list[str]:
  """Returns the names of the weights in the box, the default first."""
  found = sorted(path.stem for path in PRETRAINED.glob('*.safetensors'))
  return sorted(found, key=lambda name: name != DEFAULT)


def load_weights(name_or_dir: str | pathlib.Path) -> Weights:
  """Loads weights from wherever they are.

  Args:
    name_or_dir: a name from `names()`; a .safetensors file with its .json
      beside it, or a folder with one such pair; or the workdir of a finished
      run, whose chosen weights are taken, with the temperature that fits its
      validation logits (1 without validation).

  Raises:
    errors.UserError: when there is nothing of that name, or what is there is
      damaged.
  """
  name, path = str(name_or_dir), pathlib.Path(name_or_dir)
  if name in names():
    return load_published(PRETRAINED / f'{name}.safetensors')
  if path.suffix == '.safetensors':
    return load_published(path)
  if (path / 'config.json').is_file():
    return load_workdir(path)
  published = list(path.glob('*.safetensors'))
  if len(published) == 1:
    return load_published(published[0])
  raise errors.UserError(
    f'weights {name!r} are neither in the box ({", ".join(names())}) nor a '
    f'.safetensors file nor a workdir; {config_lib.suggest(name, names())}'
  )


def load_published(path: pathlib.Path) -> Weights:
  """Loads a .safetensors file that the .json beside it vouches for.

  Raises:
    errors.UserError: when a file is missing, or is not what it should be.
  """
  about = _read_about(path.with_suffix('.json'))
  content = _read(path)
  sha256 = hashlib.sha256(content).hexdigest()
  if sha256 != about['sha256']:
    raise errors.UserError(
      f'{path} has the SHA-256 {sha256[:12]}..., but {path.stem}.json says '
      f'{str(about["sha256"])[:12]}...: the file is damaged or was exchanged; '
      'get it again'
    )
  config = ml_collections.ConfigDict(about['config'])
  model = cnn.create_model(config.model)
  return Weights(
    name=path.stem,
    config=config,
    model=model,
    variables=from_bytes(content, model),
    temperature=about['temperature'],
  )


def to_bytes(variables: dict[str, Any]) -> bytes:
  """Returns a .safetensors file with names such as params/Dense_0/norm/bias."""
  flat = traverse_util.flatten_dict(jax.device_get(variables), sep='/')
  return safetensors.numpy.save(
    {name: np.asarray(flat[name], np.float32) for name in sorted(flat)}
  )


def from_bytes(content: bytes, model: cnn.Cnn) -> dict[str, Any]:
  """Returns the variables that `to_bytes` was given.

  Raises:
    errors.UserError: when they are not the finite arrays of `model`.
  """
  try:
    flat = safetensors.numpy.load(content)
  except safetensors.SafetensorError as error:
    raise errors.UserError(
      f'the weights are no safetensors file ({error}); get them again'
    ) from error
  image = jnp.zeros((1, 28, 28, 1))
  shapes = jax.eval_shape(model.init, jax.random.key(0), image)
  wanted = {
    name: leaf.shape
    for name, leaf in traverse_util.flatten_dict(shapes, sep='/').items()
  }
  if {name: leaf.shape for name, leaf in flat.items()} != wanted:
    raise errors.UserError(
      f'the weights are not those of a {type(model).__name__} network: names '
      'or shapes differ; give them the config they were trained with'
    )
  if not all(np.isfinite(leaf).all() for leaf in flat.values()):
    raise errors.UserError(
      'the weights hold NaN or infinity: their run diverged; take others'
    )
  variables = traverse_util.unflatten_dict(flat, sep='/')
  return {'batch_stats': {}} | variables


def load_workdir(path: pathlib.Path) -> Weights:
  """Loads the weights that a finished run chose.

  Raises:
    errors.UserError: when the run is not finished, or has lost a file.
  """
  result = workdir.read_result(path)
  if result is None or not (path / 'checkpoints').is_dir():
    raise errors.UserError(
      f'{path} holds no finished run with checkpoints; give its training '
      'command again to finish it'
    )
  config = ml_collections.ConfigDict(_read_json(path / 'config.json'))
  model = cnn.create_model(config.model)
  return Weights(
    name=f'{result["config_name"]}-seed{result["seed"]}',
    config=config,
    model=model,
    variables=jax.device_get(_restore(path, config, model)),
    temperature=_fit_temperature(path),
  )


def _restore(path, config, model):
  # Only here: orbax takes a second to import, and weights in the box need none.
  from mnist_jax.workdir import checkpoint

  # Shapes alone: of the schedule's length they know nothing.
  optimizer = optim.create_optimizer(
    config.optim,
    steps_per_epoch=1000,
    num_steps=round(1000 * config.total_epochs),
  )
  state = jax.eval_shape(
    lambda: train_state.create_train_state(
      jax.random.key(0), model=model, optimizer=optimizer
    )
  )
  sharding = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  like = jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(
      leaf.shape, leaf.dtype, sharding=sharding
    ),
    (state, jax.eval_shape(metrics.Metrics.empty)),
  )
  with checkpoint.Checkpoints(path) as checkpoints:
    restored = checkpoints.restore_newest(like)
    if restored is None:
      raise errors.UserError(
        f'{path} has no checkpoint left; train again into a fresh workdir'
      )
    (state, _), *_ = restored
    if config.select == 'best_valid':
      (state, _), _ = checkpoints.restore_best(like)
  return state.eval_variables()


def _fit_temperature(path: pathlib.Path) -> float:
  from mnist_jax.analysis.run import calibration, load

  run = load.load_run(path)
  if run.valid is None:
    return 1.0
  return calibration.fit_temperature(run.valid.logits, run.valid.labels)


def _read_about(path: pathlib.Path) -> dict:
  about = _read_json(path)
  temperature = about.get('temperature')
  complete = (
    isinstance(about.get('sha256'), str)
    and isinstance(about.get('config'), dict)
    and isinstance(about['config'].get('model'), dict)
    and {'name', 'dropout', 'initializer'} <= about['config']['model'].keys()
    and isinstance(temperature, int | float)
    and 0 < temperature < 1e3
  )
  if not complete:
    raise errors.UserError(
      f'{path} lacks sha256, config.model or a temperature above 0; '
      'experiments.publish writes it with all three'
    )
  return about


def _read_json(path: pathlib.Path) -> dict:
  try:
    value = json.loads(_read(path))
  except ValueError as error:
    raise errors.UserError(
      f'{path} is not JSON ({error}); get it again'
    ) from error
  if not isinstance(value, dict):
    raise errors.UserError(f'{path} must hold one JSON object; get it again')
  return value


def _read(path: pathlib.Path) -> bytes:
  try:
    if path.stat().st_size > MAX_BYTES:
      raise errors.UserError(
        f'{path} is larger than {MAX_BYTES // 2**20} MB: no weights of these '
        'networks; give another file'
      )
    return path.read_bytes()
  except OSError as error:
    raise errors.UserError(
      f'{path} cannot be read ({error.strerror}); published weights are a '
      '.safetensors and a .json file side by side'
    ) from error
