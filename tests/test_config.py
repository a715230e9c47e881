"""Recipes and the rules that every config keeps."""

import importlib
import shutil
import subprocess

import ml_collections
import numpy as np
import our_recipes
import pytest

from configs import tiny
from mnist_jax import config as config_lib
from mnist_jax import config_rules, errors
from mnist_jax.models import cnn, summary
from mnist_jax.training import registries

RECIPES = our_recipes.NAMES


def load(name, mode='full'):
  return importlib.import_module(f'configs.{name}').get_config(mode)


@pytest.mark.parametrize('mode', ['full', 'smoke'])
@pytest.mark.parametrize('name', RECIPES)
def test_a_recipe_keeps_every_rule(name, mode):
  config = load(name, mode)
  registries.validate(config)
  names = set(config_lib.flatten(config))
  assert {name for name in names if name[:6] != 'extra.'} == FIELDS.keys()


@pytest.mark.skipif(not shutil.which('git'), reason='needs git')
def test_the_recipes_that_git_tracks_are_those_of_the_list():
  listed = subprocess.run(
    ['git', 'ls-files', '*.py'],
    cwd=our_recipes.CONFIGS,
    capture_output=True,
    text=True,
  )
  if listed.returncode:
    pytest.skip('not a git checkout')
  names = {line.removesuffix('.py') for line in listed.stdout.split()}
  assert names == {'__init__', *our_recipes.NAMES}


FIELDS = config_lib.flatten(config_lib.default())


@pytest.mark.parametrize('name', RECIPES)
def test_a_recipe_names_its_command_and_its_model(name):
  text = (our_recipes.CONFIGS / f'{name}.py').read_text()
  assert f'python -m mnist_jax.main --config=configs/{name}.py' in text


def test_the_mode_all_changes_nothing_but_the_validation_split():
  full, everything = (load('improved', mode) for mode in ('full', 'all'))
  registries.validate(everything)
  assert config_lib.differences(full, everything) == [
    "data.valid: 'writer_disjoint' -> 'none'"
  ]


def test_an_unknown_mode_is_refused():
  with pytest.raises(errors.UserError, match=':smoke'):
    load('basic', 'smok')


@pytest.mark.parametrize('budget', [1_000, 8_000, 10_000, 100_000, 1_000_000])
def test_a_tiny_network_is_the_widest_below_its_budget(budget):
  config = load('tiny', str(budget))
  features = config.extra.features
  width = features[0]
  count = tiny.num_weights(features)
  assert count < budget <= tiny.num_weights(tiny.features(width + 1))
  model = cnn.create_model(config.model, extra=config.extra)
  layers = summary.describe(model)
  assert count == sum(layer.num_params for layer in layers)


@pytest.mark.parametrize(
  'budget', ['', 'k', '999', '2000k', '10kk', '1e4', '-9']
)
def test_a_weight_budget_that_is_none_is_refused(budget):
  with pytest.raises(errors.UserError, match=':10k, :8000'):
    tiny.get_config(budget)


BAD_VALUES = {
  'seed': -1,
  'total_epochs': 0.0,
  'select': 'best',
  'data.batch_size': 0,
  'data.name': 'mnst',
  'data.non_digits': -0.1,
  'data.pieces': 1.1,
  'data.valid': 'writers',
  'augment.rotate': 181.0,
  'augment.custom': 'cutout',
  'augment.erase_probability': 1.5,
  'model.dropout': 1.0,
  'model.initializer': 'kaiming',
  'model.name': 'basik',
  'optim.name': 'adamm',
  'optim.lr': float('nan'),
  'optim.momentum': -0.1,
  'optim.schedule': 'cosin',
  'optim.ema_decay': 1.0,
  'optim.warmup_epochs': 10.0,
  'early_stop.patience': -1,
}


@pytest.mark.parametrize(('name', 'value'), BAD_VALUES.items())
def test_a_value_out_of_range_is_named_with_its_rule(name, value):
  config = config_lib.default()
  config.update_from_flattened_dict({name: value})
  with pytest.raises(errors.UserError) as error:
    registries.validate(config)
  assert name in str(error.value)
  assert '\n' not in str(error.value)


