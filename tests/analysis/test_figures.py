"""The figures say what they should, and every word can be read."""

import io
import itertools
import math
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib import patches, text
from PIL import Image

from mnist_jax.analysis import figure_style
from mnist_jax.analysis.run import (
  classification,
  digit_grids,
  label_review,
  load,
  saliency_figures,
  training_figures,
)
from mnist_jax.data import registry

CAPTION = 'MNIST · improved · seed 0'


def images(count):
  """Noise: the worst case for the size of a file."""
  shape = (count, 28, 28)
  return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def answers(count, num_errors, confidence=0.9):
  """Make labels and probabilities; the first images are the misread ones."""
  labels = np.arange(count) % 10
  predicted = (labels + (np.arange(count) < num_errors)) % 10
  probabilities = np.full((count, 10), (1 - confidence) / 9)
  probabilities[np.arange(count), predicted] = confidence
  return labels, probabilities


def curves(
  num_rows=6, valid=True, best_epoch=2.0, loss=lambda epoch: 1 / epoch
):
  rows = []
  for epoch in range(1, num_rows + 1):
    row = {'train/loss': loss(epoch), 'train/accuracy': 1 - 0.1 / epoch}
    if valid:
      row |= {'valid/loss': loss(epoch), 'valid/accuracy': 1 - 0.2 / epoch}
    rows.append({'step': epoch * 100, 'epoch': float(epoch)} | row)
  return training_figures.training_curves(rows, best_epoch, CAPTION)


def confusions(num_errors):
  labels, probabilities = answers(10_000, num_errors)
  matrix = classification.confusion_matrix(labels, probabilities.argmax(axis=1))
  return training_figures.confusion_matrix(matrix, CAPTION)


def digits(labels, probabilities, reviews=()):
  pictures = images(len(labels))
  return digit_grids.PredictedDigits(
    pictures, labels, probabilities, dict(reviews), CAPTION
  )


def misclassified(num_errors, count=10_000, confidence=0.9999):
  return digit_grids.misclassified(
    digits(*answers(count, num_errors, confidence))
  )


def predictions(num_errors, count=497):
  return digit_grids.predictions(digits(*answers(count, num_errors)))


CLOTHES = registry.find('fashion_mnist').class_names
MANY = tuple(f'KIND {number} OF $TREES$' for number in range(100))


def named(names, count=900):
  """Returns images of classes with names, and the tables of their errors."""
  rng = np.random.default_rng(0)
  labels = np.arange(count) % len(names)
  logits = rng.normal(size=(count, len(names)))
  logits[np.arange(count), labels] += 3
  found = digit_grids.PredictedDigits(
    images(count), labels, classification.softmax(logits), {}, CAPTION, names
  )
  return found, classification.describe(logits, labels, names)


def named_confusions(names):
  matrix = np.array(named(names)[1]['confusion_matrix'])
  return training_figures.confusion_matrix(matrix, CAPTION, names)


def named_bars(names):
  table = named(names)[1]['per_class']
  return training_figures.per_class_bars(table, CAPTION, names)


def named_saliency(names):
  explained = load.Explanations(
    None, np.zeros((16, 28, 28), np.float32), np.arange(16, dtype=np.int32)
  )
  return saliency_figures.saliency(explained, named(names)[0])


def named_samples(names):
  found, _ = named(names)
  return digit_grids.sample_digits(found.images, found.labels, CAPTION, names)


CASES = {
  'named confusions': lambda: named_confusions(CLOTHES),
  'many named confusions': lambda: named_confusions(MANY),
  'named bars': lambda: named_bars(CLOTHES),
  'many named bars': lambda: named_bars(MANY),
  'two classes': lambda: named_bars(('cat', 'dog')),
  'named predictions': lambda: digit_grids.predictions(named(CLOTHES)[0]),
  'named errors': lambda: digit_grids.misclassified(named(MANY)[0]),
  'named saliency': lambda: named_saliency(MANY),
  'named samples': lambda: named_samples(CLOTHES),
  'many named samples': lambda: named_samples(MANY),
  'sample digits': lambda: digit_grids.sample_digits(
    images(100), np.arange(100) % 10, CAPTION
  ),
  'a digit that is missing': lambda: digit_grids.sample_digits(
    images(9), np.arange(9), CAPTION
  ),
  'curves': curves,
  'one row': lambda: curves(num_rows=1, best_epoch=1.0),
  'no validation': lambda: curves(valid=False, best_epoch=None),
  'a diverging run': lambda: curves(loss=lambda epoch: 10.0 ** (3 * epoch)),
  'no finite loss': lambda: curves(loss=lambda _: math.nan),
  'a loss stored as null': lambda: curves(loss=lambda _: None),
  'predictions': lambda: predictions(250),
  'few predictions': lambda: predictions(1, count=3),
  'many errors': lambda: misclassified(9_999),
  'one error': lambda: misclassified(1),
  'no error': lambda: misclassified(0),
  'confusions': lambda: confusions(5_000),
  'no confusion': lambda: confusions(0),
}


def words(fig):
  return [t for t in fig.findobj(text.Text) if t.get_text().strip()]


def joined(fig):
  return '\n'.join(t.get_text() for t in words(fig))


@pytest.mark.parametrize('case', CASES)
def test_no_word_overlaps_another_or_leaves_the_page(case, drawn):
  fig = CASES[case]()
  figure_style.to_png(fig)
  boxes = [(word, word.get_window_extent()) for word in drawn]
  assert len(boxes) >= 3
  for word, box in boxes:
    corners = [(box.x0, box.y0), (box.x1, box.y1)]
    assert all(fig.bbox.contains(*corner) for corner in corners), word
  for (a, box_a), (b, box_b) in itertools.combinations(boxes, 2):
    assert not box_a.overlaps(box_b), (a, b)


