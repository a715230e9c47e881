"""Optimizers and schedules do what their config says."""

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax
import pytest

from mnist_jax import config as config_lib
from mnist_jax.training import optim, steps, train_state


def create(num_steps=100, steps_per_epoch=10, **fields):
  config = config_lib.default().optim
  config.update(fields)
  return optim.create_optimizer(
    config, steps_per_epoch=steps_per_epoch, num_steps=num_steps
  )


PARAMS = {'kernel': jnp.full((2, 3), 2.0), 'bias': jnp.full((3,), 2.0)}


def updates(optimizer, grads, params=PARAMS, num_steps=1):
  state = optimizer.tx.init(params)
  for _ in range(num_steps):
    updates, state = optimizer.tx.update(grads, state, params)
  return updates


def as_state(optimizer, params=PARAMS):
  return train_state.TrainState(
    step=jnp.int32(0),
    params=params,
    batch_stats={},
    opt_state=optimizer.tx.init(params),
    ema={'params': params, 'batch_stats': {}} if optimizer.ema_decay else {},
    lr_scale=optimizer.plateau.init(params) if optimizer.plateau else (),
    rng=jax.random.key(0),
  )


def test_plain_sgd_moves_against_the_gradient_by_the_rate():
  got = updates(create(name='sgd', lr=0.1), PARAMS)
  np.testing.assert_allclose(got['bias'], -0.2, rtol=1e-6)


def test_whole_numbers_from_a_json_file_count_as_floats():
  fields = config_lib.default().optim.to_dict()
  fields |= {'name': 'sgd', 'lr': 1, 'momentum': 0, 'clip_norm': 2}
  optimizer = optim.create_optimizer(
    ml_collections.ConfigDict(fields), steps_per_epoch=10, num_steps=100
  )
  found = updates(optimizer, jax.tree.map(lambda x: 100 * x, PARAMS))
  squares = [jnp.sum(x**2) for x in jax.tree.leaves(found)]
  np.testing.assert_allclose(sum(squares), 2.0**2, rtol=1e-5)


def test_momentum_and_nesterov_follow_their_formulas():
  ones = jax.tree.map(jnp.ones_like, PARAMS)
  heavy = create(name='sgd', lr=1.0, momentum=0.9)
  np.testing.assert_allclose(
    updates(heavy, ones, num_steps=2)['bias'], -1.9, rtol=1e-6
  )
  nesterov = create(name='sgd', lr=1.0, momentum=0.9, nesterov=True)
  np.testing.assert_allclose(
    updates(nesterov, ones)['bias'], -(0.9 * 1 + 1), rtol=1e-6
  )


@pytest.mark.parametrize('name', ['adam', 'adamw'])
def test_adams_first_step_is_the_rate_whatever_the_gradient(name):
  small = jax.tree.map(lambda x: 1e-3 * x, PARAMS)
  got = updates(create(name=name, lr=0.01), small)
  np.testing.assert_allclose(got['bias'], -0.01, rtol=1e-4)


@pytest.mark.parametrize('name', ['sgd', 'adam', 'adamw'])
def test_weight_decay_spares_biases(name):
  zeros = jax.tree.map(jnp.zeros_like, PARAMS)
  got = updates(create(name=name, lr=0.1, weight_decay=0.5), zeros)
  assert not got['bias'].any()
  assert (got['kernel'] < 0).all()


def test_adamw_decays_apart_from_adams_scaling():
  zeros = jax.tree.map(jnp.zeros_like, PARAMS)
  got = updates(create(name='adamw', lr=0.1, weight_decay=0.5), zeros)
  np.testing.assert_allclose(got['kernel'], -0.1 * 0.5 * 2.0, rtol=1e-6)


def test_clipping_bounds_the_global_norm():
  huge = jax.tree.map(lambda x: 1e3 * x, PARAMS)
  got = updates(create(name='sgd', lr=1.0, clip_norm=0.5), huge)
  np.testing.assert_allclose(optax.tree.norm(got), 0.5, rtol=1e-5)
  same = updates(create(name='sgd', lr=1.0, clip_norm=1e5), huge)
  np.testing.assert_allclose(same['bias'], -huge['bias'])


