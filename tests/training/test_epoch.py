"""The epoch's program: the same numbers however it is cut or spread."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mnist_jax import config as config_lib
from mnist_jax.data import datasets
from mnist_jax.models import cnn
from mnist_jax.training import trainer as trainer_lib

pytestmark = pytest.mark.usefixtures('optimized')


def create_trainer(num_devices=1, non_digits=0.0, **model):
  config = config_lib.smoke(config_lib.default())
  config.num_devices = num_devices
  config.data.non_digits = non_digits
  config.model.update({'name': 'basic', 'dropout': 0.5} | model)
  # Adam's first steps are the sign of a gradient, however small: rounding
  # would show as a whole step.
  config.optim.update(name='sgd', lr=0.1)
  config.augment.update(enabled=True, rotate=10.0, erase_probability=0.3)
  return trainer_lib.create_trainer(config, datasets.load_dataset(config.data))


def run(trainer, *stops):
  state, sums = trainer.create()
  indices, start = trainer.epoch_indices(0), 0
  for stop in stops:
    state, sums = trainer.run_steps(
      state, sums, trainer.splits['train'], indices, start, stop
    )
    start = stop
  return state, sums


def assert_equal(a, b, **tolerance):
  for x, y in zip(
    jax.tree.leaves(a.eval_variables()),
    jax.tree.leaves(b.eval_variables()),
    strict=True,
  ):
    np.testing.assert_allclose(x, y, **({'rtol': 0, 'atol': 0} | tolerance))


def test_an_epoch_in_pieces_is_the_epoch_bit_for_bit():
  trainer = create_trainer()
  whole, sums = run(trainer, 12)
  pieces, summed = run(trainer, 1, 5, 12)
  assert_equal(whole, pieces)
  assert sums.compute() == summed.compute()


def test_four_devices_take_the_steps_of_one():
  # Without batch norm; test_steps.py has that, on eight devices.
  one, four = (
    create_trainer(1, name='two_conv'),
    create_trainer(4, name='two_conv'),
  )
  # Rounding alone after one step; later it decides which of two nearly equal
  # pixels a pooling window picks, so that only the loss stays near.
  assert_equal(run(one, 1)[0], run(four, 1)[0], rtol=1e-4, atol=2e-6)
  (_, sums), (_, summed) = run(one, 4), run(four, 4)
  np.testing.assert_allclose(sums.loss_sum, summed.loss_sum, rtol=1e-4)
  assert int(sums.count) == int(summed.count)


def test_on_two_devices_too_the_pieces_add_up_to_the_epoch_bit_for_bit():
  trainer = create_trainer(2, name='fast')
  (whole, sums), (pieces, summed) = run(trainer, 6), run(trainer, 1, 4, 6)
  assert_equal(whole, pieces)
  assert sums.compute() == summed.compute()
  assert int(sums.count) == 6 * 64


def all_reduces(text, *, in_loops):
  """Returns the types of what is summed over devices, in or out of loops."""
  bodies = set(re.findall(r' while\(.*body=(%[\w.-]+)', text))
  found = []
  for computation in re.split(r'\n\n', text):
    name = re.match(r'(?:ENTRY )?(%[\w.-]+)', computation)
    if name and (name[1] in bodies) == in_loops:
      found += re.findall(r' = (.*) all-reduce(?:-start)?\(', computation)
  return [re.sub(r'\{.*?\}', '', types) for types in found]


@pytest.mark.parametrize('name', ['fast', 'improved'])
def test_the_devices_sum_their_metrics_after_the_loop_and_not_in_a_step(name):
  trainer = create_trainer(2, name=name)
  arguments = trainer.splits['train'], trainer.epoch_indices(0), 0, 0
  lowered = trainer.run_steps.lower(*trainer.abstract(), *arguments)
  text = lowered.compile().as_text()
  inside, outside = (all_reduces(text, in_loops=x) for x in (True, False))
  # Metrics are integers, or a single float.
  assert inside and all('f32[' in types for types in inside)
  assert not any('s32' in types or 'f32[]' in types for types in inside)
  # One row of metrics for each of the epoch's steps. Some versions of XLA move
  # other sums out of the loop as well.
  steps = f'[{trainer.steps_per_epoch}]'
  assert any(f's32{steps}' in types for types in outside)


def test_every_example_is_evaluated_once_and_in_order():
  trainer = create_trainer(num_devices=2)
  state, _ = trainer.create()
  for name, split in trainer.splits.items():
    logits, metrics = trainer.evaluate(state.eval_variables(), split)
    assert metrics.compute()['count'] == len(split['label']), name
    images = np.asarray(split['image'])
    expected = trainer.model.apply(
      state.variables(), cnn.as_input(jnp.asarray(images))
    )
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4)


def test_of_the_training_split_only_the_digits_are_counted():
  trainer = create_trainer(num_devices=2, name='two_conv', non_digits=0.1)
  split = trainer.splits['train']
  assert split['image'].shape == (1_210, 28, 28)
  assert int(split['is_digit'].sum()) == 1_100
  assert trainer.steps_per_epoch == 1_210 // 64
  state, sums = run(trainer, trainer.steps_per_epoch)
  indices = trainer.epoch_batches(0)
  assert sums.compute()['count'] == (indices < 1_100).sum() < indices.size
  logits, metrics = trainer.evaluate(state.eval_variables(), split)
  right = logits[:1_100].argmax(1) == np.asarray(split['label'][:1_100])
  assert metrics.compute()['count'] == 1_100
  assert metrics.compute()['num_errors'] == 1_100 - right.sum()


def test_only_the_training_split_gets_non_digits_and_none_by_default():
  trainer = create_trainer()
  assert all(set(s) == {'image', 'label'} for s in trainer.splits.values())
  trainer = create_trainer(non_digits=0.1)
  assert set(trainer.splits['valid']) == {'image', 'label'}
  assert set(trainer.splits['test']) == {'image', 'label'}


def test_trials_of_other_seeds_share_the_non_digits():
  first = create_trainer(non_digits=0.1)
  second = first.with_config(first.config.copy_and_resolve_references())
  assert second.dataset is first.dataset
  np.testing.assert_array_equal(
    create_trainer(non_digits=0.1).dataset.train.images,
    first.dataset.train.images,
  )


def test_pieces_of_touching_digits_are_trained_on_as_what_they_are():
  config = config_lib.load('fast:smoke')
  config.data.update(name='uci_digits', valid='random', pieces=0.1)
  train = trainer_lib.create_trainer(
    config, datasets.load_dataset(config.data)
  ).dataset.train
  labels = train.labels[1_100:]
  assert len(labels) == 110
  assert 0 < (labels == datasets.NON_DIGIT).sum() < 110
