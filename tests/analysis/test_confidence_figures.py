"""The figures of confidence, filters and saliency draw what they were given."""

import io
import itertools

import numpy as np
import pytest
from matplotlib import colors, patches, text
from PIL import Image

from mnist_jax.analysis import figure_style
from mnist_jax.analysis.run import (
  calibration,
  calibration_figures,
  classification,
  digit_grids,
  load,
  saliency_figures,
  training_figures,
)

CAPTION = 'MNIST · improved · seed 0'


def draw_random(*shape):
  return np.random.default_rng(0).random(shape, np.float32)


def explained(count=16, size=3, features=32, indices=None):
  indices = np.arange(count) if indices is None else np.array(indices)
  return load.Explanations(
    filters=draw_random(size, size, features) - 0.5,
    saliency=draw_random(len(indices), 28, 28),
    saliency_indices=indices.astype(np.int32),
  )


def filters(**shape):
  return saliency_figures.filters(explained(**shape).filters, CAPTION)


def saliency(indices=None, count=16, num_errors=5):
  labels = np.arange(10_000) % 10
  predicted = (labels + (np.arange(10_000) < num_errors)) % 10
  probabilities = np.full((10_000, 10), 1e-5)
  probabilities[np.arange(10_000), predicted] = 0.99985
  images = (255 * draw_random(10_000, 28, 28)).astype(np.uint8)
  digits = digit_grids.PredictedDigits(
    images, labels, probabilities, {}, CAPTION
  )
  return saliency_figures.saliency(explained(count, indices=indices), digits)


def make_bins(confidence, right):
  return calibration.bin_confidence(
    np.array(confidence), np.array(right), calibration.EQUAL
  )


def typical(count=10_000):
  """Confidences as of a good model: nearly all above 99 %."""
  rng = np.random.default_rng(0)
  confidence = 1 - 10 ** -rng.uniform(0.3, 7, count)
  return confidence, rng.random(count) < confidence


def reliability(before=None, after=None):
  before = make_bins(*typical()) if before is None else before
  return calibration_figures.reliability(
    {'bins': before, 'ece': 0.0031},
    after and {'bins': after, 'ece': 0.0012},
    CAPTION,
  )


def histogram(right, wrong):
  confidence = np.array([*right, *wrong], float)
  is_right = np.arange(len(confidence)) < len(right)
  return calibration_figures.confidence_histogram(confidence, is_right, CAPTION)


def coverage(*rows):
  keys = ('coverage', 'accuracy', 'threshold')
  points = [dict(zip(keys, row, strict=True)) for row in rows]
  return calibration_figures.coverage(points, CAPTION)


def per_class(num_errors):
  labels = np.arange(10_000) % 10
  predicted = (labels + (np.arange(10_000) < num_errors)) % 10
  matrix = classification.confusion_matrix(labels, predicted)
  return training_figures.per_class_bars(
    classification.per_class(matrix), CAPTION
  )


SURE, RIGHT = typical()
CASES = {
  'filters': filters,
  'the filters of fast': lambda: filters(size=5, features=16),
  'many filters': lambda: filters(features=300),
  'one filter': lambda: filters(size=1, features=1),
  'large filters': lambda: filters(size=28, features=64),
  'saliency': saliency,
  'one saliency map': lambda: saliency(indices=[9_999]),
  'too many saliency maps': lambda: saliency(count=100),
  'all saliency maps of errors': lambda: saliency(num_errors=10_000),
  'reliability': reliability,
  'reliability after scaling': lambda: reliability(
    after=make_bins(0.95 * SURE, RIGHT)
  ),
  'reliability, all right': lambda: reliability(make_bins(SURE, SURE > 0)),
  'reliability, all wrong': lambda: reliability(make_bins(SURE, SURE < 0)),
  'reliability, always 100 %': lambda: reliability(
    make_bins([1.0] * 99, [True] * 99)
  ),
  'reliability, always 10 %': lambda: reliability(
    make_bins([0.1] * 99, [False] * 99), make_bins([0.1] * 9, [False] * 9)
  ),
  'confidence': lambda: histogram(SURE[RIGHT], SURE[~RIGHT]),
  'confidence, all right': lambda: histogram(SURE, []),
  'confidence, all wrong': lambda: histogram([], SURE),
  'confidence, constant': lambda: histogram([1.0] * 10_000, [1.0]),
  'coverage': lambda: coverage(
    (1, 0.995, 0.3), (0.99, 0.998, 0.9), (0.95, 1, 0.99), (0.5, 1, 1)
  ),
  'coverage of one point': lambda: coverage((1.0, 0.9, 0.1)),
  'coverage without errors': lambda: coverage((1.0, 1, 0.9), (0.5, 1, 0.99)),
  'coverage, all wrong': lambda: coverage((1.0, 0, 0.1), (0.5, 0, 0.1)),
  'digits': lambda: per_class(100),
  'digits, all right': lambda: per_class(0),
  'digits, all wrong': lambda: per_class(10_000),
}


