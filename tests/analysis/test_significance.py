"""Means, tests and power over seeds hold against scipy and by hand."""

import json
import math

import numpy as np
import pytest
import sweep_samples
from scipy import stats

from mnist_jax import errors
from mnist_jax.analysis.sweep import power, significance
from mnist_jax.analysis.sweep import summary as summary_lib


def summarize(*args, **kwargs):
  return summary_lib.summarize(
    sweep_samples.make_seeds(*args, **kwargs)['seeds']
  )


@pytest.mark.parametrize('n', [2, 10, 30])
def test_the_interval_is_scipys(n):
  accuracies = 1 - sweep_samples.draw_errors(n) / 10_000
  expected = stats.ttest_1samp(accuracies, 0).confidence_interval(0.95)
  found = summarize(sweep_samples.draw_errors(n))['test_accuracy']
  assert found['ci95'] == pytest.approx(list(expected), abs=1e-12)
  assert found['sd'] == pytest.approx(np.std(accuracies, ddof=1))


def test_a_single_seed_has_no_spread_and_no_interval():
  summary = summarize([95])
  for key in ('test_accuracy', 'test_errors', 'test_loss', 'train_accuracy'):
    assert summary[key]['sd'] is summary[key]['ci95'] is None
  assert summary['n'] == 1 and summary['test_accuracy']['mean'] == 0.9905


def test_equal_seeds_have_no_spread_at_all():
  accuracy = summarize([103] * 7)['test_accuracy']
  assert accuracy['sd'] == 0
  assert accuracy['ci95'] == [accuracy['mean']] * 2


def test_a_summary_is_json_and_has_each_number_of_the_contract():
  summary = json.loads(json.dumps(summarize([90, 100])))
  assert summary['test_errors']['mean'] == 95
  assert summary['test_errors']['max'] == 100
  assert summary['train_seconds'] == {'mean': 1.5, 'total': 3.0}
  assert summary['valid_accuracy']['mean'] == (6_087 - 70) / 6_087
  low, high = summary['images_ci95']
  assert low < 0.9905 < high and high - low == pytest.approx(0.0038, abs=1e-4)


def test_without_validation_its_accuracy_is_null():
  assert summarize([90, 100], valid_errors=None)['valid_accuracy'] is None


def test_a_sweep_without_a_finished_seed_has_a_summary_too():
  summary = summary_lib.summarize([])
  assert summary['n'] == 0 and summary['test_accuracy'] is None
  assert summary_lib.list_settings([]) == []


def make_settings(valid_errors, test_errors):
  return [
    sweep_samples.make_result(seed, test, valid, {'optim.lr': lr})
    for lr, (valid, test) in enumerate(
      zip(valid_errors, test_errors, strict=True)
    )
    for seed in (0, 1)
  ]


def test_the_best_settings_are_those_of_validation_and_never_of_test():
  summary = summary_lib.summarize(make_settings([80, 70, 90], [10, 500, 900]))
  assert summary['best_by_validation'] == {'optim.lr': 1}
  assert [p['overrides']['optim.lr'] for p in summary['points']] == [0, 1, 2]
  assert [point['n'] for point in summary['points']] == [2, 2, 2]
  swapped = summary_lib.summarize(make_settings([80, 70, 90], [900, 500, 10]))
  assert swapped['best_by_validation'] == {'optim.lr': 1}


def test_nothing_is_chosen_where_some_settings_have_no_validation():
  summary = summary_lib.summarize(make_settings([80, None], [10, 500]))
  assert summary['best_by_validation'] is None


PAIRED = [90, 95, 101, 88], [80, 96, 90, 79]


def compare(a, b, first=0):
  return significance.compare(
    sweep_samples.make_seeds(a), sweep_samples.make_seeds(b, first=first)
  )


