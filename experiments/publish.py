"""Turns a finished run into weights in the box: arrays, facts, model card.

  python -m experiments.publish --workdir=runs/robust-seed0 --name=robust

writes NAME.safetensors, NAME.json and NAME.md into the weights in the box.
The card's numbers come from the run, and those of photos from
experiments/results/photos.json where that exists.
"""

import hashlib
import json
import pathlib
import re

from absl import flags

from experiments import model_card
from mnist_jax import errors
from mnist_jax.analysis.run import calibration, classification, load
from mnist_jax.cli import absl_flags
from mnist_jax.models import summary
from mnist_jax.predict import weights as weights_lib
from mnist_jax.workdir import atomic_files

PHOTOS = pathlib.Path(__file__).parent / 'results' / 'photos.json'
THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)

_WORKDIR = flags.DEFINE_string('workdir', '', 'Folder of a finished run.')
_NAME = flags.DEFINE_string('name', '', 'What the weights are to be called.')
_INTO = flags.DEFINE_string(
  'into', str(weights_lib.PRETRAINED), 'Folder that takes the three files.'
)


def main() -> None:
  """Publishes what the flags say."""
  if not _WORKDIR.value or not re.fullmatch('[a-z][a-z0-9_]*', _NAME.value):
    raise errors.UserError(
      f'workdir {_WORKDIR.value!r} and name {_NAME.value!r} must both be '
      'given, the name in small letters; try '
      '--workdir=runs/improved-seed0 --name=improved'
    )
  for path in publish(_WORKDIR.value, _NAME.value, _INTO.value):
    print(path)


def publish(workdir: str, name: str, out: str) -> list[pathlib.Path]:
  """Writes the three files; returns their paths.

  Raises:
    errors.UserError: when the run is unfinished, or a file cannot be written.
  """
  out = pathlib.Path(out)
  run = load.load_run(workdir)
  loaded = weights_lib.load_workdir(pathlib.Path(workdir))
  content = weights_lib.to_bytes(loaded.variables)
  about = describe(run, loaded) | {
    'name': name,
    'sha256': hashlib.sha256(content).hexdigest(),
    'num_bytes': len(content),
  }
  card = model_card.render(about, read_photos(name))
  return [
    atomic_files.write(out / f'{name}.safetensors', content),
    atomic_files.write_json(out / f'{name}.json', about),
    atomic_files.write(out / f'{name}.md', card.encode()),
  ]


def describe(run: load.Run, loaded: weights_lib.Weights) -> dict:
  """Returns what NAME.json says but for the file: origin and numbers."""
  kept = (
    *('dataset', 'config_name', 'seed', 'epochs', 'steps', 'selected'),
    *('train', 'valid', 'test', 'train_seconds', 'device', 'versions'),
    'git_commit',
  )
  # Where things lay on the machine that trained is nobody else's business.
  data = run.config['data'] | {'manual_dir': '', 'data_dir': ''}
  return {name: run.result[name] for name in kept} | {
    'command': ' '.join(
      word
      for word in run.result['command'].split()
      if not re.match('--(workdir|config.data.[a-z]+_dir)=', word)
    ),
    'model': loaded.config.model.name,
    'num_params': summary.num_params(loaded.variables['params']),
    'temperature': loaded.temperature,
    'calibration': describe_calibration(run, loaded.temperature),
    'config': run.config | {'data': data},
  }


def describe_calibration(run: load.Run, temperature: float) -> dict | None:
  """Returns what confidence is worth on validation; None without that split.

  `thresholds` has a row for each of THRESHOLDS: the share of the images whose
  calibrated confidence is lower, and the errors among those and the others.
  """
  if run.valid is None:
    return None
  logits, labels = run.valid.logits / temperature, run.valid.labels
  probabilities = classification.softmax(logits)
  confidence = probabilities.max(axis=1)
  wrong = probabilities.argmax(axis=1) != labels
  return {
    'ece_before': calibration.measure(run.valid.logits, labels)['ece'],
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


def read_photos(name: str) -> dict:
  """Returns the results on photos that concern these weights; {} if none."""
  try:
    results = json.loads(PHOTOS.read_text())
  except FileNotFoundError:
    return {}
  return {
    'these weights': results.get('weights', {}).get(name, {}),
    'plain resize': results.get('plain_resize', {}).get(name, {}),
  }


if __name__ == '__main__':
  absl_flags.run(main)