def joined(fig):
  return '\n'.join(t.get_text() for t in fig.findobj(text.Text))


@pytest.mark.parametrize('case', CASES)
def test_every_word_is_on_the_page_dark_enough_and_by_itself(case, drawn):
  fig = CASES[case]()
  png = figure_style.to_png(fig)
  assert Image.open(io.BytesIO(png)).format == 'PNG' and len(png) < 200_000
  assert CAPTION in [word.get_text() for word in drawn]
  boxes = [(word, word.get_window_extent()) for word in drawn]
  for word, box in boxes:
    assert fig.bbox.contains(box.x0, box.y0), word
    assert fig.bbox.contains(box.x1, box.y1), word
    assert contrast_on_white(word.get_color()) >= 4.5, word
  for (a, box_a), (b, box_b) in itertools.combinations(boxes, 2):
    assert not box_a.overlaps(box_b), (a, b)


def contrast_on_white(color):
  """Compute the ratio of WCAG 2.2."""
  rgb = np.array(colors.to_rgb(color))
  linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
  return 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05)


@pytest.mark.parametrize(('features', 'tiles'), [(1, 1), (20, 20), (300, 64)])
def test_each_filter_is_a_framed_tile_with_its_number(features, tiles):
  fig = filters(features=features)
  ax = fig.axes[0]
  frames = [p for p in ax.patches if isinstance(p, patches.Rectangle)]
  assert len(frames) == tiles == len({t.get_text() for t in ax.texts})
  assert f'{tiles} of {features}' in joined(fig)
  colored = np.isfinite(np.ma.filled(ax.images[0].get_array(), np.nan))
  assert colored.sum() == 9 * tiles


def test_filters_come_strongest_first_with_zero_in_white():
  kernels = np.zeros((3, 3, 4), np.float32)
  kernels[0, 0] = [0.1, -0.9, 0.0, 0.5]
  fig = saliency_figures.filters(kernels, CAPTION)
  ax = fig.axes[0]
  assert [t.get_text() for t in ax.texts] == ['1', '3', '0', '2']
  (mosaic,) = ax.images
  assert mosaic.get_clim() == (pytest.approx(-0.9), pytest.approx(0.9))
  np.testing.assert_allclose(mosaic.to_rgba(0.0), 1, atol=0.02)
  red, _, blue, _ = mosaic.to_rgba(0.9)
  assert red > blue


def test_a_filter_of_zeros_is_drawn():
  zeros = np.zeros((3, 3, 2), np.float32)
  assert figure_style.to_png(saliency_figures.filters(zeros, CAPTION))


def test_each_digit_stands_beside_its_saliency_map():
  fig = saliency(indices=[0, 7])
  ink, overlay = fig.axes[0].images
  strength = overlay.get_alpha()
  maps = explained(indices=[0, 7]).saliency
  # Digits at the even places and maps at the odd ones, at the same height.
  for place, one in enumerate(maps):
    x = 37 * (2 * place + 1) + 4
    shown = strength[:28, x : x + 28]
    assert shown.max() == 1 and (shown == 1).mean() <= 0.0105
    np.testing.assert_allclose(
      shown[shown < 1], (one * shown[0, 0] / one[0, 0])[shown < 1], rtol=1e-5
    )
    beside = ink.get_array()[:28, x - 37 : x - 9]
    assert np.corrcoef(
      beside.ravel(), ink.get_array()[:28, x : x + 28].ravel()
    )[0, 1] == pytest.approx(1, abs=1e-3)
  assert np.count_nonzero(strength) == np.count_nonzero(maps)


