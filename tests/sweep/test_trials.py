"""Which runs a sweep is made of."""

import functools
import inspect
import runpy

import optax
import our_recipes
import pytest

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.augment import augment
from mnist_jax.sweep import trials
from mnist_jax.training import optim


def default(**optim):
  config = config_lib.default()
  config.optim.update(optim)
  return config


def test_seeds_go_up_from_the_configs_own():
  config = default()
  config.seed = 5
  made = trials.make_trials(config, 3)
  assert [trial.name for trial in made] == ['seed5', 'seed6', 'seed7']
  assert [trial.config.seed for trial in made] == [5, 6, 7]
  assert config.seed == 5


def test_each_row_comes_with_each_seed():
  rows = [{'optim.lr': 0.1}, {'optim.lr': 0.2}]
  made = trials.make_trials(default(), 2, rows)
  assert [(p.config.optim.lr, p.config.seed) for p in made] == [
    (0.1, 0), (0.1, 1), (0.2, 0), (0.2, 1),
  ]  # fmt: skip
  assert made[-1].name == 'lr0.2-seed1'
  assert made[-1].overrides == {'optim.lr': 0.2}


@pytest.mark.parametrize(
  ('rows', 'words'),
  [
    ([{'optim.speed': 1.0}], 'speed'),
    ([{'extra.speed': 1.0}], 'speed'),
    ([{'optim.lr': 'fast'}], 'lr'),
    ([{'optim.lr': -1.0}], 'out of range'),
    ([{'optim.lr': 0.1}] * 2, 'twice'),
    ([{'data.name': 'mnist'}], 'a sweep for each, with --config.data.name'),
    ([{'data.valid': 'none'}], 'the same images'),
    ([{'data.manual_dir': '/b'}], 'the same images'),
    ([{'evaluate_test': False}], 'the same images'),
    ([{}] * 1001, 'has 1,001 trials, more than 1,000'),
  ],
)
def test_a_row_that_cannot_be_is_named_before_anything_runs(rows, words):
  with pytest.raises(errors.UserError, match=words):
    trials.make_trials(default(), 1, rows)


def test_runs_that_differ_in_seed_and_scalars_share_a_program():
  rows = [{'optim.lr': 0.1, 'optim.weight_decay': 0.0}]
  rows += [{'optim.lr': 0.2, 'optim.weight_decay': 0.1}]
  assert len(trials.group(trials.make_trials(default(), 3, rows))) == 1


@pytest.mark.parametrize(
  'row',
  [
    {'data.batch_size': 64},
    {'optim.label_smoothing': 0.1},
    {'model.dropout': 0.1},
    # Without clipping there is nothing to give a value to.
    {'optim.clip_norm': 1.0},
  ],
)
def test_what_changes_the_program_makes_a_group_of_its_own(row):
  made = trials.make_trials(default(), 2, [{}, row])
  assert [len(group) for group in trials.group(made)] == [2, 2]


@pytest.mark.parametrize('name', sorted(trials.PROGRAM_FIELDS))
def test_a_field_that_an_optimizer_also_takes_is_of_one_program(
  monkeypatch, name
):
  entry = functools.partial(lambda **unused: optax.identity())
  entry.__signature__ = inspect.Signature(
    [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)]
  )
  monkeypatch.setitem(optim.OPTIMIZERS, 'mine', entry)
  rows = [{f'optim.{name}': 0.1}, {f'optim.{name}': 0.2}]
  made = trials.make_trials(default(name='mine'), 2, rows)
  assert [len(group) for group in trials.group(made)] == [2, 2]


def down_to_a_floor(lr, num_steps):
  return lambda step: max(1 - step / num_steps, 1e-5 / lr)


@pytest.mark.parametrize(
  ('registry', 'entry', 'field', 'name'),
  [
    (optim.SCHEDULES, down_to_a_floor, 'optim.schedule', 'optim.lr'),
    (
      augment.AUGMENTATIONS,
      lambda rng, image, rho: image * rho,
      'augment.custom',
      'extra.rho',
    ),
  ],
  ids=['schedule', 'augmentation'],
)
def test_a_scalar_that_another_part_of_a_recipe_takes_too_is_of_one_program(
  monkeypatch, registry, entry, field, name
):
  monkeypatch.setitem(registry, 'mine', entry)
  monkeypatch.setitem(optim.OPTIMIZERS, 'traced', lambda rho: optax.trace(rho))
  config = default(name='traced')
  config.extra.rho = 0.5
  config.augment.enabled = True
  config.update_from_flattened_dict({field: 'mine'})
  made = trials.make_trials(config, 2, [{name: 0.1}, {name: 0.2}])
  assert [len(group) for group in trials.group(made)] == [2, 2]


@pytest.mark.parametrize('name', our_recipes.NAMES)
def test_every_row_of_a_recipes_sweep_fits_its_config(name):
  path = our_recipes.CONFIGS / f'{name}.py'
  recipe, rows = runpy.run_path(str(path)), []
  if 'sweep' not in recipe:
    pytest.skip('has no sweep')
  recipe['sweep'](lambda **row: rows.append(row))
  made = trials.make_trials(recipe['get_config'](), 1, rows)
  assert len(made) == len(rows) > 1
