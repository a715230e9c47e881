"""The examples of serving run without Flax and without this project."""

import json
import os
import subprocess
import sys

import numpy as np
import our_recipes
import pytest
import weight_samples

from mnist_jax.export import bundle, folder, operations, stablehlo_file
from mnist_jax.predict import classifier, weights
from mnist_jax.workdir import weights_file

NOT_THERE = ['flax', 'mnist_jax', 'optax', 'orbax', 'ml_collections']
WITHOUT_JAX = [*NOT_THERE, 'jax', 'onnx']
RUN = (
  'import runpy, sys; sys.modules.update(dict.fromkeys({}));'
  "runpy.run_path(sys.argv[0], run_name='__main__')"
)


def run(script, images, missing):
  """Runs an example where some packages cannot be imported.

  Returns:
    The digits and the confidences that it printed.
  """
  folder = script.parent.parent
  np.save(folder / 'images.npy', images)
  code = RUN.format(missing).replace(
    'import runpy, sys;', f'import runpy, sys; sys.argv = sys.argv[1:];'
  )
  environment = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
  done = subprocess.run(
    [sys.executable, '-P', '-c', code, str(script), 'images.npy'],
    cwd=folder,
    env=environment | {'JAX_PLATFORMS': 'cpu'},
    capture_output=True,
    text=True,
    timeout=120,
  )
  assert done.returncode == 0, done.stderr
  rows = np.array([line.split() for line in done.stdout.splitlines()], float)
  return rows[:, 0], rows[:, 1]


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
  out = tmp_path_factory.mktemp('exported') / 'robust'
  folder.write(out, bundle.make(weights.load_weights('robust')).files)
  return out


@pytest.mark.parametrize(
  ('name', 'missing'),
  [
    ('serve_numpy.py', [*WITHOUT_JAX, 'onnxruntime']),
    ('serve_onnx.py', [*WITHOUT_JAX, 'safetensors']),
    ('serve_stablehlo.py', [*NOT_THERE, 'onnxruntime', 'safetensors']),
  ],
)
def test_an_example_says_what_the_project_says(exported, digits, name, missing):
  images = digits[0][:40]
  found, confidences = run(exported / name, images, missing)
  network = classifier.Classifier(weights.load_weights('robust'))
  wanted = network.probabilities(images)
  np.testing.assert_array_equal(found, wanted.argmax(axis=1))
  np.testing.assert_allclose(confidences, wanted.max(axis=1), atol=1e-4)


@pytest.mark.parametrize('recipe', our_recipes.NAMES)
def test_the_example_for_numpy_knows_the_layers_of_every_recipe(
  recipe, images, tmp_path
):
  drawn = weight_samples.draw_weights(recipe)
  out = tmp_path / 'out'
  out.mkdir()
  about = {
    'operations': operations.list_operations(drawn.model),
    'temperature': 2.0,
  }
  (out / 'config.json').write_text(json.dumps(about))
  (out / 'model.safetensors').write_bytes(
    weights_file.to_bytes(drawn.variables, 2.0)
  )
  script = out / 'serve_numpy.py'
  script.write_bytes((bundle.SERVING / 'serve_numpy.py').read_bytes())
  found, confidences = run(script, images, WITHOUT_JAX)
  logits = stablehlo_file.make_logits(drawn.model, drawn.variables)(images)
  odds = np.exp(np.asarray(logits) / 2.0)
  wanted = odds / odds.sum(axis=1, keepdims=True)
  np.testing.assert_array_equal(found, wanted.argmax(axis=1))
  np.testing.assert_allclose(confidences, wanted.max(axis=1), atol=1e-4)


def test_every_example_has_30_lines_or_fewer_and_is_in_the_card(exported):
  card = (exported / 'README.md').read_text()
  examples = sorted(path.name for path in bundle.SERVING.glob('*.py'))
  assert len(examples) == 3
  for name in examples:
    text = (exported / name).read_text()
    assert len(text.splitlines()) <= 30
    assert text.strip() in card