def test_the_same_seeds_are_paired_as_by_scipy():
  compared = compare(*PAIRED)
  accuracies = [1 - np.array(x) / 10_000 for x in PAIRED]
  expected = stats.ttest_rel(*accuracies[::-1])
  assert compared['test'] == 'paired t test'
  assert compared['p'] == pytest.approx(expected.pvalue, rel=1e-9)
  interval = list(expected.confidence_interval(0.95))
  assert compared['ci95'] == pytest.approx(interval, abs=1e-12)


def test_other_seeds_go_by_welch_as_by_scipy():
  for a, b, first in ((*PAIRED, 4), (PAIRED[0], PAIRED[1][:2], 0)):
    compared = compare(a, b, first)
    accuracies = [1 - np.array(x) / 10_000 for x in (b, a)]
    expected = stats.ttest_ind(*accuracies, equal_var=False)
    assert compared['test'] == "Welch's t test"
    assert compared['p'] == pytest.approx(expected.pvalue, rel=1e-9)
    interval = list(expected.confidence_interval(0.95))
    assert compared['ci95'] == pytest.approx(interval, abs=1e-12)


def test_pairs_are_matched_by_seed_and_not_by_place():
  a, b = map(sweep_samples.make_seeds, PAIRED)
  turned = b | {'seeds': b['seeds'][::-1]}
  assert significance.compare(a, b)['p'] == significance.compare(a, turned)['p']


def test_swapped_sweeps_swap_the_sign_and_nothing_else():
  there, back = compare(*PAIRED), compare(*PAIRED[::-1])
  assert there['difference'] == -back['difference'] > 0
  assert there['ci95'] == pytest.approx([-end for end in back['ci95']][::-1])
  for key in ('p', 'smallest_difference', 'seeds_needed'):
    assert there[key] == pytest.approx(back[key])


def test_a_shift_of_both_sweeps_changes_no_test():
  shifted = compare(*(np.add(x, 37) for x in PAIRED))
  for key in ('p', 'difference', 'smallest_difference', 'seeds_needed'):
    assert shifted[key] == pytest.approx(compare(*PAIRED)[key])


def test_twice_the_scale_doubles_differences_and_keeps_p():
  once, twice = compare(*PAIRED), compare(*(np.multiply(x, 2) for x in PAIRED))
  assert twice['p'] == pytest.approx(once['p'])
  assert twice['seeds_needed'] == once['seeds_needed']
  for key in ('difference', 'smallest_difference'):
    assert twice[key] == pytest.approx(2 * once[key])


def test_a_verdict_names_the_better_sweep_or_none():
  few, many = [90, 92, 95, 91], [190, 195, 189, 201]
  assert compare(many, few)['verdict'] == 'B is better, shown at 5%'
  assert compare(few, many)['verdict'] == 'A is better, shown at 5%'
  nothing = compare([90, 100, 95], [101, 91, 94])
  assert nothing['verdict'] == 'no difference shown at 5%'
  assert nothing['p'] > 0.05


def test_where_nothing_varies_no_chance_is_judged():
  for a, b, words in (
    ([90, 91], [90, 91], 'all seeds agree'),
    ([90, 91], [85, 86], 'all seeds differ by the same number'),
    ([90], [20], 'nothing can be shown with a single seed'),
    ([90, 91], [20], 'nothing can be shown with a single seed'),
  ):
    compared = compare(a, b)
    assert words in compared['verdict']
    assert compared['p'] is compared['ci95'] is None
    assert compared['smallest_difference'] is None
    assert str(compared['difference']) != '-0.0'


def test_sweeps_on_other_images_or_of_many_settings_are_refused():
  a = sweep_samples.make_seeds([90, 91])
  smaller = sweep_samples.make_seeds([9, 8], count=797)
  several = sweep_samples.make_sweep(make_settings([80, 70], [9, 9]))
  other = sweep_samples.make_seeds([90])
  other['seeds'][0]['dataset'] = 'uci_digits'
  for b, words in (
    (smaller, 'one has 10000 and the other 797 test images'),
    (other, 'one has mnist and the other uci_digits'),
    (several, 'B has finished trials of 2 settings'),
    (sweep_samples.make_sweep([]), 'B has finished trials of 0 settings'),
  ):
    with pytest.raises(errors.UserError, match=words):
      significance.compare(a, b)


