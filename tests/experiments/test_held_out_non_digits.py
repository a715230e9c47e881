"""The measure of non-digits: rates, AUROC, threshold, and what is held out."""

import numpy as np
import pytest

from experiments.non_digits import held_out, measure
from mnist_jax.data import non_digits, shapes


def test_the_threshold_is_the_lowest_that_keeps_both_bounds():
  digits = np.linspace(0.7, 1.0, 1000)
  others = np.linspace(0.0, 0.75, 1000)
  threshold = measure.choose_threshold(np.append(digits, [1.0] * 9000), others)
  assert threshold == 0.72
  assert (others >= threshold).mean() < 0.05 <= (others >= 0.71).mean()


def test_there_is_no_threshold_where_digits_are_as_unsure_as_the_others():
  confidence = np.linspace(0.1, 1.0, 1000)
  assert measure.choose_threshold(confidence, confidence) is None
  assert measure.choose_threshold(confidence, np.ones(9)) is None


def test_rates_and_auroc_of_kinds_told_apart_perfectly_and_not_at_all():
  digits = np.array([0.6, 0.8, 0.9, 1.0])
  rows = measure.measure(digits, {'dots': digits / 4, 'letters': digits})
  assert [row.name for row in rows] == [
    *('digits', 'dots', 'letters', 'all non-digits')
  ]
  assert [row.auroc for row in rows] == [None, 1.0, 0.5, 0.75]
  assert rows[0].sure[0] == 1.0
  assert rows[2].sure[measure.THRESHOLDS.index(0.8)] == 0.75
  assert set(rows[1].sure) == {0.0}
  assert '75.0' in measure.to_text(rows)


def test_held_out_kinds_and_fonts_are_none_of_training():
  assert not held_out.KINDS.keys() & non_digits.KINDS.keys()
  assert not set(held_out.FONTS) & set(shapes.FONTS)
  assert not set(held_out.SYMBOLS) & set(shapes.LETTERS)


@pytest.mark.parametrize('kind', held_out.KINDS)
def test_a_held_out_kind_is_drawn(digits, kind):
  kinds = [held_out.KINDS[kind]]
  images = non_digits.draw(5, *digits, seed=0, kinds=kinds)
  assert len(np.unique(images, axis=0)) == 5
