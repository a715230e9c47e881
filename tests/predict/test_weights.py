"""Weights: published, checked, taken from a workdir; and what applies them."""

import hashlib
import itertools
import json
import os

import jax
import numpy as np
import pytest
import safetensors.numpy

from configs import single_conv
from experiments.publish import pretrained
from mnist_jax.analysis.run import classification, load
from mnist_jax.data import datasets, uci_digits
from mnist_jax.errors import UserError
from mnist_jax.predict import classifier as classifier_lib
from mnist_jax.predict import weights
from mnist_jax.training import results
from mnist_jax.training import trainer as trainer_lib
from mnist_jax.training.early_stopping import Progress
from mnist_jax.training.preemption import Preemption
from mnist_jax.training.timer import Timer
from mnist_jax.workdir import metric_writer, weights_file
from mnist_jax.workdir import workdir as workdir_lib


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  """A finished run of untrained weights, whose averages are unlike them."""
  path = tmp_path_factory.mktemp('runs') / 'run'
  config = single_conv.get_config('smoke')
  config.num_devices = 1
  config.data.valid = 'random'
  config.optim.ema_decay = 0.9
  dataset = datasets.load_dataset(config.data)
  trainer = trainer_lib.create_trainer(config, dataset)
  workdir_lib.write_config(path, config)
  with metric_writer.MetricWriter(path, step=0) as writer:
    writer.write({'step': 1, 'epoch': 1.0, 'train/loss': 1.0})
  state, _ = jax.tree.map(draw, trainer.abstract())
  chosen = results.Chosen(
    1, state.eval_variables(), Progress(), Timer().seconds
  )
  about = results.About('single_conv-smoke', 'python --workdir=/secret', 0.0)
  results.conclude(trainer, chosen, path, about, Preemption(), explained=False)
  return path


SEEDS = itertools.count()


def draw(leaf):
  """Returns an array of that shape, another one for each call."""
  if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
    return jax.random.key(0)
  rng = np.random.default_rng(next(SEEDS))
  values = 0.05 * rng.standard_normal(leaf.shape)
  return jax.device_put(values.astype(leaf.dtype), leaf.sharding)


@pytest.fixture(scope='module')
def published(workdir, tmp_path_factory):
  out = tmp_path_factory.mktemp('published')
  pretrained.publish(str(workdir), 'mine', str(out))
  return out


@pytest.fixture
def copied(published, tmp_path):
  for path in published.iterdir():
    (tmp_path / path.name).write_bytes(path.read_bytes())
  return tmp_path


def assert_equal(left, right):
  jax.tree.map(np.testing.assert_array_equal, left, right)


def test_a_workdir_gives_the_weights_whose_predictions_it_stores(workdir):
  run, loaded = load.load_run(workdir), weights.load_weights(workdir)
  images = uci_digits.load().test_images
  found = classifier_lib.Classifier(loaded).probabilities(images)
  stored = classification.softmax(run.test.logits / loaded.temperature)
  np.testing.assert_allclose(found, stored, atol=1e-5)
  assert loaded.temperature != 1.0
  assert loaded.name == 'single_conv-smoke-seed0'


def test_published_weights_are_those_of_the_run(workdir, published):
  loaded, ran = (weights.load_weights(path) for path in (published, workdir))
  assert_equal(loaded.variables, jax.tree.map(np.asarray, ran.variables))
  assert loaded.temperature == ran.temperature
  assert type(loaded.model) is type(ran.model)
  by_file = weights.load_weights(published / 'mine.safetensors')
  assert_equal(by_file.variables, loaded.variables)


def test_the_facts_and_the_card_say_what_the_run_says(workdir, published):
  result = json.loads((workdir / 'result.json').read_text())
  facts = json.loads((published / 'mine.json').read_text())
  card = (published / 'mine.md').read_text()
  content = (published / 'mine.safetensors').read_bytes()
  assert facts['sha256'] == hashlib.sha256(content).hexdigest()
  assert facts['sha256'] in card
  assert facts['test'] == result['test']
  assert f'{result["num_params"]:,} weights' in card
  for split in ('train', 'valid', 'test'):
    assert f'{result[split]["accuracy"]:.2%}' in card
  row = facts['calibration']['thresholds'][0]
  errors = row['errors_sure'] + row['errors_unsure']
  assert errors == result['valid']['num_errors']


