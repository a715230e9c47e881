"""Ablations: a recipe without each of its ingredients."""

import numpy as np
import pytest
import sweep_samples
from scipy import stats

from configs import basic, improved
from experiments.ablations import variants
from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.sweep import trials

NO_DROPOUT = variants.VARIANTS['no dropout']
NO_ELASTIC = variants.VARIANTS['no elastic distortion']


def make_results(overrides, num_errors, valid_errors=70):
  return [
    sweep_samples.make_result(seed, number, valid_errors, overrides)
    for seed, number in enumerate(num_errors)
  ]


def make_failures(overrides):
  place = {'workdir': 'seed0', 'overrides': overrides}
  return [place | {'seed': 0, 'reason': 'the loss became NaN'}]


def test_every_variant_takes_something_away_from_improved():
  config = improved.get_config()
  made = trials.make_trials(config, 1, list(variants.VARIANTS.values()))
  for trial in made:
    assert config_lib.differences(config, trial.config)


def test_a_variant_that_changes_nothing_of_a_recipe_is_left_out():
  assert variants.that_differ(improved.get_config()) == variants.VARIANTS
  assert 'no dropout' not in variants.that_differ(basic.get_config())


def test_the_loss_without_an_ingredient_is_measured_seed_by_seed():
  # Without dropout: 10 errors more for every seed; all else was not run.
  results = make_results({}, (90, 95, 103))
  results += make_results(NO_DROPOUT, (100, 105, 113))
  found, figure, text = variants.compare(sweep_samples.make_sweep(results))
  (row,) = found['ablations']['test']
  assert (row['name'], row['n']) == ('no dropout', 3)
  assert row['difference_errors'] == 10
  assert row['difference'] == pytest.approx(-0.001)
  assert len(found['summary']['points']) == 2
  assert 'no dropout' in text
  assert figure.get_axes()


def test_no_variant_replaces_a_baseline_that_failed():
  results = make_results(NO_DROPOUT, (100, 105))
  results += make_results(NO_ELASTIC, (90, 95))
  sweep = sweep_samples.make_sweep(results, failed=make_failures({}))
  with pytest.raises(errors.UserError, match=r'no baseline: .*became NaN'):
    variants.compare(sweep)


def test_a_recipe_whose_variants_all_failed_has_nothing_to_compare_with():
  sweep = sweep_samples.make_sweep(
    make_results({}, (90, 95)), failed=make_failures(NO_DROPOUT)
  )
  with pytest.raises(errors.UserError, match=r'nothing to compare.*became NaN'):
    variants.compare(sweep)


def test_failed_seeds_of_a_variant_are_counted():
  results = make_results({}, (90, 95)) + make_results(NO_DROPOUT, (100, 105))
  sweep = sweep_samples.make_sweep(results, failed=make_failures(NO_DROPOUT))
  found, _, _ = variants.compare(sweep)
  assert [row['failed'] for row in found['ablations']['test']] == [1]


def test_validation_counts_too_and_alone_where_the_test_set_was_not_read():
  for num_errors, splits in (((90, 95, 100), 2), ((None, None, None), 1)):
    results = make_results({}, num_errors, valid_errors=40)
    results += make_results(NO_DROPOUT, num_errors, valid_errors=44)
    found, _, text = variants.compare(sweep_samples.make_sweep(results))
    assert len(found['ablations']) == splits
    (row,) = found['ablations']['valid']
    assert row['difference_errors'] == 4
    assert 'validation accuracy against fast' in text
    assert ('test accuracy' in text) == (splits == 2)


def test_a_header_lists_the_errors_of_both_splits():
  results = make_results({}, (90, 95), valid_errors=40)
  results += make_results(NO_DROPOUT, (100, 105), valid_errors=37)
  found, _, _ = variants.compare(sweep_samples.make_sweep(results))
  head, line = variants.as_text(found).splitlines()
  assert head.split() == ['more', 'errors', 'of', 'test', 'validation']
  assert line.split() == ['no', 'dropout', '+10.0', '-3.0']
  assert len(head) == len(line) < 78


def make_validated(*variants_and_errors):
  """Returns a comparison of variants with 40 to 43 validation errors."""
  results = []
  for overrides, added in [({}, (0, 0, 0, 0)), *variants_and_errors]:
    for seed, number in enumerate(added):
      results.append(
        sweep_samples.make_result(seed, 90, 40 + seed + number, overrides)
      )
  return variants.compare(sweep_samples.make_sweep(results))[0]


def test_the_sentence_names_what_differs_and_counts_the_rest():
  found = make_validated(
    (NO_DROPOUT, (1, -1, 2, -2)), (NO_ELASTIC, (9, 10, 11, 10))
  )
  assert variants.as_sentence(found) == (
    'Of 6,087 validation images `fast` misreads 10.0 more with no elastic '
    'distortion; for its 1 other ingredients 4 seeds show no difference.'
  )


def test_the_sentence_says_where_nothing_differs():
  found = make_validated((NO_DROPOUT, (1, -1, 2, -2)))
  assert '4 seeds show no ingredient of `fast`' in variants.as_sentence(found)


def test_the_markdown_has_the_interval_of_each_split_in_errors():
  results = make_results({}, (90, 95, 100, 91))
  results += make_results(NO_DROPOUT, (100, 107, 110, 103))
  found, _, _ = variants.compare(sweep_samples.make_sweep(results))
  line = variants.as_markdown(found).splitlines()[2]
  differences = np.array([10, 12, 10, 12])
  low, high = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
  assert f'**+11.0 ({low:+.1f} to {high:+.1f})**' in line
  assert '| no dropout |' in line and '| +0.0 |' in line