@pytest.mark.parametrize('case', CASES)
def test_every_figure_is_a_small_png_that_names_its_run(case):
  fig = CASES[case]()
  png = figure_style.to_png(fig)
  assert Image.open(io.BytesIO(png)).format == 'PNG'
  assert len(png) < 200_000
  assert CAPTION in joined(fig)


def test_a_long_caption_is_cut_and_keeps_data_set_and_seed():
  caption = f'MNIST · {"long_" * 40} · seed 7'
  fig = training_figures.confusion_matrix(np.eye(10, dtype=int), caption)
  (shown,) = [t for t in words(fig) if 'seed 7' in t.get_text()]
  assert shown.get_text().startswith('MNIST · long_')
  assert shown.get_window_extent().x1 < fig.bbox.x1


def test_a_dollar_sign_in_a_name_is_no_formula():
  fig = training_figures.confusion_matrix(
    np.eye(10, dtype=int), 'MNIST · $x_{1$ · seed 0'
  )
  assert figure_style.to_png(fig)


def test_misclassified_starts_with_the_most_confident_error():
  labels, probabilities = answers(20, 3, confidence=0.5)
  probabilities[1] = np.eye(10)[2] * 0.8  # Image 1 shows a 1.
  said = joined(digit_grids.misclassified(digits(labels, probabilities)))
  assert '3 of 3 errors' in said
  first, *others = [said.index(mark) for mark in ('#1\n', '#0\n', '#2\n')]
  assert first < min(others) and '80.0%  #1' in said and '1 → 2' in said


def test_reviewed_labels_are_marked_and_the_mark_is_explained():
  made = {'given': 0, 'guess': 1, 'votes': (5, 0, 0)}
  upheld = label_review.Review(verdict=label_review.UPHELD, **made)
  disputed = label_review.Review(verdict=label_review.GUESS, **made)
  reviews = {0: upheld, 1: disputed}
  reviewed = digits(*answers(20, 3), reviews)
  said = joined(digit_grids.misclassified(reviewed))
  assert '0 → 1 *' in said and '1 → 2 †' in said and '2 → 3\n' in said
  assert '* upheld, † disputed' in said
  assert '†' not in joined(misclassified(3, count=20))


def test_misclassified_says_how_many_of_how_many():
  assert '56 of 70 errors' in joined(misclassified(70))


def test_no_error_is_said_in_a_sentence():
  assert 'All 10,000 test images were read right.' in joined(misclassified(0))


def test_wrong_predictions_have_a_cross_and_a_frame():
  fig = predictions(497)
  frames = fig.axes[0].findobj(patches.Rectangle)
  assert joined(fig).count(' ✗\n') == 40 == len(frames) - 1  # Less the axes.
  fig = predictions(0)
  assert joined(fig).count(' ✓\n') == 40
  assert len(fig.axes[0].findobj(patches.Rectangle)) == 1


def test_every_count_is_written_into_the_confusion_matrix():
  matrix = np.arange(100).reshape(10, 10) + 200
  said = joined(training_figures.confusion_matrix(matrix, CAPTION)).split('\n')
  assert {str(count) for count in matrix.flat} <= set(said)


def test_curves_mark_the_best_epoch_on_both_charts():
  fig = curves(best_epoch=2.0)
  for ax in fig.axes:
    assert [2.0, 2.0] in [list(line.get_xdata()) for line in ax.lines]
  assert 'best by validation: epoch 2' in joined_legend(fig)


def joined_legend(fig):
  return '\n'.join(t.get_text() for t in fig.legends[0].get_texts())


def test_curves_without_validation_show_no_validation():
  fig = curves(valid=False, best_epoch=None)
  assert joined_legend(fig) == 'training'
  assert [len(ax.lines) for ax in fig.axes] == [1, 1]


def test_a_diverging_loss_gets_a_log_scale_and_a_calm_one_does_not():
  assert curves(loss=lambda e: 10.0**e).axes[0].get_yscale() == 'log'
  assert curves(loss=lambda e: 1 / e).axes[0].get_yscale() == 'linear'


@pytest.mark.parametrize('growth', [2, 10, 1_000, 1e9])
def test_a_log_scale_has_numbers_however_far_it_reaches(growth, drawn):
  ax = curves(loss=lambda epoch: 1e-4 * growth**epoch).axes[0]
  figure_style.to_png(ax.figure)
  labels = set(ax.get_yticklabels())
  assert ax.get_yscale() == 'log'
  assert len([word for word in drawn if word in labels]) >= 3


@pytest.mark.parametrize('draw', [curves, lambda: confusions(9)])
def test_settings_of_the_user_do_not_change_a_picture(draw):
  expected = figure_style.to_png(draw())
  with matplotlib.rc_context({'font.size': 30, 'xtick.labelsize': 3}):
    assert figure_style.to_png(draw()) == expected


def test_drawing_leaves_matplotlib_as_it_was():
  code = (
    'import sys, matplotlib, numpy\n'
    'before = matplotlib.rcParams.copy()\n'
    'from mnist_jax.analysis import figure_style\n'
    'from mnist_jax.analysis.run import training_figures\n'
    'matrix = numpy.eye(10, dtype=int)\n'
    'figure = training_figures.confusion_matrix(matrix, "x")\n'
    'figure_style.to_png(figure)\n'
    'assert matplotlib.rcParams.copy() == before\n'
    'assert "matplotlib.pyplot" not in sys.modules\n'
  )
  subprocess.run([sys.executable, '-c', code], check=True)
