"""Which digits of a picture are called sure."""

import functools

import numpy as np
import pytest

from mnist_jax import errors
from mnist_jax.photos import deadline, pipeline
from mnist_jax.predict import digit_reader


class Network:
  """Reads each digit as a 3, with the confidences that it was made with."""

  def __init__(self, confidences):
    self._confidences = confidences

  def probabilities(self, images):
    rows = [np.full(10, (1 - c) / 9) for c in self._confidences[: len(images)]]
    for row, confidence in zip(rows, self._confidences, strict=False):
      row[3] = confidence
    return np.array(rows, np.float32)


@pytest.fixture
def verdicts(monkeypatch):
  """Returns the verdicts on narrow digits, given confidences and places."""

  def read(confidences, places):
    digits = tuple(
      pipeline.Digit(
        np.zeros((28, 28), np.uint8),
        (x, y, x + 10, y + 20),
        np.ones((20, 10), np.float32),
      )
      for x, y in places
    )
    picture = pipeline.Picture(np.zeros((9, 9), np.uint8), (9, 9), digits, '')
    monkeypatch.setattr(pipeline, 'read_picture', lambda source: picture)
    _, found = digit_reader.read(b'', Network(confidences))
    return [each.verdict for each in found]

  return read


ROW = [(0, 0), (15, 2), (30, 1)]


def test_a_sure_digit_beside_an_unsure_one_stays_sure(verdicts):
  assert verdicts([0.99, 0.6], ROW[:2]) == ['sure', 'unsure']
  assert verdicts([0.99, 0.6, 0.99], ROW) == ['sure', 'unsure', 'sure']


def test_in_a_row_of_mostly_unsure_digits_none_is_sure(verdicts):
  assert verdicts([0.6, 0.99, 0.2], ROW) == ['unsure', 'unsure', 'no digit']


def test_another_row_does_not_make_a_digit_unsure(verdicts):
  places = [*ROW, (15, 40)]
  found = verdicts([0.6, 0.6, 0.2, 0.99], places)
  assert found == ['unsure', 'unsure', 'no digit', 'sure']


def test_digits_that_take_too_long_to_cut_are_given_up(verdicts, monkeypatch):
  limit = functools.partial(deadline.Deadline, -1)
  monkeypatch.setattr(deadline, 'Deadline', limit)
  with pytest.raises(errors.UserError, match='cutting touching digits'):
    verdicts([0.99], ROW[:1])


def test_nothing_found_has_no_verdict(verdicts):
  assert verdicts([], []) == []
