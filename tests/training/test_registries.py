"""What a recipe adds to a registry is used; what is wrong is one line."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.augment import augment
from mnist_jax.data import datasets
from mnist_jax.models import cnn
from mnist_jax.sweep import trials
from mnist_jax.training import (
  metrics,
  optim,
  registries,
  results,
  steps,
  train,
  trainer,
)
from mnist_jax.workdir import json_files

REGISTRIES = {
  'augment.custom': augment.AUGMENTATIONS,
  'data.name': datasets.DATASETS,
  'model.name': cnn.MODELS,
  'optim.name': optim.OPTIMIZERS,
  'optim.schedule': optim.SCHEDULES,
}


def smoke(**fields):
  config = config_lib.smoke(config_lib.default())
  config.update_from_flattened_dict(fields)
  return config


def refused(config):
  with pytest.raises(errors.UserError) as error:
    registries.validate(config)
  message = str(error.value)
  assert '\n' not in message
  return message


@pytest.mark.parametrize('field', REGISTRIES)
def test_one_entry_is_enough_for_a_name_to_be_known(field, monkeypatch):
  config = smoke(**{field: 'mine'})
  assert f"{field} 'mine' is unknown" in refused(config)
  monkeypatch.setitem(REGISTRIES[field], 'mined', None)
  assert "did you mean 'mined'?" in refused(config)
  assert 'mined' in registries.choices()[field]


def test_an_unknown_name_is_refused_before_the_data_are_loaded(
  monkeypatch, tmp_path
):
  monkeypatch.setattr(datasets, 'load_dataset', None)
  about = results.About('mine', 'a command', 0.0)
  for field in REGISTRIES:
    config = smoke(**{field: 'mine'})
    with pytest.raises(errors.UserError, match=f"{field} 'mine'"):
      train.train_and_evaluate(config, tmp_path, about=about)
    with pytest.raises(errors.UserError, match=f"{field} 'mine'"):
      trials.make_trials(config, 1)


def first_update(**fields):
  """Returns the first update of a kernel of 2.0 whose gradient is 3.0."""
  config = smoke(**{f'optim.{name}': value for name, value in fields.items()})
  optimizer = optim.create_optimizer(
    config.optim, config.extra, steps_per_epoch=10, num_steps=100
  )
  params = {'kernel': jnp.full((2, 2), 2.0)}
  state = optimizer.tx.init(params)
  grads = jax.tree.map(lambda x: 1.5 * x, params)
  updates, _ = optimizer.tx.update(grads, state, params)
  return float(updates['kernel'][0, 0])


def halved(*, weight_decay):
  return [optax.add_decayed_weights(weight_decay), optax.scale(-0.5)]


@pytest.mark.parametrize(
  ('entry', 'update'),
  [
    (lambda: optax.scale(-0.5), -0.1 * 0.5 * 3.0),
    (halved, -0.1 * 0.5 * (3.0 + 0.25 * 2.0)),
  ],
)
def test_an_optimizer_of_a_recipe_is_the_one_that_steps(
  entry, update, monkeypatch
):
  monkeypatch.setitem(optim.OPTIMIZERS, 'mine', entry)
  got = first_update(name='mine', lr=0.1, weight_decay=0.25)
  np.testing.assert_allclose(got, update, rtol=1e-6)


def test_lion_steps_by_the_sign_of_the_gradient_and_decays_apart():
  got = first_update(name='lion', lr=0.1, weight_decay=0.25)
  np.testing.assert_allclose(got, -0.1 * (1.0 + 0.25 * 2.0), rtol=1e-6)


def test_floats_of_a_recipes_optimizer_share_a_program_in_a_sweep(monkeypatch):
  def mine(*, beta1, rho, kind='a'):
    return optax.trace(beta1 * rho if kind == 'a' else rho)

  monkeypatch.setitem(optim.OPTIMIZERS, 'mine', mine)
  config = smoke(**{'optim.name': 'mine'})
  config.extra.update(rho=0.5, kind='a')
  scalars = optim.used_scalars(config.optim, config.extra)
  assert scalars == {'lr': 1e-3, 'beta1': 0.9, 'rho': 0.5}
  rows = [{'extra.rho': rho, 'optim.beta1': rho} for rho in (0.1, 0.2)]
  assert len(trials.group(trials.make_trials(config, 2, rows))) == 1
  rows = [{'extra.kind': kind} for kind in 'ab']
  assert len(trials.group(trials.make_trials(config, 2, rows))) == 2


@pytest.mark.parametrize(
  ('entry', 'words'),
  [
    (lambda: None, 'NoneType'),
    (lambda lr: optax.sgd(lr), 'rate of 1.0'),
    (optax.lion, 'config.extra.learning_rate'),
    (lambda rho: optax.scale(rho), 'config.extra.rho'),
  ],
)
def test_a_wrong_optimizer_is_one_line(entry, words, monkeypatch):
  monkeypatch.setitem(optim.OPTIMIZERS, 'mine', entry)
  assert words in refused(smoke(**{'optim.name': 'mine'}))


def test_a_schedule_of_a_recipe_follows_the_warm_up(monkeypatch):
  def root(*, num_steps, power):
    return lambda step: (1 + step / num_steps) ** -power

  monkeypatch.setitem(optim.SCHEDULES, 'root', root)
  config = smoke(**{'optim.schedule': 'root', 'optim.warmup_epochs': 1.0})
  config.extra.power = 0.5
  schedule = optim.create_schedule(
    config.optim, config.extra, steps_per_epoch=10, num_steps=100
  )
  got = [float(schedule(step)) for step in (0, 5, 10, 100)]
  np.testing.assert_allclose(got, [0.0, 0.5, 1.0, 2**-0.5], rtol=1e-6)
  monkeypatch.setitem(optim.SCHEDULES, 'root', lambda: 0.5)
  assert 'function of the step' in refused(config)


def top3(logits, labels):
  """Returns whether the label is among the three largest logits."""
  return (jax.lax.top_k(logits, 3)[1] == labels[:, None]).any(-1)


def test_a_metric_of_a_recipe_is_logged_for_each_split(monkeypatch, tmp_path):
  monkeypatch.setitem(metrics.METRICS, 'top3', top3)
  config = smoke(total_epochs=1.0, **{'model.name': 'fast'})
  about = results.About('mine', 'a command', 0.0)
  result = train.train_and_evaluate(config, tmp_path, about=about)
  with np.load(tmp_path / 'predictions.npz') as arrays:
    hits = top3(arrays['test_logits'], arrays['test_labels'])
  assert result['test']['top3'] == pytest.approx(hits.mean())
  assert result['valid']['accuracy'] <= result['valid']['top3'] <= 1
  (row,) = json_files.read_rows(tmp_path / 'metrics.jsonl', way_out='')
  assert row['valid/top3'] == pytest.approx(result['valid']['top3'])
  assert row['train/accuracy'] <= row['train/top3'] <= 1


@pytest.mark.parametrize(
  ('metric', 'words'),
  [
    (lambda logits, labels: logits, 'an array (64, 10) for a batch of 64'),
    (lambda logits, labels: 0.5, 'an array () for a batch of 64'),
    (lambda logits, labels: [labels], 'gives list'),
  ],
)
def test_a_metric_of_another_shape_is_told_in_images_of_the_users_batch(
  metric, words, monkeypatch
):
  monkeypatch.setitem(metrics.METRICS, 'mine', metric)
  assert words in refused(smoke())  # Whose data.batch_size is 64.


def of_three_classes():
  """Returns a config, and a data set of digits as three classes."""
  config = smoke(**{'model.name': 'simple'})
  dataset = datasets.load_dataset(config.data)
  splits = {
    name: dataclasses.replace(split, labels=split.labels % 3)
    for name in ('train', 'valid', 'test')
    if (split := getattr(dataset, name))
  }
  return config, dataclasses.replace(
    dataset, class_names=tuple('abc'), **splits
  )


def test_a_metric_is_checked_with_as_many_classes_as_the_data_have(
  monkeypatch,
):
  config, dataset = of_three_classes()
  costs = jnp.arange(3.0)  # Of each class.
  monkeypatch.setitem(
    metrics.METRICS, 'mine', lambda logits, labels: (logits * costs).sum(-1)
  )
  registries.validate(config)
  trainer.create_trainer(config, dataset)
  # Two numbers for each image, and only with three classes.
  monkeypatch.setitem(
    metrics.METRICS, 'mine', lambda logits, labels: (logits * costs)[:, 1:]
  )
  registries.validate(config)
  with pytest.raises(errors.UserError, match=r'an array \(64, 2\)'):
    trainer.create_trainer(config, dataset)


def test_a_metric_that_is_not_finite_is_one_line(monkeypatch):
  monkeypatch.setitem(
    metrics.METRICS, 'mine', lambda logits, labels: jnp.log(labels * 0.0)
  )
  sums = metrics.Metrics.from_logits(
    jnp.zeros((5, 10)), jnp.zeros(5, jnp.int32)
  )
  with pytest.raises(errors.UserError, match='inf'):
    sums.compute()


def test_a_metric_takes_no_name_that_is_logged_anyway(monkeypatch):
  monkeypatch.setitem(metrics.METRICS, 'accuracy', top3)
  assert "'accuracy'" in refused(smoke())


def test_without_a_recipes_own_metrics_the_sums_are_those_of_old_checkpoints():
  assert len(jax.tree.leaves_with_path(metrics.Metrics.empty())) == 3
  assert type(metrics.Metrics.empty()) is metrics.Metrics


# The path of each array in a checkpoint of version 0.1, but for the weights.
ADAMW = (
  '.count',
  ".hyperparams['beta1']",
  ".hyperparams['beta2']",
  ".hyperparams['clip_norm']",
  ".hyperparams['lr']",
  ".hyperparams['weight_decay']",
  '.inner_state[1].count',
  ".inner_state[1].mu['kernel']",
  ".inner_state[1].nu['kernel']",
  '.inner_state[4].count',
)
SGD = (
  '.count',
  ".hyperparams['lr']",
  ".hyperparams['momentum']",
  ".hyperparams['weight_decay']",
  ".inner_state[1][0].trace['kernel']",
  '.inner_state[2].count',
)


@pytest.mark.parametrize(
  ('fields', 'paths'),
  [
    ({'name': 'adamw', 'clip_norm': 1.0}, ADAMW),
    ({'name': 'sgd', 'momentum': 0.5}, SGD),
  ],
)
def test_the_state_of_an_optimizer_is_that_of_old_checkpoints(fields, paths):
  config = smoke(**{f'optim.{name}': value for name, value in fields.items()})
  optimizer = optim.create_optimizer(
    config.optim, steps_per_epoch=10, num_steps=100
  )
  state = optimizer.tx.init({'kernel': jnp.ones((2, 2))})
  found = [jax.tree_util.keystr(p) for p, _ in jax.tree.leaves_with_path(state)]
  assert tuple(found) == paths


def test_a_schedule_may_need_more_steps_than_a_short_run_has(monkeypatch):
  def hold(num_steps, hold):
    decay = optax.cosine_decay_schedule(1.0, num_steps - hold)
    return lambda step: decay(step - hold)

  monkeypatch.setitem(optim.SCHEDULES, 'hold', hold)
  config = smoke(**{'optim.schedule': 'hold'})
  config.extra.hold = 200
  registries.validate(config)
  create = functools.partial(
    optim.create_schedule, config.optim, config.extra, steps_per_epoch=100
  )
  assert float(create(num_steps=1_000)(200)) == 1.0
  with pytest.raises(ValueError, match='positive'):
    create(num_steps=100)


@pytest.mark.parametrize(
  ('field', 'entry', 'words'),
  [
    ('optim.name', optax.adam(1.0), 'must be a function'),
    ('model.name', 3, 'must be a function'),
    ('optim.name', lambda clip_norm: optax.sgd(1.0), 'takes clip_norm'),
  ],
)
def test_an_entry_that_is_no_function_or_takes_what_is_done_is_one_line(
  field, entry, words, monkeypatch
):
  monkeypatch.setitem(REGISTRIES[field], 'mine', entry)
  assert words in refused(smoke(**{field: 'mine'}))


def test_what_functools_partial_has_set_stays_as_it_is(monkeypatch):
  entry = functools.partial(optax.sgd, 1.0, momentum=0.9)
  monkeypatch.setitem(optim.OPTIMIZERS, 'heavy', entry)
  config = smoke(**{'optim.name': 'heavy', 'optim.lr': 1.0})
  optimizer = optim.create_optimizer(
    config.optim, steps_per_epoch=10, num_steps=100
  )
  params = {'w': jnp.ones(2)}
  state = optimizer.tx.init(params)
  _, state = optimizer.tx.update(params, state, params)
  updates, _ = optimizer.tx.update(params, state, params)
  np.testing.assert_allclose(updates['w'], -1.9, rtol=1e-6)


def test_logits_of_16_bits_are_evaluated_in_32(monkeypatch):
  class Short(nn.Module):
    @nn.compact
    def __call__(self, images, *, train):
      return nn.Dense(10, dtype=jnp.bfloat16)(images.reshape(len(images), -1))

  images = np.zeros((2, 28, 28), np.uint8)
  variables = Short().init(
    jax.random.key(0), cnn.as_input(jnp.asarray(images)), train=False
  )
  batch = {'image': images, 'label': np.array([0, 1]), 'mask': np.ones(2, bool)}
  logits, sums = steps.eval_step(variables, batch, model=Short())
  assert logits.dtype == jnp.float32
  assert np.isfinite(sums.compute()['loss'])


def test_a_rate_that_is_not_finite_names_the_schedule(monkeypatch, tmp_path):
  monkeypatch.setitem(
    optim.SCHEDULES,
    'ends',
    lambda num_steps: lambda step: 1 / (num_steps - step),
  )
  config = smoke(
    **{'optim.schedule': 'ends', 'total_epochs': 0.2, 'model.name': 'fast'}
  )
  about = results.About('ends', 'python -m x', 0.0)
  with pytest.raises(errors.UserError, match="schedule 'ends' gives inf"):
    train.train_and_evaluate(config, tmp_path, about=about)


def test_drawings_of_digits_need_every_digit_with_ink():
  images = np.full((10, 28, 28), 255, np.uint8)
  rows = np.arange(10, dtype=np.int32)
  trainer._check_digits(datasets.Split(images, rows, rows))
  with pytest.raises(errors.UserError, match='no digit 9'):
    trainer._check_digits(datasets.Split(images[:9], rows[:9], rows[:9]))
  images[3] = 40
  with pytest.raises(errors.UserError, match='image 3 has no bright ink'):
    trainer._check_digits(datasets.Split(images, rows, rows))
