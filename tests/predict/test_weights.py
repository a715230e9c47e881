"""Weights: published, checked, taken from a workdir; and what applies them."""

import dataclasses
import hashlib
import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from configs import single_conv
from experiments import publish
from mnist_jax.analysis.run import calibration, classification, load
from mnist_jax.data import datasets, uci_digits
from mnist_jax.errors import UserError
from mnist_jax.models import cnn
from mnist_jax.predict import classifier as classifier_lib
from mnist_jax.predict import weights
from mnist_jax.training import early_stopping as early_stopping_lib
from mnist_jax.training import results
from mnist_jax.training import trainer as trainer_lib
from mnist_jax.workdir import atomic_files, checkpoint
from mnist_jax.workdir import workdir as workdir_lib

pytestmark = pytest.mark.usefixtures('quick_compile')


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  """A run as a whole training leaves it; its best weights are not the last."""
  path = tmp_path_factory.mktemp('runs') / 'run'
  config = single_conv.get_config('smoke')
  config.update(select='best_valid', num_devices=1)
  config.data.valid = 'random'
  config.optim.ema_decay = 0.9
  dataset = datasets.load_dataset(config.data)
  trainer = trainer_lib.create_trainer(config, dataset)
  workdir_lib.write_config(path, config)
  state = save_checkpoints(trainer, path)
  logits = {
    name: np.asarray(apply(trainer.model, state, getattr(dataset, name).images))
    for name in ('valid', 'test')
  }
  evaluated = {name: (logits[name], None) for name in logits}
  results.write_predictions(path / 'predictions.npz', dataset, evaluated)
  about = results.About(
    'single_conv-smoke', 'python -m ... --workdir=/secret', 0.0
  )
  result = results.describe(
    trainer,
    int(state.step),
    state.eval_variables(),
    early_stopping_lib.Progress(seconds=SECONDS),
    about,
  )
  result['train'] = score(logits['test'], dataset.test.labels)
  for name in logits:
    result[name] = score(logits[name], getattr(dataset, name).labels)
  atomic_files.write_json(path / 'result.json', result)
  atomic_files.write(path / 'metrics.jsonl', b'{"step": 1, "epoch": 1.0}')
  return path


SECONDS = {'train': 1.0, 'compile': 1.0}


def save_checkpoints(trainer, path):
  """Saves the best weights, and worse ones after them; returns the best."""
  progress = dataclasses.asdict(early_stopping_lib.Progress())
  state, sums = jax.tree.map(draw, trainer.abstract())
  best = state.replace(ema=jax.tree.map(lambda leaf: 1.5 * leaf, state.ema))
  with checkpoint.Checkpoints(path) as checkpoints:
    checkpoints.save(1, (best, sums), progress, score=1.0)
    checkpoints.save(2, (state, sums), progress, score=2.0)
    chosen, _ = results.choose(trainer, checkpoints)
  return chosen


SEEDS = itertools.count()


def draw(leaf):
  """Returns an array of that shape: averages are unlike the weights."""
  if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
    return jax.random.key(0)
  rng = np.random.default_rng(next(SEEDS))
  values = 0.05 * rng.standard_normal(leaf.shape)
  return jax.device_put(values.astype(leaf.dtype), leaf.sharding)


def apply(model, state, images):
  run = jax.jit(lambda x: model.apply(state.eval_variables(), x, train=False))
  return run(cnn.as_input(jnp.asarray(images)))


def score(logits, labels):
  errors = int((logits.argmax(axis=1) != labels).sum())
  count = len(labels)
  return {
    'loss': calibration.nll(logits, labels),
    'accuracy': 1 - errors / count,
    'num_errors': errors,
    'count': count,
  }


@pytest.fixture(scope='module')
def published(workdir, tmp_path_factory):
  out = tmp_path_factory.mktemp('published')
  publish.publish(str(workdir), 'mine', str(out))
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


def test_a_card_tells_of_photos_where_there_are_results(
  published, monkeypatch, tmp_path
):
  from experiments import model_card

  row = {'accuracy': 0.875, 'num_errors': 125, 'count': 1000}
  path = tmp_path / 'photos.json'
  path.write_text(
    json.dumps({'weights': {'mine': {'desks': row}}, 'plain_resize': {}})
  )
  monkeypatch.setattr(publish, 'PHOTOS', path)
  facts = json.loads((published / 'mine.json').read_text())
  card = model_card.render(facts, publish.read_photos('mine'))
  assert '| desks | 87.50% | - | 1,000 |' in card
  assert 'desks' not in (published / 'mine.md').read_text()


def test_nothing_published_names_a_place_of_the_machine(published):
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
  with pytest.raises(UserError, match='lacks'):
    weights.load_weights(copied)


@pytest.mark.parametrize('content', ['', '{', '[]'])
def test_facts_that_are_no_object_are_refused(copied, content):
  (copied / 'mine.json').write_text(content)
  with pytest.raises(UserError, match=r'mine\.json'):
    weights.load_weights(copied)


def spoil(variables, how):
  flat = safetensors.numpy.load(weights.to_bytes(variables))
  name = next(iter(flat))
  if how == 'missing':
    del flat[name]
  elif how == 'nan':
    flat[name] = np.full_like(flat[name], np.nan)
  else:
    flat[name] = flat[name][..., None]
  return safetensors.numpy.save(flat)


@pytest.mark.parametrize(
  ('how', 'words'),
  [('missing', 'not those'), ('shape', 'not those'), ('nan', 'NaN')],
)
def test_arrays_that_are_not_the_models_are_refused(published, how, words):
  loaded = weights.load_weights(published)
  content = spoil(loaded.variables, how)
  with pytest.raises(UserError, match=words):
    weights.from_bytes(content, loaded.model)


def test_a_file_that_is_no_safetensors_is_refused():
  model = cnn.SingleConv()
  with pytest.raises(UserError, match='no safetensors'):
    weights.from_bytes(b'\x08' + bytes(20), model)


def test_an_unknown_name_is_answered_with_the_nearest():
  with pytest.raises(UserError, match="did you mean 'robust'"):
    weights.load_weights('robst')


def test_a_missing_file_is_named(tmp_path):
  with pytest.raises(UserError, match='cannot be read'):
    weights.load_weights(tmp_path / 'none.safetensors')


def test_an_unfinished_run_has_no_weights_yet(workdir, tmp_path):
  config = (workdir / 'config.json').read_text()
  (tmp_path / 'config.json').write_text(config)
  with pytest.raises(UserError, match='no finished run'):
    weights.load_weights(tmp_path)
  assert sorted(path.name for path in tmp_path.iterdir()) == ['config.json']


def test_everything_in_the_box_is_whole_small_and_described():
  assert weights.names()[0] == weights.DEFAULT
  for name in weights.names():
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


def test_images_are_read_alike_in_any_number_and_compiled_for_a_few(
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
  assert network._saliency._cache_size() == 1
  assert salient.shape == (9, 28, 28)
  assert salient.min() >= 0
  np.testing.assert_allclose(salient.max(axis=(1, 2)), 1)