@pytest.mark.parametrize(
  ('name', 'value', 'words'),
  [
    ('optim.clip_norm', None, 'clip_norm None is not of type float'),
    ('data.manual_dir', None, 'manual_dir None is not of type str'),
    ('data.batch_size', 64.0, 'batch_size 64.0 is not of type int'),
    ('seed', True, 'seed True is not of type int'),
    ('augment.enabled', 1, 'enabled 1 is not of type bool'),
    ('data.name', ['mnist'], 'not of type str'),
    ('data.nmae', 'mnist', "did you mean 'data.name'"),
    ('extra', None, 'extra must be a ConfigDict'),
    ('data', 3, "'data' is unknown"),
  ],
)
def test_a_field_of_another_name_or_type_is_one_line(name, value, words):
  *section, field = name.split('.')
  plain = config_lib.default().to_dict()
  (plain[section[0]] if section else plain)[field] = value
  with pytest.raises(errors.UserError, match=words):
    registries.validate(ml_collections.ConfigDict(plain))


@pytest.mark.parametrize('name', ['seed', 'data.framing', 'optim', 'extra'])
def test_a_missing_field_is_named(name):
  *section, field = name.split('.')
  plain = config_lib.default().to_dict()
  del (plain[section[0]] if section else plain)[field]
  with pytest.raises(errors.UserError, match=rf'{name}.*config\.default\(\)'):
    registries.validate(ml_collections.ConfigDict(plain))


def test_an_integer_does_for_a_float_and_extra_is_free():
  plain = config_lib.default().to_dict()
  plain['total_epochs'] = 3
  plain['extra'] = {'width': 3, 'sizes': (1, 2), 'deep': {'er': True}}
  registries.validate(ml_collections.ConfigDict(plain))


def test_a_recipe_that_is_no_python_file_is_one_line(tmp_path):
  path = tmp_path / 'recipe.txt'
  path.write_text('def get_config():\n  return None\n')
  with pytest.raises(errors.UserError, match=r'ends with \.py'):
    config_lib.load(str(path))
  path = path.rename(tmp_path / 'recipe.py')
  with pytest.raises(errors.UserError, match='returns a NoneType'):
    config_lib.load(str(path))


def test_a_recipe_may_define_a_dataclass_with_annotations_as_text(tmp_path):
  path = tmp_path / 'with_text.py'
  path.write_text(
    'from __future__ import annotations\n'
    'import dataclasses\n'
    'from mnist_jax import config as config_lib\n'
    '@dataclasses.dataclass\n'
    'class Size:\n'
    '  width: int = 8\n'
    'def get_config():\n'
    '  config = config_lib.default()\n'
    '  config.extra.width = Size().width\n'
    '  return config\n'
  )
  assert config_lib.load(str(path)).extra.width == 8


@pytest.mark.parametrize(
  ('field', 'value'),
  [
    ('select', 'best_valid'),
    ('optim.schedule', 'plateau'),
    ('early_stop.patience', 3),
  ],
)
def test_what_needs_validation_is_refused_without_it(field, value):
  config = config_lib.default()
  config.update_from_flattened_dict({'data.valid': 'none', field: value})
  with pytest.raises(errors.UserError, match='writer_disjoint'):
    config_rules.validate(config)


def test_every_number_and_choice_has_a_rule():
  ruled = registries.choices().keys() | config_rules.RANGES.keys()
  for name, value in FIELDS.items():
    if not isinstance(value, bool):
      assert name in ruled or name.endswith('_dir')


def test_a_recipe_may_add_fields_to_extra_and_nowhere_else():
  config = config_lib.default()
  config.extra.width = 12
  copy = config.copy_and_resolve_references()
  copy.extra.depth = 3
  assert config_lib.flatten(copy)['extra.width'] == 12
  with pytest.raises(AttributeError):
    copy.model.width = 12


@pytest.mark.parametrize(
  ('name', 'value', 'words'),
  [
    ('rho', float('nan'), 'finite'),
    ('sizes', [1, 2], 'tuple'),
    ('sizes', (8, np.int64(16)), 'int64'),
    ('sizes', (8, (0.5, float('inf'))), 'finite'),
    ('dropout', 0.5, 'model.dropout'),
  ],
)
def test_a_field_of_extra_is_stored_in_json_and_hides_no_other(
  name, value, words
):
  config = config_lib.default()
  config.extra[name] = value
  with pytest.raises(errors.UserError, match=words):
    config_rules.validate(config)


def test_differences_list_each_field_that_differs():
  lines = config_lib.differences(
    {'a': 1, 'b': {'c': 2, 'd': 3}}, {'a': 1, 'b': {'c': 4, 'e': 5}}
  )
  assert lines == [
    'b.c: 2 -> 4',
    "b.d: 3 -> '(absent)'",
    "b.e: '(absent)' -> 5",
  ]