def test_a_card_has_a_table_of_photos_where_there_are_results(
  workdir, published, monkeypatch, tmp_path
):
  row = {'accuracy': 0.875, 'num_errors': 125, 'count': 1000}
  path = tmp_path / 'photos.json'
  path.write_text(
    json.dumps({'weights': {'mine': {'desks': row}}, 'plain_resize': {}})
  )
  monkeypatch.setattr(pretrained, 'PHOTOS', path)
  weights_path = published / 'mine.safetensors'
  photos = pretrained.read_photos('mine')
  card = pretrained.make_card(weights_path, photos=photos)
  assert '| desks | 87.50% | - | 1,000 |' in card
  # They may be those of earlier weights of that name.
  pretrained.publish(str(workdir), 'mine', str(tmp_path))
  assert 'desks' not in (tmp_path / 'mine.md').read_text()


def test_nothing_published_contains_a_path_of_the_machine(published):
  for path in published.iterdir():
    assert b'/secret' not in path.read_bytes()


def test_one_changed_byte_is_refused(copied):
  path = copied / 'mine.safetensors'
  content = bytearray(path.read_bytes())
  content[-1] ^= 1
  path.write_bytes(content)
  with pytest.raises(UserError, match='SHA-256'):
    weights.load_weights(copied)


@pytest.mark.parametrize('key', ['sha256', 'config', 'temperature'])
def test_facts_without_what_is_needed_are_refused(copied, key):
  path = copied / 'mine.json'
  facts = json.loads(path.read_text())
  path.write_text(json.dumps({k: v for k, v in facts.items() if k != key}))
  with pytest.raises(UserError, match='mine'):
    weights.load_weights(copied)


@pytest.mark.parametrize('content', ['', '{', '[]'])
def test_facts_that_are_no_object_are_refused(copied, content):
  (copied / 'mine.json').write_text(content)
  with pytest.raises(UserError, match=r'mine\.json'):
    weights.load_weights(copied)


@pytest.mark.parametrize(
  ('change', 'words'),
  [
    ({'extra': [1]}, '`extra` is not an object'),
    ({'extra': {'a.b': 1}}, 'a.b contains'),
    ({'a.b': 1}, 'a.b contains'),
  ],
)
def test_a_config_that_no_run_has_is_refused(copied, change, words):
  path = copied / 'mine.json'
  facts = json.loads(path.read_text())
  path.write_text(json.dumps(facts | {'config': facts['config'] | change}))
  with pytest.raises(UserError, match=words):
    weights.load_weights(copied)


def test_a_config_that_fits_no_network_is_refused(copied):
  path = copied / 'mine.json'
  facts = json.loads(path.read_text())
  facts['config']['model']['name'] = 'tiny'
  facts['config']['extra'] = {'features': [8, 'x']}
  path.write_text(json.dumps(facts))
  with pytest.raises(UserError, match=r'fits no network .*extra\.features'):
    weights.load_weights(copied)


@pytest.mark.parametrize('what', ['a device', 'a pipe', 'a folder'])
def test_weights_that_would_be_read_for_ever_are_refused(copied, what):
  path = copied / 'mine.safetensors'
  path.unlink()
  if what == 'a device':
    path.symlink_to('/dev/zero')
  elif what == 'a pipe':
    os.mkfifo(path)
  else:
    path.mkdir()
  with pytest.raises(UserError, match='is not a file'):
    weights.load_weights(copied)


def test_weights_over_the_limit_are_refused(copied, monkeypatch):
  size = (copied / 'mine.safetensors').stat().st_size
  monkeypatch.setattr(weights_file, 'MAX_BYTES', size)
  weights.load_weights(copied)
  monkeypatch.setattr(weights_file, 'MAX_BYTES', size - 1)
  with pytest.raises(UserError, match='is larger than'):
    weights.load_weights(copied)


def test_a_folder_that_cannot_be_entered_is_one_line(no_entry, monkeypatch):
  # Where root runs the tests, this package may be closed to others, too.
  monkeypatch.setattr(weights, 'pretrained_names', lambda: ['robust'])
  with pytest.raises(UserError, match='cannot be read'):
    weights.load_weights(no_entry)


def spoil(path, how):
  flat = safetensors.numpy.load_file(path)
  name = next(iter(flat))
  if how == 'missing':
    del flat[name]
  elif how == 'odd name':
    flat['../' + name] = flat.pop(name)
  elif how == 'nan':
    flat[name] = np.full_like(flat[name], np.nan)
  elif how == 'integers':
    flat[name] = flat[name].astype(np.int32)
  else:
    flat[name] = flat[name][..., None]
  return safetensors.numpy.save(flat)


def replace_weights(folder, content):
  """Replaces the weights, and their SHA-256 as well."""
  (folder / 'mine.safetensors').write_bytes(content)
  facts = json.loads((folder / 'mine.json').read_text())
  facts['sha256'] = hashlib.sha256(content).hexdigest()
  (folder / 'mine.json').write_text(json.dumps(facts))


