"""Intervals and tests hold against scipy and by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from mnist_jax.analysis import statistics


@pytest.mark.parametrize('correct, count', [(9_903, 10_000), (1, 3), (17, 20)])
def test_wilson_interval_is_scipys(correct, count):
  expected = stats.binomtest(correct, count).proportion_ci(0.95, 'wilson')
  np.testing.assert_allclose(
    statistics.wilson_interval(correct, count), expected, rtol=1e-12
  )


@pytest.mark.parametrize('count', [1, 7, 497, 10_000])
def test_wilson_interval_stays_between_zero_and_one(count):
  assert statistics.wilson_interval(0, count)[0] == 0
  assert statistics.wilson_interval(count, count)[1] == 1


def test_a_mean_and_its_interval_are_what_a_hand_computes():
  described = statistics.describe([1, 2, 3])
  assert (described['mean'], described['sd']) == (2, 1)
  # With two degrees of freedom Student's quantile has a closed form.
  half = 0.95 * math.sqrt(2 / (1 - 0.95**2)) / math.sqrt(3)
  assert described['ci95'] == pytest.approx([2 - half, 2 + half], rel=1e-9)
  assert (described['min'], described['max']) == (1, 3)


def test_the_interval_covers_the_true_mean_in_95_of_100_sweeps():
  samples = np.random.default_rng(0).normal(90, 6, (1_000, 5))
  ends = np.array([statistics.describe(sample)['ci95'] for sample in samples])
  covered = ((ends[:, 0] < 90) & (ends[:, 1] > 90)).mean()
  assert abs(covered - 0.95) < 0.025  # Over three standard errors.


@pytest.mark.parametrize(
  'counts', [(0, 1), (3, 3), (4, 9), (62, 8), (100, 0), (1_500, 1_400)]
)
def test_mcnemar_is_scipys_binomial_test(counts):
  expected = stats.binomtest(counts[0], sum(counts)).pvalue
  assert statistics.mcnemar(*counts) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_one_against_five_is_what_a_hand_computes():
  assert statistics.mcnemar(1, 5) == pytest.approx(2 * (1 + 6) / 2**6)


def test_mcnemar_finds_nothing_where_no_image_parts_the_runs():
  assert statistics.mcnemar(0, 0) == 1


def test_holm_is_what_a_hand_computes_in_the_order_given():
  adjusted = statistics.holm([0.01, 0.04, 0.03, 0.005])
  assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_leaves_one_test_alone_and_stays_at_most_one():
  assert statistics.holm([0.3]) == [0.3]
  assert statistics.holm([0.6, 0.7]) == [1, 1]
