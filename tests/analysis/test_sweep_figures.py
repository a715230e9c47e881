"""Figures of sweeps say what they should, and every word can be read."""

import io
import itertools

import numpy as np
import pytest
import sweep_samples
from matplotlib import text
from PIL import Image

from mnist_jax.analysis import figure_style
from mnist_jax.analysis.sweep import (
  curve_figures,
  hyperparameter_figures,
  seed_figures,
  significance,
  summary,
)

CAPTION = 'MNIST · fast · 10 seeds'
HOSTILE = 'a$1$ recipe with a name far too long to be drawn in full'


def make_rows(num_rows, n):
  return [
    (
      HOSTILE if i % 2 else f'row {i}',
      sweep_samples.make_seeds(sweep_samples.draw_errors(n, rng=i))['seeds'],
    )
    for i in range(num_rows)
  ]


def distribution(num_rows=1, n=10, split='test'):
  return seed_figures.distribution(make_rows(num_rows, n), split, CAPTION)


def ablations(num_variants=4, n=10):
  baseline = sweep_samples.make_seeds(sweep_samples.draw_errors(n, rng=99))
  variants = [
    (name, sweep_samples.make_sweep(results))
    for name, results in make_rows(num_variants, n)
  ]
  return seed_figures.ablations(baseline, variants, CAPTION)


def curves(num_seeds=5, epochs=range(1, 11), stopped=0, valid=True):
  epochs = list(epochs)
  seeded = [
    sweep_samples.make_rows(
      epochs[: -stopped or None] if i == 0 else epochs, valid, 1 + i / 10
    )
    for i in range(num_seeds)
  ]
  return curve_figures.curves(seeded, CAPTION)


def make_settings(grid, n=3, valid=True):
  """Make settings over a grid of hyperparameters."""
  names, rng = list(grid), np.random.default_rng(0)
  results = [
    sweep_samples.make_result(
      seed,
      int(rng.normal(95, 6)),
      int(rng.normal(70, 6)) if valid else None,
      zip(names, values, strict=True),
    )
    for values in itertools.product(*grid.values())
    for seed in range(n)
  ]
  return summary.list_settings(results)


LRS = [0.001, 0.003, 0.01, 0.03, 0.1]


def hyperparameters(grid, **kwargs):
  return hyperparameter_figures.draw(make_settings(grid, **kwargs), CAPTION)


DRAWN = {
  'one seed': lambda: distribution(n=1),
  'two seeds': lambda: distribution(n=2),
  'thirty seeds': lambda: distribution(n=30, split='valid'),
  'three sweeps': lambda: distribution(3),
  'too many sweeps': lambda: distribution(45, 2),
  'a thousand seeds': lambda: distribution(1, 1_000),
  'one variant': lambda: ablations(1),
  'nine variants': lambda: ablations(9),
  'variants of one seed': lambda: ablations(3, 1),
  'curves': curves,
  'curves of one seed': lambda: curves(1),
  'one point per curve': lambda: curves(5, [0.42]),
  'one point without validation': lambda: curves(5, [0.42], valid=False),
  'two points per curve': lambda: curves(2, [0.5, 1]),
  'early stopping': lambda: curves(5, range(1, 41), stopped=9),
  'no row': lambda: curve_figures.curves([[]], CAPTION),
  'line': lambda: hyperparameters({'optim.lr': LRS}),
  'line of one seed': lambda: hyperparameters({'optim.lr': LRS}, n=1),
  'close values': lambda: hyperparameters({'x': [1, 1.01, 1.02, 5, *range(9)]}),
  'words': lambda: hyperparameters({'optim.schedule': ['cosine', 'a$1$']}),
  'many words': lambda: hyperparameters({'x': [f'word-{i}' for i in range(7)]}),
  'two values': lambda: hyperparameters({'augment.enabled': [True, False]}),
  'grid': lambda: hyperparameters({'optim.lr': LRS, 'b$1$': [0.9, 0.95]}),
  'long names': lambda: hyperparameters(
    {'optim.a_long_name_of_a_field': [1, 2], 'augment.' + 90 * 'x': ['a', 'b']}
  ),
  'a line of long names': lambda: hyperparameters(
    {'augment.' + 90 * 'x': [99 * 'a', 99 * 'b']}
  ),
  'large grid': lambda: hyperparameters({'a': range(13), 'b': range(30)}, n=1),
  'tall grid': lambda: hyperparameters({'a': [0, 1], 'b': range(12)}, n=1),
  'no validation': lambda: hyperparameters({'optim.lr': LRS}, valid=False),
}


@pytest.mark.parametrize('case', DRAWN)
def test_no_word_overlaps_another_or_leaves_the_page(case, drawn):
  fig = DRAWN[case]()
  png = figure_style.to_png(fig)
  assert Image.open(io.BytesIO(png)).width == 1050
  boxes = [word.get_window_extent() for word in drawn]
  assert CAPTION in [word.get_text() for word in drawn] and len(boxes) >= 4
  for box, word in zip(boxes, drawn, strict=True):
    assert fig.bbox.containsx(box.x0) and fig.bbox.containsx(box.x1), word
    assert fig.bbox.containsy(box.y0) and fig.bbox.containsy(box.y1), word
  for (a, x), (b, y) in itertools.combinations(
    zip(boxes, drawn, strict=True), 2
  ):
    assert not a.overlaps(b), f'{x} and {y}'


