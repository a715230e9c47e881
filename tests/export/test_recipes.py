"""Every recipe of this project can be exported, in every format."""

import json
import types

import numpy as np
import our_recipes
import pytest
import serving_runs
import weight_samples

from mnist_jax.export import bundle, onnx_file, operations, stablehlo_file
from mnist_jax.workdir import weights_file


@pytest.fixture(scope='module', params=our_recipes.NAMES)
def network(request, images):
  """Weights of a recipe, its operations, and the logits of the model."""
  drawn = weight_samples.draw_weights(request.param)
  logits = stablehlo_file.make_logits(drawn.model, drawn.variables)(images)
  return types.SimpleNamespace(
    drawn=drawn,
    operations=operations.list_operations(drawn.model),
    logits=np.asarray(logits),
    limit=1e-5 * max(1, np.abs(logits).max()),
  )


def test_onnx_runtime_computes_the_logits_of_the_model(network, images):
  arrays = weights_file.flatten(network.drawn.variables)
  content = onnx_file.to_bytes(network.operations, arrays, {})
  found = onnx_file.logits(content, images)
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, network.logits, rtol=0, atol=network.limit)
  assert np.ptp(found, axis=0).min() > 100 * network.limit  # Images matter.


def test_stablehlo_computes_the_logits_of_the_model(network, images):
  content = stablehlo_file.to_bytes(
    network.drawn.model, network.drawn.variables
  )
  found = stablehlo_file.logits(content, images)
  np.testing.assert_allclose(found, network.logits, rtol=0, atol=network.limit)


def test_the_example_for_numpy_gives_the_probabilities_of_the_model(
  network, images, tmp_path
):
  out = tmp_path / 'out'
  out.mkdir()
  about = {'operations': network.operations, 'temperature': 2.0}
  (out / 'config.json').write_text(json.dumps(about))
  content = weights_file.to_bytes(network.drawn.variables, 2.0)
  (out / 'model.safetensors').write_bytes(content)
  script = out / 'serve_numpy.py'
  script.write_bytes((bundle.SERVING / script.name).read_bytes())
  found, confidences = serving_runs.run(
    script, images, serving_runs.WITHOUT_JAX
  )
  odds = np.exp(network.logits / 2.0)
  wanted = odds / odds.sum(axis=1, keepdims=True)
  np.testing.assert_array_equal(found, wanted.argmax(axis=1))
  np.testing.assert_allclose(confidences, wanted.max(axis=1), atol=1e-4)
