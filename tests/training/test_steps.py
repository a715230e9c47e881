"""One step is the same step, however the batch is split."""

import collections
import functools
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from mnist_jax import config as config_lib
from mnist_jax.augment import augment
from mnist_jax.data import uci_digits
from mnist_jax.models import cnn
from mnist_jax.training import optim, steps, train_state

AXIS = 'data'
WAYS = ('vmap', 'pmap', 'shard_map', 'shard_map checked')
NUM_DEVICES = 8


def bound(axis_name=None, name='improved', **optim_fields):
  config = config_lib.default()
  config.model.update(name=name, dropout=0.5)
  config.augment.update(enabled=True, rotate=10.0, erase_probability=0.5)
  config.optim.update({'name': 'sgd', 'lr': 0.1} | optim_fields)
  return {
    'model': cnn.create_model(config.model, axis_name),
    'optimizer': optim.create_optimizer(
      config.optim, steps_per_epoch=10, num_steps=100
    ),
    'augment': augment.create_augment(config.augment),
  }


@pytest.fixture(scope='module')
def batch():
  return create_batch()


def create_batch():
  arrays = uci_digits.load()
  return {
    'image': jnp.asarray(arrays.train_images[:16]),
    'label': jnp.asarray(arrays.train_labels[:16], jnp.int32),
  }


@pytest.fixture(scope='module')
def state():
  return create_state()


def create_state():
  made = bound()
  return train_state.create_train_state(
    jax.random.key(0), model=made['model'], optimizer=made['optimizer']
  )


