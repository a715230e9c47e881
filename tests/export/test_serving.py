"""The examples of serving run without Flax and without this project."""

import numpy as np
import pytest
import serving_runs

from mnist_jax.export import bundle, folder
from mnist_jax.predict import classifier, weights


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
  out = tmp_path_factory.mktemp('exported') / 'robust'
  folder.write(out, bundle.make(weights.load_weights('robust')).files)
  return out


@pytest.mark.parametrize(
  ('name', 'missing'),
  [
    ('serve_numpy.py', [*serving_runs.WITHOUT_JAX, 'onnxruntime']),
    ('serve_onnx.py', [*serving_runs.WITHOUT_JAX, 'safetensors']),
    (
      'serve_stablehlo.py',
      [*serving_runs.NOT_THERE, 'onnxruntime', 'safetensors'],
    ),
  ],
)
def test_an_example_says_what_the_project_says(exported, digits, name, missing):
  images = digits[0][:40]
  found, confidences = serving_runs.run(exported / name, images, missing)
  network = classifier.Classifier(weights.load_weights('robust'))
  wanted = network.probabilities(images)
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
