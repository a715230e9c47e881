"""One step is the same step, however the batch is split."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from mnist_jax import augment, models, optim, steps, train_state
from mnist_jax import config as config_lib

AXIS = 'data'


def bound(axis_name=None, name='improved', **optim_fields):
  config = config_lib.default()
  config.model.update(name=name, dropout=0.5)
  config.augment.update(enabled=True, rotate=10.0, erase_probability=0.5)
  config.optim.update({'name': 'sgd', 'lr': 0.1} | optim_fields)
  return {
    'model': models.create_model(config.model, axis_name),
    'optimizer': optim.create_optimizer(
      config.optim, steps_per_epoch=10, num_steps=100
    ),
    'augment': augment.create_augment(config.augment),
  }


@pytest.fixture(scope='module')
def batch(digits):
  images, labels = digits
  return {'image': jnp.asarray(images[:16]), 'label': jnp.asarray(labels[:16])}


@pytest.fixture(scope='module')
def state():
  made = bound()
  return train_state.create_train_state(
    jax.random.key(0), model=made['model'], optimizer=made['optimizer']
  )


def step_in_parts(how, state, batch, parts=4):
  """Takes the step with the batch split over an axis, in one of four ways."""
  step = functools.partial(steps.train_step, axis_name=AXIS, **bound(AXIS))
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


@pytest.mark.parametrize(
  'how', ['vmap', 'pmap', 'shard_map', 'shard_map checked']
)
def test_a_split_batch_takes_the_same_step_as_the_whole_one(how, state, batch):
  step = jax.jit(functools.partial(steps.train_step, **bound()))
  whole, metrics = step(state, batch)
  parts, summed = step_in_parts(how, state, batch)
  for a, b in zip(
    jax.tree.leaves((whole.params, whole.batch_stats)),
    jax.tree.leaves((parts.params, parts.batch_stats)),
    strict=True,
  ):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-6)
  assert summed.compute()['num_errors'] == metrics.compute()['num_errors']
  assert summed.compute()['count'] == len(batch['label'])


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


def test_evaluation_leaves_out_what_the_mask_does(state, batch):
  made = bound()
  mask = jnp.arange(16) < 10
  _, metrics = steps.eval_step(
    state.variables(), batch | {'mask': mask}, model=made['model']
  )
  assert metrics.compute()['count'] == 10
