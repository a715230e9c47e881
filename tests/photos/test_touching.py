"""Digits that touch: among the pieces of all cuts are the digits."""

import numpy as np
import pytest
import samples

from mnist_jax.photos import touching
from mnist_jax.predict import classifier, digit_reader, weights


def pair(digits, first, second, overlap=2):
  images, labels = digits
  a, b = (
    np.pad(samples.cut_out(images[labels == label][0], 60), ((0, 0), (0, 0)))
    for label in (first, second)
  )
  ink = np.zeros((60, a.shape[1] + b.shape[1] - overlap), np.float32)
  ink[:, : a.shape[1]] = a
  ink[:, a.shape[1] - overlap :] = np.maximum(ink[:, a.shape[1] - overlap :], b)
  return ink, a.shape[1]


def test_one_of_the_cuts_lies_where_two_digits_touch(digits):
  for first, second in ((3, 5), (2, 8), (6, 0), (5, 3), (7, 9)):
    ink, place = pair(digits, first, second)
    pieces = touching.cut(ink)
    last = max(piece.stop for piece in pieces)
    ends = [p.box[2] for p in pieces if p.start == 0 and p.stop < last]
    assert min(abs(end - place) for end in ends) <= 6


def test_pieces_stay_in_the_ink_and_none_is_empty(digits):
  ink, _ = pair(digits, 4, 2)
  for piece in touching.cut(ink):
    x0, y0, x1, y1 = piece.box
    assert 0 <= x0 < x1 <= ink.shape[1]
    assert 0 <= y0 < y1 <= ink.shape[0]
    assert piece.ink.max() > 0.3
    assert piece.ink.dtype == np.float32


def test_a_cut_through_both_sides_of_a_ring_costs_two_strokes():
  y, x = np.mgrid[-30:31, -30:31]
  ring = np.clip(4 - np.abs(np.hypot(x, y) - 26), 0, 1).astype(np.float32)
  pieces = touching.cut(ring)
  last = max(piece.stop for piece in pieces)
  inner = [p for p in pieces if p.stop < last and 25 < p.box[2] < 37]
  # The ring is 59 pixels high and 7 wide: 5 rows for a cut at a slant.
  assert all(piece.cost > 2 * 4.5 / 59 for piece in inner)


def test_the_best_cut_of_a_pair_goes_through_one_stroke(digits):
  ink, place = pair(digits, 3, 5)
  near = [p for p in touching.cut(ink) if abs(p.box[2] - place) <= 6]
  assert 0 < min(p.cost for p in near if p.start == 0) < 0.2


def test_a_cut_follows_the_lighter_line_between_two_strokes():
  ink = np.zeros((60, 50), np.float32)
  ink[:, 10:20] = ink[:, 21:31] = 1  # Two bars, 12 pixels apart.
  ink[:, 20] = 0.7  # They touch from top to bottom.
  ends = [p.box[2] for p in touching.cut(ink) if p.start == 0]
  assert any(abs(end - 20) <= 2 for end in ends)


def test_a_pair_is_cut_once_only(digits):
  ink, _ = pair(digits, 1, 8)
  pieces = touching.cut(ink)
  last = max(piece.stop for piece in pieces)
  assert ink.shape[1] < 1.3 * ink.shape[0]
  assert all(piece.start == 0 or piece.stop == last for piece in pieces)


def test_the_same_ink_gives_the_same_pieces(digits):
  ink, _ = pair(digits, 1, 7)
  once, again = touching.cut(ink), touching.cut(ink)
  assert [p[:2] + p[3:] for p in once] == [p[:2] + p[3:] for p in again]


@pytest.mark.parametrize('width', [6, 14])
@pytest.mark.parametrize(('across', 'slant'), [(1.1, 0.5), (0.8, 0)])
def test_a_ring_stays_one_digit(across, slant, width):
  network = classifier.Classifier(weights.load_weights('robust'))
  y, x = np.mgrid[-60:61, -90:91].astype(float)
  radius = np.hypot((x + slant * y) / across, y)
  ring = np.clip((width + 1) / 2 - np.abs(radius - 48), 0, 1)
  content = samples.on_paper(ring.astype(np.float32), margin=10)
  _, (digit,) = digit_reader.read(content, network)
  assert digit.digit == 0
  assert not digit.touching
