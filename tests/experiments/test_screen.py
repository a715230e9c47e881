"""The screen of improved's settings: a design, and what it finds."""

import itertools

import pytest
import sweep_samples

from configs import tiny
from experiments import screen
from mnist_jax import config_rules


def rows_of(recipe):
  rows = []
  recipe.sweep(lambda **overrides: rows.append(overrides))
  return rows


def as_trials(errors_of, recipe=screen):
  return [
    {
      'overrides': row,
      'epochs': 8.0,
      'git_commit': '0123456789',
      'valid': {'num_errors': errors_of(row) + noise, 'count': 6087},
    }
    for row in rows_of(recipe)
    for noise in (-1, 1)
  ]


@pytest.mark.parametrize(('recipe', 'times'), [(screen, 3), (tiny, 2)])
def test_any_two_settings_have_each_combination_of_levels_equally_often(
  recipe, times
):
  rows = rows_of(recipe)
  for pair in itertools.combinations(recipe.SETTINGS.values(), 2):
    for levels in itertools.product(*pair):
      wanted = {k: v for level in levels for k, v in level.items()}
      assert sum(wanted.items() <= row.items() for row in rows) == times


def test_every_row_sets_every_field_and_is_a_config_that_can_run():
  config = screen.get_config()
  fields = {field for row in screen.design() for field in row}
  for row in screen.design():
    assert row.keys() == fields
    copied = config.copy_and_resolve_references()
    copied.update_from_flattened_dict(row)
    config_rules.validate(copied)


def test_the_effects_are_those_that_the_errors_are_made_of():
  def errors_of(row):
    decayed, fading = row['optim.weight_decay'], row['augment.final_strength']
    return 40 - 6 * (decayed == 0.1) - 4 * (fading == 0.3)

  found, error = screen.effects(as_trials(errors_of))
  assert found.pop('weight decay 0.1 instead of 0.01') == pytest.approx(-6)
  assert found.pop('distortions that fade to 0.3') == pytest.approx(-4)
  assert list(found.values()) == pytest.approx([0] * 9)
  # The two seeds of a row have a variance of 2: 2 * sqrt(2 / 24).
  assert error == pytest.approx(0.577, abs=1e-3)


def test_the_effects_of_another_design_are_found_too():
  trials = as_trials(lambda row: 50 - 8 * (row['optim.lr'] == 1e-2), tiny)
  found, error = screen.effects(trials, tiny.SETTINGS)
  assert list(found.values()) == pytest.approx([-8, 0, 0, 0])
  assert error == pytest.approx(2 * (2 / 16) ** 0.5)


def test_the_table_begins_with_the_most_useful_setting():
  trials = as_trials(lambda row: 40 - 3 * (row['model.dropout'] == 0.1))
  table = screen.as_markdown({'seeds': trials})
  assert '| dropout 0.1 instead of 0.3 | -3.0 |' in table.splitlines()[2]
  assert '38.5 errors of 6,087' in table and 'commit 0123456' in table


def test_the_neighbours_are_told_with_their_settings_and_errors():
  rows = [({'optim.lr': 4e-3}, 28), ({'optim.lr': 6e-3}, 31)]
  seeds = [
    sweep_samples.make_result(seed, 40, number, overrides)
    | {'git_commit': '0123456789'}
    for overrides, number in rows
    for seed in (2, 3)
  ]
  text = screen.neighbours({'seeds': seeds})
  assert '28.0 for the choice' in text
  assert '31.0 with optim.lr 0.006' in text