@pytest.mark.parametrize(
  ('fields', 'rates'),
  [
    ({}, {0: 1.0, 99: 1.0}),
    (
      {'schedule': 'exponential', 'decay_rate': 0.5},
      {0: 1.0, 9: 1.0, 10: 0.5, 25: 0.25},
    ),
    (
      {'schedule': 'cosine', 'warmup_epochs': 2.0, 'final_factor': 0.1},
      {0: 0.0, 10: 0.5, 20: 1.0, 60: 0.55, 100: 0.1},
    ),
    ({'schedule': 'cosine'}, {0: 1.0, 50: 0.5, 100: 0.0}),
    (
      {'schedule': 'one_cycle', 'warmup_epochs': 2.0},
      {0: 0.04, 20: 1.0, 60: 0.5, 100: 0.0},
    ),
  ],
)
def test_a_schedule_passes_through_its_points(fields, rates):
  schedule = create(lr=1.0, **fields).schedule
  for step, rate in rates.items():
    np.testing.assert_allclose(schedule(step), rate, atol=1e-6)


SCHEDULES = tuple(optim.SCHEDULES)


@pytest.mark.parametrize('name', SCHEDULES)
def test_every_schedule_starts_with_the_warm_up_and_then_goes_on(name):
  fields = {'lr': 1.0, 'schedule': name, 'decay_rate': 0.5}
  warm = create(**fields, warmup_epochs=2.0).schedule
  start = 0.04 if name == 'one_cycle' else 0.0
  rising = [warm(step) for step in range(21)]
  np.testing.assert_allclose(rising, np.linspace(start, 1.0, 21), atol=1e-6)
  cold = create(**fields, num_steps=80).schedule
  for step in range(81):
    assert warm(20 + step) == cold(step)


@pytest.mark.parametrize('name', SCHEDULES)
@pytest.mark.parametrize('num_steps', [1, 2, 100])
def test_a_warm_up_ends_before_the_last_step(name, num_steps):
  optimizer = create(
    num_steps, schedule=name, warmup_epochs=num_steps / 10 - 0.01
  )
  assert optimizer.schedule(num_steps - 1) == 1.0


def test_the_plateau_counts_epochs_without_a_lower_validation_loss():
  optimizer = create(
    lr=1.0, schedule='plateau', plateau_patience=2, plateau_factor=0.5
  )
  state, rates = as_state(optimizer), []
  for loss in (1.0, 0.9, 0.95, 0.94, 0.93, 0.5):
    state = optimizer.end_epoch(state, loss)
    rates.append(float(optimizer.lr(state)))
  assert rates == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5]


def test_a_plateau_scales_the_steps_that_follow():
  optimizer = create(name='sgd', lr=1.0, schedule='plateau', plateau_patience=1)
  state = as_state(optimizer)
  for loss in (1.0, 1.0):
    state = optimizer.end_epoch(state, loss)
  moved = steps.apply_gradients(state, PARAMS, {}, optimizer)
  np.testing.assert_allclose(moved.params['bias'], 2.0 - 0.5 * 2.0)


def test_averages_follow_the_weights_with_a_warm_up():
  optimizer = create(name='sgd', lr=1.0, ema_decay=0.99)
  state = as_state(optimizer)
  moved = steps.apply_gradients(state, PARAMS, {}, optimizer)
  # The weights went from 2 to 0, and the first decay is 2 / 11.
  np.testing.assert_allclose(
    moved.ema['params']['bias'], 2.0 * 2 / 11, rtol=1e-6
  )
  assert moved.eval_variables() is moved.ema
  assert as_state(create()).eval_variables()['params'] is PARAMS


def test_label_smoothing_spreads_over_all_classes():
  logits, labels = jnp.zeros((1, 10)).at[0, 3].set(2.0), jnp.array([3])
  log_probabilities = jax.nn.log_softmax(logits)[0]
  by_hand = -(0.9 * log_probabilities[3] + 0.1 * log_probabilities.mean())
  got = steps.smoothed_cross_entropy(logits, labels, 0.1)
  np.testing.assert_allclose(got, by_hand, rtol=1e-6)
