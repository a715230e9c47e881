"""What is in an export, and what is left out of it."""

import hashlib
import json
import sys
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import weight_samples
from flax import linen as nn

from mnist_jax.export import bundle
from mnist_jax.models import cnn
from mnist_jax.predict import weights


class Unknown(nn.Module):
  @nn.compact
  def __call__(self, x, *, train):
    return 2 * x


class Doubled(Unknown):
  """A layer that says something else than it computes."""

  said: Any = ()

  def operations(self):
    if isinstance(self.said, Exception):
      raise self.said
    return self.said


class Wider(Doubled):
  @nn.compact
  def __call__(self, x, *, train):
    return jnp.concatenate([x, x], axis=-1)


class First(cnn.Cnn):
  layer: Any = None

  def stack(self):
    return [self.layer, self.logits()]


class Last(First):
  def stack(self):
    return [self.dense(5, relu=False), self.layer]


@pytest.fixture(scope='module')
def robust():
  return bundle.make(weights.load_weights('robust'))


def test_published_weights_are_exported_with_all_that_is_known(robust):
  assert not robust.problems
  known = json.loads((weights.PRETRAINED / 'robust.json').read_text())
  about = json.loads(robust.files['config.json'])
  assert about | known == about
  content = robust.files['model.safetensors']
  assert hashlib.sha256(content).hexdigest() == known['sha256']


def test_the_card_says_what_numpy_needs(robust):
  card = robust.files['README.md'].decode()
  about = json.loads(robust.files['config.json'])
  for _, *arguments in about['operations']:
    for argument in arguments:
      assert str(argument) in card
  assert f'`logits / {about["temperature"]}`' in card
  assert about['sha256'] in card
  assert '50 of 10,000' in card


@pytest.mark.parametrize('library', ['onnx', 'onnxruntime'])
def test_a_missing_library_costs_its_file_and_says_what_to_install(
  monkeypatch, robust, library
):
  monkeypatch.setitem(sys.modules, library, None)
  made = bundle.make(weight_samples.draw_weights('single_conv'))
  left_out = {'model.onnx', 'serve_onnx.py'}
  assert robust.files.keys() - made.files.keys() == left_out
  (problem,) = made.problems
  assert problem.startswith('model.onnx: ')
  assert library in problem and 'requirements-export.txt' in problem
  assert 'model.onnx' not in made.files['README.md'].decode()


@pytest.mark.parametrize(
  ('model', 'words'),
  [
    (First(layer=Unknown()), 'no method `operations`'),
    (First(layer=Doubled()), 'its logits differ'),
    (First(layer=Doubled((('conv', 'params/nothing'),))), 'params/nothing'),
    (First(layer=Doubled((('crop', np.float32(1)),))), 'float32'),
    (First(layer=Doubled(None)), 'NoneType'),
    (First(layer=Doubled(NotImplementedError())), 'NotImplementedError'),
    (First(layer=Wider()), 'InferenceError'),
    (Last(layer=Wider()), 'cannot be written'),
  ],
)
def test_wrong_layers_of_ones_own_leave_only_the_other_files(model, words):
  made = bundle.make(weight_samples.draw_weights('simple', model))
  (problem,) = made.problems
  assert words in problem
  for name in ('model.onnx', 'serve_numpy.py', 'config.json', 'README.md'):
    assert name in problem
  assert made.files.keys() == {
    *('model.safetensors', 'config.json', 'README.md'),
    *('model.stablehlo', 'serve_stablehlo.py'),
  }
  assert json.loads(made.files['config.json'])['operations'] == []
  assert 'With numpy alone' not in made.files['README.md'].decode()
