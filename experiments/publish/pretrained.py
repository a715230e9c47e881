"""The three files of pretrained weights: arrays, facts and a model card."""

import hashlib
import json
import pathlib
import re

import experiments
from experiments.publish import model_card
from mnist_jax.analysis.run import calibration, classification, load
from mnist_jax.models import summary
from mnist_jax.predict import weights as weights_lib
from mnist_jax.workdir import atomic_files, weights_file

PHOTOS = experiments.RESULTS / 'photos.json'
THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)


def publish(workdir: str, name: str, into: str) -> list[pathlib.Path]:
  """Writes the three files and returns their paths.

  Args:
    workdir: folder of a finished run.
    name: of the weights; the files are NAME.safetensors, .json and .md.
    into: folder of the files.

  Raises:
    errors.UserError: when the run is unfinished, or a file cannot be written.
  """
  out = pathlib.Path(into)
  run = load.load_run(workdir)
  loaded = weights_lib.load_workdir(pathlib.Path(workdir))
  content = weights_file.to_bytes(
    loaded.variables, loaded.temperature, loaded.class_names
  )
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


def write_cards() -> None:
  """Writes the cards of the weights in the package again, with new results."""
  for path in weights_lib.PRETRAINED.glob('*.json'):
    about = json.loads(path.read_text())
    card = model_card.render(about, read_photos(path.stem))
    atomic_files.write(path.with_suffix('.md'), card.encode())


def describe(run: load.Run, loaded: weights_lib.Weights) -> dict:
  """Returns NAME.json without the facts about the file: origin and numbers."""
  kept = (
    *('dataset', 'config_name', 'seed', 'epochs', 'steps', 'selected'),
    *('train', 'valid', 'test', 'train_seconds', 'device', 'versions'),
    'git_commit',
  )
  # Paths of the machine that trained do not belong in a public file.
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
  """Returns how reliable confidence is on the validation split.

  Returns:
    The expected calibration error before and after the temperature, and
    `thresholds`, a row for each of THRESHOLDS: how many images have a lower
    calibrated confidence, and the errors among those and among the others.
    None without a validation split.
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
  """Returns the results of these weights on photos; {} if there are none."""
  try:
    results = json.loads(PHOTOS.read_text())
  except FileNotFoundError:
    return {}
  return {
    'these weights': results.get('weights', {}).get(name, {}),
    'plain resize': results.get('plain_resize', {}).get(name, {}),
  }