def test_validation_images_of_two_splits_are_not_the_same():
  a, b = (sweep_samples.make_choosing([70, 71]) for _ in range(2))
  assert significance.compare(a, b, split='valid')['count'] == 6_087
  b['config']['data']['valid'] = 'random'
  with pytest.raises(errors.UserError, match='the other random as data'):
    significance.compare(a, b, split='valid')


def test_power_without_a_difference_is_the_level_of_the_test():
  for df in (1, 4.5, 100):
    assert power.compute_power(0, df) == 0.05
    assert power.compute_power(1e-9, df) == pytest.approx(0.05, abs=1e-9)


def test_the_seeds_needed_are_those_of_cohens_tables():
  # For a difference of half a standard deviation: 34 pairs, 64 per group.
  assert power.count_seeds(0.5, 1, 1) == 34
  assert power.count_seeds(0.5, 2, 2) == 64
  assert power.count_seeds(0.8, 2, 2) == 26


def test_no_number_of_seeds_shows_nothing():
  assert power.count_seeds(0, 1, 1) is None
  assert power.count_seeds(1e-6, 1, 1) is None
  assert power.count_seeds(1e9, 1, 1) == 2


def test_one_seed_fewer_than_needed_is_not_enough():
  for difference in (0.2, 0.7, 3):
    n = power.count_seeds(difference, 1, 1)
    powers = [
      power.compute_power(difference * math.sqrt(m), m - 1) for m in (n, n - 1)
    ]
    assert powers[0] >= 0.8 > powers[1]


@pytest.mark.parametrize('n', [2, 3, 10])
def test_the_smallest_difference_is_shown_in_four_of_five_sweeps(n):
  difference = power.find_smallest_difference(1 / math.sqrt(n), n - 1)
  samples = np.random.default_rng(n).normal(difference, 1, (n, 20_000))
  shown = (stats.ttest_1samp(samples, 0).pvalue < 0.05).mean()
  assert abs(shown - 0.8) < 0.01  # Over three standard errors.


def test_welchs_smallest_difference_is_shown_in_four_of_five_sweeps():
  rng = np.random.default_rng(0)
  errors_of_a, errors_of_b = ([86, 92, 89, 95], [80, 99, 91, 108, 93, 85])
  smallest = compare(errors_of_a, errors_of_b)['smallest_difference'] * 10_000
  sds = [np.std(x, ddof=1) for x in (errors_of_a, errors_of_b)]
  a = rng.normal(0, sds[0], (4, 20_000))
  b = rng.normal(smallest, sds[1], (6, 20_000))
  shown = (stats.ttest_ind(a, b, equal_var=False).pvalue < 0.05).mean()
  assert abs(shown - 0.8) < 0.02  # Satterthwaite's df are an approximation.


def test_ablations_adjust_p_by_holm_and_keep_the_order_given():
  baseline = sweep_samples.make_seeds([90, 95, 101, 88])
  variants = {
    'same': [91, 94, 102, 87],
    'worse': [120, 124, 133, 118],
    'single': [80],
    'a bit': [95, 99, 104, 91],
  }
  rows = significance.ablate(
    baseline,
    [(name, sweep_samples.make_seeds(e)) for name, e in variants.items()],
  )
  assert [row['name'] for row in rows] == list(variants)
  same, worse, single, bit = rows
  assert worse['p'] < bit['p'] < 0.05 < same['p']
  assert worse['p_adjusted'] == pytest.approx(3 * worse['p'])
  assert bit['p_adjusted'] == pytest.approx(2 * bit['p'])
  assert single['p'] is single['p_adjusted'] is None and not single['differ']
  assert [row['differ'] for row in rows] == [False, True, False, True]
  assert worse['difference'] == pytest.approx(-0.003025)
  assert worse['difference_errors'] == 30.25