def step_in_parts(how, state, batch, parts=NUM_DEVICES):
  """Takes the step with the batch split over an axis, in one of four ways."""

  def step(state, part):
    made = bound(AXIS)
    state, metrics = steps.train_step(state, part, axis_name=AXIS, **made)
    return state, jax.lax.psum(metrics, AXIS)

  split = jax.tree.map(
    lambda x: x.reshape(parts, len(x) // parts, *x.shape[1:]), batch
  )
  if how == 'vmap':
    mapped = jax.jit(jax.vmap(step, in_axes=(None, 0), axis_name=AXIS))
    return jax.tree.map(lambda x: x[0], mapped(state, split))
  devices = jax.devices()[:parts]
  if how == 'pmap':
    mapped = jax.pmap(step, AXIS, in_axes=(None, 0), devices=devices)
    return jax.tree.map(lambda x: x[0], mapped(state, split))
  mesh = jax.make_mesh(
    (parts,), (AXIS,), axis_types=(jax.sharding.AxisType.Auto,), devices=devices
  )
  mapped = jax.shard_map(
    step,
    mesh=mesh,
    in_specs=(P(), P(AXIS)),
    out_specs=P(),
    check_vma=how == 'shard_map checked',
  )
  return jax.jit(mapped)(state, batch)


def as_float64(leaf):
  return leaf.astype(jnp.float64) if leaf.dtype == jnp.float32 else leaf


def save_all_ways(path):
  """Takes the step whole and in parts; writes what each way comes to."""
  assert len(jax.devices()) == NUM_DEVICES
  state, batch = jax.tree.map(as_float64, create_state()), create_batch()
  mixed = add_non_digits(batch)
  whole = jax.jit(functools.partial(steps.train_step, **bound()))
  ways = {how: step_in_parts(how, state, batch) for how in WAYS}
  ways |= {
    'whole': whole(state, batch),
    'whole, non-digits': whole(state, mixed),
    'vmap, non-digits': step_in_parts('vmap', state, mixed),
  }
  arrays = {}
  for how, (after, metrics) in ways.items():
    tree = after.params, after.batch_stats, metrics.correct, metrics.count
    for place, leaf in jax.tree.leaves_with_path(tree):
      arrays[f'{how} {jax.tree_util.keystr(place)}'] = np.asarray(leaf)
  np.savez(path, **arrays)


@pytest.fixture(scope='module')
def all_ways(tmp_path_factory):
  """What `save_all_ways` writes, by way and place in the tree.

  In a process of its own, which gets its devices and its numbers for all time.
  The numbers are float64: in float32, rounding decides which of two nearly
  equal pixels a pooling window picks, and so where a gradient goes.
  """
  path = tmp_path_factory.mktemp('steps') / 'ways.npz'
  env = os.environ | {'JAX_NUM_CPU_DEVICES': str(NUM_DEVICES)}
  env['JAX_ENABLE_X64'] = '1'
  env['JAX_DISABLE_MOST_OPTIMIZATIONS'] = '1'  # Seven programs, run once each.
  command = [sys.executable, __file__, str(path)]
  subprocess.run(command, env=env, check=True, timeout=600)
  ways = collections.defaultdict(dict)
  with np.load(path) as arrays:
    for name in arrays:
      how, place = name.split(' [')
      ways[how][place] = arrays[name]
  return ways


def assert_same_step(whole, parts, count):
  assert whole.keys() == parts.keys()
  assert whole['3]'] == count
  for place, leaf in whole.items():
    assert leaf.dtype in (np.float64, np.int32)
    np.testing.assert_allclose(leaf, parts[place], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('how', WAYS)
def test_a_batch_split_over_eight_devices_takes_the_step_of_the_whole(
  how, all_ways
):
  assert_same_step(all_ways['whole'], all_ways[how], count=16)


def test_a_step_is_a_function_of_its_state_and_batch(state, batch):
  step = jax.jit(functools.partial(steps.train_step, **bound()))
  first, _ = step(state, batch)
  again, _ = step(state, batch)
  for a, b in zip(
    jax.tree.leaves(first.params), jax.tree.leaves(again.params), strict=True
  ):
    np.testing.assert_array_equal(a, b)


def test_the_next_step_draws_other_numbers(state, batch):
  step = jax.jit(functools.partial(steps.train_step, **bound(lr=1e-9)))
  first, one = step(state, batch)
  _, two = step(first, batch)
  assert one.loss_sum != two.loss_sum


def test_steps_learn_a_batch_by_heart(batch):
  made = bound(name='basic', lr=0.05) | {'augment': None}
  state = train_state.create_train_state(
    jax.random.key(0), model=made['model'], optimizer=made['optimizer']
  )
  step = jax.jit(functools.partial(steps.train_step, **made))
  for _ in range(30):
    state, metrics = step(state, batch)
  assert metrics.compute()['num_errors'] == 0


def test_non_digits_push_logits_towards_equal_probabilities():
  logits = jax.random.normal(jax.random.key(0), (5, 10))
  labels, none = jnp.full(5, -1), jnp.zeros(5, bool)
  slope = jax.grad(steps.smoothed_cross_entropy)(logits, labels, 0.05, none)
  expected = steps.NON_DIGIT_WEIGHT * (jax.nn.softmax(logits) - 0.1) / 5
  np.testing.assert_allclose(slope, expected, atol=1e-7)


def test_digits_among_non_digits_have_the_targets_of_digits():
  logits = jax.random.normal(jax.random.key(0), (6, 10))
  labels = jnp.array([3, 1, 4, -1, -1, -1])
  loss = steps.smoothed_cross_entropy
  digits = loss(logits[:3], labels[:3], 0.05)
  others = loss(logits[3:], labels[3:], 0.05, jnp.zeros(3, bool))
  np.testing.assert_allclose(
    loss(logits, labels, 0.05, labels >= 0), (digits + others) / 2, rtol=1e-6
  )


def add_non_digits(batch):
  is_digit = jnp.arange(16) % 4 > 0
  labels = jnp.where(is_digit, batch['label'], -1)
  return batch | {'label': labels, 'is_digit': is_digit}


def test_the_metrics_of_a_step_are_those_of_the_digits(state, batch):
  made = bound() | {'augment': None}
  _, metrics = steps.train_step(state, add_non_digits(batch), **made)
  assert metrics.compute()['count'] == 12


def test_a_batch_with_non_digits_split_in_parts_takes_the_step_of_the_whole(
  all_ways,
):
  whole, parts = all_ways['whole, non-digits'], all_ways['vmap, non-digits']
  assert_same_step(whole, parts, count=12)


def test_evaluation_leaves_out_what_the_mask_does(state, batch):
  made = bound()
  mask = jnp.arange(16) < 10
  _, metrics = steps.eval_step(
    state.variables(), batch | {'mask': mask}, model=made['model']
  )
  assert metrics.compute()['count'] == 10


if __name__ == '__main__':
  save_all_ways(sys.argv[1])
