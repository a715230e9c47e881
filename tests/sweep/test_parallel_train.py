"""Trials side by side leave what each would leave alone."""

import json
import time

import jax
import numpy as np
import pytest

from mnist_jax import config as config_lib
from mnist_jax.data import datasets
from mnist_jax.sweep import parallel_steps, parallel_train
from mnist_jax.training import preemption, results
from mnist_jax.training import trainer as trainer_lib

SEEDS = 3
ABOUT = results.About('x', 'y', 0)


def create_trainer(num_devices, **fields):
  config = config_lib.smoke(config_lib.default())
  config.update_from_flattened_dict({'data.valid': 'random'} | fields)
  config.num_devices = num_devices
  config.data.batch_size = 16
  config.model.update(name='fast', dropout=0.5)
  # Adam's first steps are the sign of a gradient, however small: rounding
  # would show as a whole step.
  config.optim.update(name='sgd', lr=0.1)
  config.augment.update(enabled=True, rotate=10.0)
  return trainer_lib.create_trainer(config, datasets.load_dataset(config.data))


def with_seed(trainer, seed, **optim):
  config = trainer.config.copy_and_resolve_references()
  config.seed = seed
  config.optim.update(optim)
  return trainer.with_config(config)


RATES = (0.1, 0.05, 0.2)


@pytest.fixture(scope='module')
def alone():
  """The weights of each seed, alone on one device, after 0 to 2 steps."""
  trainer = create_trainer(1)

  def run(seed, stop):
    own = with_seed(trainer, seed, lr=RATES[seed])
    state, sums = own.create()
    state, _ = own.run_steps(
      state, sums, own.splits['train'], own.epoch_indices(0), 0, stop
    )
    return jax.tree.map(np.asarray, state.params)

  return {(s, n): run(s, n) for s in range(SEEDS) for n in range(3)}


def run_together(trainer, size, stops):
  programs = parallel_steps.make_programs(trainer, size)
  seeds = [min(index, SEEDS - 1) for index in range(size)]
  scalars = {
    name: np.full(size, value, np.float32)
    for name, value in trainer.optimizer.scalars.items()
  } | {'lr': np.array([RATES[seed] for seed in seeds], np.float32)}
  state, sums, _ = programs.create(np.array(seeds, np.int32), scalars)
  batches = np.stack(
    [with_seed(trainer, seed).epoch_batches(0) for seed in seeds]
  )
  state, _ = programs.run_steps(
    state,
    sums,
    trainer.splits['train'],
    jax.device_put(batches, programs.apart),
    0,
    np.array(stops + [0] * (size - SEEDS)),
  )
  return [
    jax.tree.map(np.asarray, programs.take(state.params, index))
    for index in range(SEEDS)
  ]


@pytest.mark.parametrize(
  ('num_devices', 'size'), [(4, 4), (2, 4)], ids=['one each', 'vmap']
)
def test_a_trial_takes_its_own_steps_and_no_more(alone, num_devices, size):
  stops = [2, 1, 0]
  found = run_together(create_trainer(num_devices), size, stops)
  for seed, stop in enumerate(stops):
    for a, b in zip(
      jax.tree.leaves(found[seed]),
      jax.tree.leaves(alone[seed, stop]),
      strict=True,
    ):
      np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-5)


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
  """Three trials in four places: the last of them diverges."""
  path = tmp_path_factory.mktemp('trials')
  fields = {'select': 'best_valid', 'early_stop.patience': 1}
  trainer = create_trainer(2, total_epochs=5.0, **fields)
  group = [
    parallel_train.TrialRun(
      with_seed(trainer, seed, lr=lr),
      path / str(seed),
      results.About('x', 'y', 0, trials=3),
    )
    for seed, lr in enumerate((0.1, 0.3, 1e3))
  ]
  parallel_train.run_group(
    group,
    parallel_steps.make_programs(trainer, 4),
    path / 'together',
    preemption.Preemption(),
  )
  return group


def rows_of(trial):
  lines = (trial.workdir / 'metrics.jsonl').read_text().splitlines()
  return [json.loads(line) for line in lines]


def test_a_trial_that_diverges_fails_and_the_others_finish(finished):
  group = finished
  assert [bool(trial.failed) for trial in group] == [False, False, True]
  assert 'NaN or infinite' in group[2].failed
  assert not (group[2].workdir / 'result.json').exists()


def test_a_trial_reports_its_own_best_epoch_and_stops_by_itself(finished):
  for trial in finished[:2]:
    result = json.loads((trial.workdir / 'result.json').read_text())
    errors = [row['valid/num_errors'] for row in rows_of(trial)]
    assert result['epochs'] == result['best_epoch']
    assert result['valid']['num_errors'] == min(errors)
    worse = len(errors) - int(result['best_epoch'])
    assert worse == 1 or len(errors) == 5
    assert result['train_seconds'] > 0
    assert 0 < result['total_seconds'] < time.monotonic() / 2  # A third of it.


class SignalAtTheEnd(preemption.Preemption):
  """A signal that comes when all steps are taken."""

  def stop_if_requested(self):
    raise preemption.Stopped


def test_a_signal_while_trials_are_evaluated_loses_no_step(tmp_path, capsys):
  trainer = create_trainer(2, total_epochs=1.5)
  programs = parallel_steps.make_programs(trainer, 2)

  def run(signals):
    group = [
      parallel_train.TrialRun(
        with_seed(trainer, seed), tmp_path / str(seed), ABOUT
      )
      for seed in range(2)
    ]
    parallel_train.run_group(group, programs, tmp_path / 'together', signals)

  with pytest.raises(preemption.Stopped):
    run(SignalAtTheEnd())
  run(preemption.Preemption())
  steps = f'{trainer.num_steps:,}'
  assert f'resuming at step {steps} of {steps}' in capsys.readouterr().out
  assert all((tmp_path / f'{seed}/result.json').exists() for seed in range(2))


def test_a_last_step_that_diverges_fails_its_trial_alone(tmp_path):
  # One epoch of one step: only the evaluation after it can tell.
  trainer = create_trainer(2, total_epochs=1 / 68)
  assert trainer.num_steps == 1
  group = [
    parallel_train.TrialRun(
      with_seed(trainer, seed, lr=lr), tmp_path / str(seed), ABOUT
    )
    for seed, lr in enumerate((0.1, 1e38))
  ]
  parallel_train.run_group(
    group,
    parallel_steps.make_programs(trainer, 2),
    tmp_path / 'together',
    preemption.Preemption(),
  )
  assert not group[0].failed
  assert (tmp_path / '0/result.json').exists()
  assert 'NaN or infinite' in group[1].failed