@pytest.mark.parametrize(
  ('how', 'words'),
  [
    ('missing', 'another network'),
    ('odd name', 'another network'),
    ('shape', 'another network'),
    ('nan', 'NaN'),
    ('integers', 'float32'),
  ],
)
def test_arrays_that_are_not_the_models_are_refused(copied, how, words):
  replace_weights(copied, spoil(copied / 'mine.safetensors', how))
  with pytest.raises(UserError, match=words):
    weights.load_weights(copied)


DEEP_JSON = b'{"a":' * 5000 + b'1' + b'}' * 5000


@pytest.mark.parametrize(
  'content',
  [
    b'\x08' + bytes(20),
    len(DEEP_JSON).to_bytes(8, 'little') + DEEP_JSON,
    b'\xff' * 30,
  ],
)
def test_a_file_that_is_not_safetensors_is_refused(copied, content):
  replace_weights(copied, content)
  with pytest.raises(UserError, match='not a safetensors'):
    weights.load_weights(copied)


def test_a_damaged_workdir_gives_no_weights_and_is_left_alone(
  workdir, tmp_path
):
  for path in workdir.iterdir():
    (tmp_path / path.name).write_bytes(path.read_bytes())
  path = tmp_path / weights_file.NAME
  content = bytearray(path.read_bytes())
  content[-1] ^= 1
  path.write_bytes(content)
  before = sorted(p.name for p in tmp_path.iterdir())
  with pytest.raises(UserError, match='damaged'):
    weights.load_weights(tmp_path)
  assert sorted(p.name for p in tmp_path.iterdir()) == before
  path.unlink()
  with pytest.raises(UserError, match='cannot be read'):
    weights.load_weights(tmp_path)
  path = tmp_path / 'result.json'
  result = json.loads(path.read_text())
  path.write_text(json.dumps(result | {'weights_sha256': -1}))
  with pytest.raises(UserError, match=r'result\.json'):
    weights.load_weights(tmp_path)


def test_an_unknown_name_suggests_the_nearest():
  with pytest.raises(UserError, match="did you mean 'robust'"):
    weights.load_weights('robst')


def test_a_missing_file_is_named(tmp_path):
  with pytest.raises(UserError, match='missing'):
    weights.load_weights(tmp_path / 'none.safetensors')


def test_an_unfinished_run_has_no_weights_yet(workdir, tmp_path):
  config = (workdir / 'config.json').read_text()
  (tmp_path / 'config.json').write_text(config)
  with pytest.raises(UserError, match='not a finished run'):
    weights.load_weights(tmp_path)
  assert sorted(path.name for path in tmp_path.iterdir()) == ['config.json']


def test_pretrained_weights_are_whole_small_and_described():
  assert weights.pretrained_names()[0] == weights.DEFAULT
  for name in weights.pretrained_names():
    loaded = weights.load_weights(name)
    assert loaded.name == name
    path = weights.PRETRAINED / f'{name}.safetensors'
    assert path.stat().st_size < 2e6
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert sha256 in path.with_suffix('.md').read_text()


@pytest.fixture
def network(published, monkeypatch):
  monkeypatch.setattr(classifier_lib, 'BATCH_SIZES', (1, 4))
  monkeypatch.setattr(classifier_lib, 'SALIENCY_SIZES', (2,))
  return classifier_lib.Classifier(weights.load_weights(published))


def test_an_accelerator_reads_where_the_cpu_is_left_out(monkeypatch):
  def local_devices(backend=None):
    if backend == 'cpu':
      raise RuntimeError('Unknown backend cpu')
    return real()

  real = jax.local_devices
  monkeypatch.setattr(jax, 'local_devices', local_devices)
  network = classifier_lib.Classifier(weights.load_weights('robust'))
  assert network.probabilities(np.zeros((1, 28, 28))).shape == (1, 10)


def test_any_number_of_images_is_read_alike_by_few_compiled_sizes(
  network, digits
):
  images = digits[0][:9]
  network.warm_up()
  together = network.probabilities(images)
  salient = network.saliency(images)
  assert together.dtype == np.float32
  np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
  for count in (0, 1, 2, 4, 5):
    found = network.probabilities(images[:count])
    assert found.shape == (count, 10)
    np.testing.assert_allclose(found, together[:count], atol=1e-5)
    found = network.saliency(images[:count])
    np.testing.assert_allclose(found, salient[:count], atol=1e-5)
  assert network._probabilities._cache_size() == 2
  assert network._slopes._cache_size() == 1
  assert salient.shape == (9, 28, 28)
  assert salient.min() >= 0
  np.testing.assert_allclose(salient.max(axis=(1, 2)), 1)