def words_of(fig, drawn):
  figure_style.to_png(fig)
  return [word.get_text() for word in drawn]


def test_each_seed_is_a_dot_and_no_two_hide_each_other():
  fig = distribution(n=30)
  dots = next(line for line in fig.axes[0].lines if line.get_marker() == 'o')
  places = fig.axes[0].transData.transform(dots.get_xydata())
  assert len({tuple(place) for place in places.round(1).tolist()}) == 30


def test_a_mean_is_written_with_its_spread_and_a_single_seed_without(drawn):
  rows = [
    ('many', sweep_samples.make_seeds([90, 100, 110])['seeds']),
    ('one', sweep_samples.make_seeds([123])['seeds']),
  ]
  found = words_of(seed_figures.distribution(rows, 'test', CAPTION), drawn)
  assert '99.00 ± 0.10%' in found and '98.77%' in found


def test_variants_stand_from_best_to_worst_and_say_what_is_shown():
  baseline = sweep_samples.make_seeds([90, 95, 101, 88])
  variants = [
    ('same', sweep_samples.make_seeds([91, 94, 102, 87])),
    ('worse', sweep_samples.make_seeds([120, 124, 133, 118])),
    ('better', sweep_samples.make_seeds([60, 66, 72, 57])),
  ]
  fig = seed_figures.ablations(baseline, variants, CAPTION)
  height = {t.get_text(): -t.get_position()[1] for t in fig.axes[0].texts}
  assert height['better'] > height['same'] > height['worse']
  assert '2 differences shown' in fig.texts[0].get_text()
  filled = [
    line.get_markerfacecolor() != 'white'
    for line in fig.axes[0].lines
    if line.get_marker() == 'D'
  ]
  assert filled == [True, False, True]
  rows = significance.ablate(baseline, variants)
  assert [row['differ'] for row in rows] == [False, True, True]


def test_a_band_is_of_the_seeds_that_are_still_there():
  seeded = [
    [{'epoch': 1.0, 'x': 1.0}, {'epoch': 2.0, 'x': 5.0}],
    [{'epoch': 1.0, 'x': 3.0}, {'epoch': 2.0, 'x': float('nan')}],
  ]
  band = curve_figures.find_band(seeded, 'x')
  assert band.mean.tolist() == [2, 5]
  assert (band.low.tolist(), band.high.tolist()) == ([1, 5], [3, 5])
  assert band.count.tolist() == [2, 1]
  assert curve_figures.count_full(band) == 1
  assert curve_figures.find_band(seeded, 'y') is None


def test_curves_pale_where_a_seed_has_stopped_and_say_so(drawn):
  fig = curves(5, range(1, 11), stopped=3)
  alphas = {line.get_alpha() for line in fig.axes[0].lines}
  assert alphas == {1, 0.4}
  assert any('pale after epoch 7' in word for word in words_of(fig, drawn))


def test_curves_that_end_together_do_not_pale(drawn):
  fig = curves(5)
  assert {line.get_alpha() for line in fig.axes[0].lines} == {1}
  assert not any('pale' in word for word in words_of(fig, drawn))


def test_a_decade_of_values_stands_on_a_log_scale_and_less_does_not():
  decade = hyperparameters({'optim.lr': [0.01, 0.03, 0.1]})
  assert decade.axes[0].get_xscale() == 'log'
  for values in ([0.01, 0.03, 0.09], [0, 1, 100], ['a', 'b']):
    fig = hyperparameters({'optim.lr': values})
    assert fig.axes[0].get_xscale() == 'linear'


def test_test_accuracy_is_no_height_of_a_hyperparameters_figure():
  points = make_settings({'optim.lr': LRS})
  fig = hyperparameter_figures.draw(points, CAPTION)
  heights = np.concatenate([line.get_ydata() for line in fig.axes[0].lines])
  means = [point['valid_accuracy']['mean'] for point in points]
  assert set(means) <= set(heights.tolist())
  tests = {point['test_accuracy']['mean'] for point in points}
  assert not tests & set(heights.tolist())
  assert sum('its test accuracy' in t.get_text() for t in fig.texts) == 1


def test_each_cell_of_a_heat_map_holds_its_number_and_a_gap_a_dash(drawn):
  points = make_settings({'a': [1, 2], 'b': [10, 20]})[:3]
  found = words_of(hyperparameter_figures.draw(points, CAPTION), drawn)
  for point in points:
    assert f'{100 * point["valid_accuracy"]["mean"]:.2f}' in found
  assert found.count('-') == 1


def test_three_hyperparameters_have_no_figure():
  assert hyperparameters({'a': [1, 2], 'b': [1, 2], 'c': [1, 2]}) is None


def test_without_validation_a_figure_explains_and_shows_no_accuracy():
  fig = hyperparameters({'optim.lr': LRS}, valid=False)
  words = ' '.join(t.get_text() for t in fig.findobj(text.Text))
  assert 'data.valid=writer_disjoint' in words and '99.' not in words