def test_a_map_says_between_which_digits_it_is():
  said = joined(saliency(indices=[3, 7], num_errors=5)).split('\n')
  assert {'3 → 4 ✗', '4 or 3?', '7 → 7 ✓', '100.0%  #7'} <= set(said)


def points(ax, label):
  (line,) = [line for line in ax.lines if line.get_label() == label]
  return line.get_xydata()


def test_a_calibrated_model_lies_on_the_diagonal_of_equal_nines():
  shares = (0.5, 0.9, 0.99, 0.999)
  rows = [
    {'low': s - 0.01, 'high': s, 'count': 1000, 'confidence': s, 'accuracy': s}
    for s in shares
  ]
  ax = reliability(rows).axes[0]
  drawn = points(ax, 'as trained')
  np.testing.assert_allclose(drawn[:, 0], [np.log10(2), 1, 2, 3], rtol=1e-6)
  np.testing.assert_allclose(drawn[:, 0], drawn[:, 1])
  assert ax.get_xlim() == ax.get_ylim()


def test_what_is_100_percent_lies_on_the_edge_that_says_so():
  ax = reliability(make_bins([1.0] * 99, [True] * 99)).axes[0]
  end = ax.get_xlim()[1]
  assert points(ax, 'as trained').tolist() == [[end, end]]
  assert ax.get_yticklabels()[-1].get_text() == '100%'


def test_bins_of_a_few_images_are_counted_but_not_marked():
  bins = make_bins([0.95] * 10 + [0.3] * 9, [True] * 19)
  chart, strip = reliability(bins).axes
  assert len(points(chart, 'as trained')) == 1
  heights = [bar.get_height() for bar in strip.patches]
  assert sum(heights) == 19 and len(heights) == len(bins)
  assert 'fewer than 10 images have no mark' in strip.get_xlabel()


def test_without_temperature_there_is_one_curve():
  bins = make_bins(*typical())
  names = [t.get_text() for t in reliability(bins).legends[0].get_texts()]
  assert names == ['as trained']
  fig = reliability(bins, bins)
  names = [t.get_text() for t in fig.legends[0].get_texts()]
  assert names == ['as trained', 'after temperature scaling']


def test_the_histogram_holds_every_answer_once():
  ax = histogram([0.2, 0.95, 1.0, 1.0, 1 - 1e-9], [0.5, 1.0]).axes[0]
  totals = [patch.get_data().values.sum() for patch in ax.patches]
  assert totals == [5, 2]


def test_coverage_draws_the_error_rates_and_tells_two_of_them():
  fig = CASES['coverage']()
  line = fig.axes[0].lines[0]
  np.testing.assert_allclose(line.get_ydata(), [0.005, 0.002, 0, 0])
  np.testing.assert_allclose(line.get_xdata()[1:3], [2, 1 - np.log10(0.5)])
  said = '0.50% errors with 100% answered; 0.20% errors with 99% answered'
  assert said in joined(fig)


def test_coverage_names_the_confidence_above_each_share():
  fig = coverage((1.0, 0.9, 0.3), (0.5, 0.95, 0.8))
  names = {t.get_text() for t in fig.axes[1].get_xticklabels()}
  assert names == {'80.0%', '30.0%'}


@pytest.mark.parametrize(
  ('num_errors', 'floor'), [(0, 99), (50, 99), (150, 98), (10_000, 0)]
)
def test_the_axis_of_the_digits_starts_beneath_all_and_says_where(
  num_errors, floor
):
  fig = per_class(num_errors)
  assert f'starts at {floor}%' in joined(fig)
  ax = fig.axes[0]
  assert ax.get_ylim()[0] == pytest.approx(floor / 100)
  scores = np.concatenate([line.get_ydata() for line in ax.lines])
  assert len(scores) == 20 and (scores >= floor / 100).all()
  assert ax.get_xticklabels()[3].get_text().startswith('3\n')
