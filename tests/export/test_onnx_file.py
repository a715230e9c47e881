"""ONNX files: ONNX Runtime computes what the model does."""

import numpy as np
import onnxruntime
import pytest
import weight_samples

from mnist_jax import errors
from mnist_jax.export import onnx_file, operations
from mnist_jax.workdir import weights_file


def make_file(drawn, metadata=None):
  return onnx_file.to_bytes(
    operations.list_operations(drawn.model),
    weights_file.flatten(drawn.variables),
    metadata or {},
  )


def test_a_file_takes_any_number_of_images(images):
  content = make_file(weight_samples.draw_weights('fast'))
  together = onnx_file.logits(content, images)
  for count in (0, 1, 5):
    found = onnx_file.logits(content, images[:count])
    assert found.shape == (count, 10)
    np.testing.assert_allclose(found, together[:count], atol=1e-4)


def test_a_file_says_its_temperature_and_what_it_takes():
  content = make_file(
    weight_samples.draw_weights('fast'), {'temperature': '0.75'}
  )
  session = onnxruntime.InferenceSession(content)
  about = session.get_modelmeta().custom_metadata_map
  assert about == {'temperature': '0.75'}
  (taken,), (given,) = session.get_inputs(), session.get_outputs()
  assert (taken.name, taken.type) == ('images', 'tensor(uint8)')
  assert taken.shape == ['batch', 28, 28]
  assert (given.name, given.shape) == ('logits', ['batch', 10])


def test_an_unknown_operation_is_named():
  with pytest.raises(errors.UserError, match=r"'pol' .* did you mean 'pool'"):
    onnx_file.to_bytes([operations.NORMALIZE, ('pol',)], {}, {})
