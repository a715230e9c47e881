"""Advice follows from the numbers, and says them."""

import pytest

from mnist_jax.analysis.run import advice, load


def make_run(train=0.99, valid=0.99, valid_errors=(30, 10, 20)):
  result = {
    'train': {'accuracy': train},
    'valid': None if valid is None else {'accuracy': valid},
    'dataset': 'mnist',
  }
  rows = [
    {'epoch': float(i), 'valid/num_errors': number, 'valid/loss': 0.1}
    for i, number in enumerate(valid_errors, 1)
  ]
  return load.Run({}, rows, result, None, None, None)


def make_tables(temperature=1.0, num_errors=50, disputed_errors=None):
  review = None
  if disputed_errors is not None:
    review = {'disputed_errors': disputed_errors}
  return {
    'num_errors': num_errors,
    'label_review': review,
    'calibration': {
      'temperature': temperature,
      'before': {'ece': 0.0712},
      'after': {'ece': 0.0034},
    },
  }


def said(run, tables=None):
  return ' '.join(advice.advise(run, tables or make_tables()))


def test_a_gap_between_training_and_validation_asks_for_augmentation():
  assert 'Augment more' in said(make_run(train=1.0, valid=0.985))
  assert '100.00% of training and 98.50%' in said(make_run(1.0, 0.985))
  assert 'Augment more' not in said(make_run(train=0.991, valid=0.99))


def test_a_run_that_still_improved_should_go_on():
  text = said(make_run(valid_errors=(30, 20, 10)))
  assert 'last epoch (3)' in text and 'total_epochs' in text
  assert 'total_epochs' not in said(make_run())


@pytest.mark.parametrize(
  ('temperature', 'words'),
  [(1.5, 'too high'), (0.5, 'too low'), (1.05, ''), (None, '')],
)
def test_a_bad_temperature_is_named_with_its_cure(temperature, words):
  text = said(make_run(), make_tables(temperature))
  assert words in text
  assert ('divide the logits' in text) == bool(words)
  assert not words or '7.12% to 0.34%' in text


def test_errors_on_disputed_labels_are_not_to_be_trained_away():
  text = said(make_run(), make_tables(disputed_errors=9))
  assert '9 of the 50 errors' in text
  assert 'five people' not in said(make_run())
  assert 'five people' not in said(make_run(), make_tables(disputed_errors=0))


def test_without_validation_that_is_the_first_thing_to_mend():
  run = make_run(valid=None, valid_errors=())
  first, *_ = advice.advise(run, make_tables(None))
  assert 'data.valid=writer_disjoint' in first
