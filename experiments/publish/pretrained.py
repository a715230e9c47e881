"""The three files of pretrained weights: arrays, facts and a model card."""

import json
import pathlib

import experiments
from mnist_jax.analysis.run import load
from mnist_jax.export import facts, model_card, operations
from mnist_jax.predict import weights as weights_lib
from mnist_jax.workdir import atomic_files, weights_file

PHOTOS = experiments.RESULTS / 'photos.json'


def publish(workdir: str, name: str, into: str) -> list[pathlib.Path]:
  """Writes the three files and returns their paths.

  The card has no results on photos: those of the same name are of earlier
  weights. `experiments.photos` measures them and calls `write_cards`.

  Args:
    workdir: folder of a finished run.
    name: of the weights; the files are NAME.safetensors, .json and .md.
    into: folder of the files.

  Raises:
    errors.UserError: when the run is unfinished, or a file cannot be written.
  """
  load.load_run(workdir)  # Checks that it is whole, and tested.
  loaded = weights_lib.load_workdir(pathlib.Path(workdir))
  content = weights_file.to_bytes(
    loaded.variables, loaded.temperature, loaded.class_names
  )
  about = facts.describe(loaded, content) | {'name': name}
  out = pathlib.Path(into)
  path = atomic_files.write(out / f'{name}.safetensors', content)
  about_path = atomic_files.write_json(out / f'{name}.json', about)
  card = make_card(path, photos={})
  return [
    path,
    about_path,
    atomic_files.write(out / f'{name}.md', card.encode()),
  ]


def write_cards() -> None:
  """Writes the cards of the weights in the package again, with new results."""
  for path in weights_lib.PRETRAINED.glob('*.safetensors'):
    card = make_card(path, photos=read_photos(path.stem))
    atomic_files.write(path.with_suffix('.md'), card.encode())


def make_card(path: pathlib.Path, *, photos: dict) -> str:
  """Returns the model card of published weights, from the facts beside them.

  Args:
    path: of the weights.
    photos: their results, as `read_photos` returns them.
  """
  about = json.loads(path.with_suffix('.json').read_text())
  files = {
    path.name: f'{about["num_bytes"]:,} bytes, float32, SHA-256 '
    f'`{about["sha256"]}`',
    f'{path.stem}.json': 'config, temperature, numbers, versions',
  }
  steps = operations.list_operations(weights_lib.load_published(path).model)
  return model_card.render(about, files, steps, photos=photos)


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
