"""What is known about trained weights: the network, its training, its scores.

These are the NAME.json of published weights, and the config.json of an export.
"""

import hashlib
import pathlib
import re
import shlex
from typing import Any, TypedDict

import msgspec

from mnist_jax.analysis.run import calibration, classification, load
from mnist_jax.data import class_names
from mnist_jax.models import summary
from mnist_jax.predict import weights as weights_lib
from mnist_jax.workdir import json_files, weights_file

THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)


class _Threshold(TypedDict):
  threshold: float
  unsure: int
  errors_unsure: int
  errors_sure: int
  count: int


class _Calibration(TypedDict):
  ece_before: float
  ece_after: float
  thresholds: list[_Threshold]


class _Config(TypedDict, total=False):
  data: dict
  augment: dict


class _Training(TypedDict):
  """What is known only of weights that a run of this project made."""

  dataset: str
  config_name: str
  seed: int
  epochs: float
  steps: int
  selected: str
  train: load.Scores
  valid: load.Scores | None
  test: load.Scores | None
  train_seconds: float
  device: str
  versions: dict[str, str]
  git_commit: str
  command: str
  calibration: _Calibration | None
  config: _Config


def describe(loaded: weights_lib.Weights, content: bytes) -> dict[str, Any]:
  """Returns all facts about weights, as plain JSON types.

  Of weights that somebody else published without saying how they were trained,
  the facts about the training are left out.

  Args:
    loaded: from `weights.load_weights`.
    content: a file of these weights, by `weights_file.to_bytes`.

  Raises:
    errors.UserError: when a file beside the weights is damaged.
  """
  beside = loaded.path.with_suffix('.json')  # A run has none of this name.
  if loaded.path.name == weights_file.NAME and not beside.exists():
    training = _read_run(loaded)
  else:
    training = _read_published(beside)
  names = loaded.class_names
  return {
    'config': loaded.config.to_dict(),
    **training,
    **({} if class_names.are_digits(names) else {'class_names': list(names)}),
    'name': loaded.name,
    'model': loaded.config.model.name,
    'num_params': summary.num_params(loaded.variables['params']),
    'temperature': loaded.temperature,
    'sha256': hashlib.sha256(content).hexdigest(),
    'num_bytes': len(content),
  }


def _read_published(path: pathlib.Path) -> dict[str, Any]:
  found = json_files.read_object(path, way_out='get it again') or {}
  try:
    known = msgspec.convert(found, _Training)
  except msgspec.ValidationError:
    return {}
  return {name: found[name] for name in known}


def _read_run(loaded: weights_lib.Weights) -> dict[str, Any]:
  """Returns the facts about the training of a run, without private paths."""
  workdir, num_classes = loaded.path.parent, len(loaded.class_names)
  way_out = 'train again into a fresh workdir'
  result = json_files.read_object(
    workdir / 'result.json', load.Result, way_out=way_out
  )
  assert result is not None  # Its weights could be loaded.
  config = load.load_config(workdir)
  valid = load.load_predictions(
    workdir / 'predictions.npz', 'valid', num_classes
  )
  kept = (
    *('dataset', 'config_name', 'seed', 'epochs', 'steps', 'selected'),
    *('train', 'valid', 'test', 'train_seconds', 'device', 'versions'),
    'git_commit',
  )
  # Paths of the machine that trained do not belong in a public file.
  data = config['data'] | {'manual_dir': '', 'data_dir': ''}
  return {name: result[name] for name in kept} | {
    'command': _without_folders(result['command']),
    'calibration': valid and describe_calibration(valid, loaded.temperature),
    'config': config | {'data': data},
  }


def _without_folders(command: str) -> str:
  """Returns a command, or a call of `mnist_jax.train`, without its folders."""
  if command.startswith('mnist_jax.train('):
    return re.sub(r', workdir=.*(?=\)$)', '', command)
  try:
    words = shlex.split(command)
  except ValueError:  # A quote without its end.
    return ''
  # Of a recipe's path only the name is kept; `--config` finds ours by it.
  return shlex.join(
    re.sub(r'^(--?config=)[^:]*/([^:]*?)(\.py)?(?=:|$)', r'\1\2', word)
    for word in words
    if not re.match(r'--?(workdir|[\w.]+_dir)=', word)
  )


def describe_calibration(
  valid: load.Predictions, temperature: float
) -> dict[str, Any]:
  """Returns how reliable confidence is on the validation split.

  Returns:
    The expected calibration error before and after the temperature, and
    `thresholds`, a row for each of THRESHOLDS: how many images have a lower
    calibrated confidence, and the errors among those and among the others.
  """
  logits, labels = valid.logits / temperature, valid.labels
  probabilities = classification.softmax(logits)
  confidence = probabilities.max(axis=1)
  wrong = probabilities.argmax(axis=1) != labels
  return {
    'ece_before': calibration.measure(valid.logits, labels)['ece'],
    'ece_after': calibration.measure(logits, labels)['ece'],
    'thresholds': [
      {
        'threshold': threshold,
        'unsure': int((confidence < threshold).sum()),
        'errors_unsure': int(wrong[confidence < threshold].sum()),
        'errors_sure': int(wrong[confidence >= threshold].sum()),
        'count': len(labels),
      }
      for threshold in THRESHOLDS
    ],
  }
