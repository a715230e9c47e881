"""`--grid` gives a sweep its settings."""

import pytest

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.sweep import grid

CONFIG = config_lib.default()


def test_values_have_the_types_of_their_fields_and_are_all_combined():
  grids = [
    'optim.lr=1e-3,1',
    'data.batch_size=32',
    'augment.enabled=true,False',
  ]
  rows = grid.make_rows(grids, CONFIG)
  assert [list(row.values()) for row in rows] == [
    [0.001, 32, True], [0.001, 32, False], [1.0, 32, True], [1.0, 32, False],
  ]  # fmt: skip
  assert list(rows[0]) == ['optim.lr', 'data.batch_size', 'augment.enabled']
  assert type(rows[2]['optim.lr']) is float


def test_each_row_of_the_recipe_comes_with_each_point_of_the_grid():
  own = [{'optim.lr': 0.1}, {'optim.lr': 0.2}]
  rows = grid.make_rows(['model.dropout=0,0.5'], CONFIG, own)
  assert [tuple(row.values()) for row in rows] == [
    (0.1, 0.0), (0.1, 0.5), (0.2, 0.0), (0.2, 0.5),
  ]  # fmt: skip
  assert grid.make_rows([], CONFIG, own) == own


def test_a_field_of_a_recipes_own_can_be_in_a_grid():
  config = config_lib.default()
  config.extra.width = 8
  assert grid.make_rows(['extra.width=4'], config) == [{'extra.width': 4}]


@pytest.mark.parametrize(
  ('grids', 'words'),
  [
    (['optim.lr'], ['optim.lr', 'FIELD=VALUE']),
    (['optim.lr='], ['optim.lr=', 'FIELD=VALUE']),
    (['optim.lr=1,,2'], ['FIELD=VALUE']),
    (['optim.lrr=1'], ["'optim.lrr'", "'optim.lr'"]),
    (['optim.lr=fast'], ['optim.lr', "'fast'", 'float']),
    (['data.batch_size=1.5'], ["'1.5'", 'int']),
    (['optim.nesterov=maybe'], ["'maybe'", 'bool']),
    (['optim.lr=1', 'optim.lr=2'], ['optim.lr twice']),
    (['seed=1,2'], ['--num_seeds']),
    (['model.dropout=0.5'], ['sweep(add)', '--settings']),
  ],
)
def test_a_wrong_grid_is_one_line(grids, words):
  with pytest.raises(errors.UserError) as error:
    grid.make_rows(grids, CONFIG, [{'model.dropout': 0.1}])
  message = str(error.value)
  assert '\n' not in message
  for word in words:
    assert word in message
