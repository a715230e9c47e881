"""What is in an export, and what is left out of it."""

import hashlib
import json
import sys

import pytest
import weight_samples
from flax import linen as nn

from mnist_jax.export import bundle
from mnist_jax.models import cnn
from mnist_jax.predict import weights


class Doubled(nn.Module):
  """A layer that says less than it computes."""

  @nn.compact
  def __call__(self, x, *, train):
    return 2 * x

  def operations(self):
    return []


class Misspelt(Doubled):
  def operations(self):
    return [('conv', 'params/nothing')]


class Unknown(nn.Module):
  @nn.compact
  def __call__(self, x, *, train):
    return 2 * x


class Model(cnn.Cnn):
  layer: type[nn.Module] = Unknown

  def stack(self):
    return [self.layer(), self.logits()]


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
  ('layer', 'words'),
  [
    (Unknown, 'no method `operations`'),
    (Misspelt, 'params/nothing'),
    (Doubled, 'its logits differ'),
  ],
)
def test_layers_of_ones_own_leave_the_other_files(layer, words):
  drawn = weight_samples.draw_weights('simple', Model(layer=layer))
  made = bundle.make(drawn)
  (problem,) = made.problems
  assert words in problem
  assert 'model.stablehlo' in made.files
  assert 'model.onnx' not in made.files
