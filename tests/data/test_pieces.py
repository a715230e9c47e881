"""Pieces of touching digits: right ones keep their label, others have none."""

import numpy as np
import pytest
from scipy import ndimage

from mnist_jax.data import datasets, pieces


@pytest.fixture(scope='module')
def pairs(digits):
  rng = np.random.default_rng(0)
  return [pieces.draw_pair(rng, *digits) for _ in range(20)]


@pytest.fixture(scope='module')
def drawn(digits):
  return pieces.draw(60, *digits, seed=0)


def test_the_digits_of_a_pair_touch(pairs):
  for left, right, _ in pairs:
    assert left.shape == right.shape
    near = ndimage.binary_dilation(left > 0.4, np.ones((5, 5)))
    assert (near & (right > 0.4)).any()


def test_the_digits_of_a_pair_hardly_cover_each_other(pairs):
  for left, right, _ in pairs:
    both = np.minimum(left, right).sum()
    assert both < 0.4 * min(left.sum(), right.sum())


def test_a_pair_is_never_of_two_ones(digits):
  images, labels = digits
  rows = [*np.flatnonzero(labels == 1)[:9], np.flatnonzero(labels == 7)[0]]
  rng = np.random.default_rng(0)
  for _ in range(20):
    pair = pieces.draw_pair(rng, images[rows], labels[rows])
    assert pair.labels != (1, 1)


def test_each_digit_of_a_pair_is_a_right_piece_of_it(pairs):
  for pair in pairs:
    # Where one lies half on the other, neither is clean.
    if np.minimum(pair.left, pair.right).sum() < 0.02 * pair.left.sum():
      assert pieces.judge(pair.left, pair) == 0
      assert pieces.judge(pair.right, pair) == 1


def test_a_pair_as_a_whole_is_a_wrong_piece(pairs):
  for pair in pairs:
    whole = np.maximum(pair.left, pair.right)
    if 1 not in pair.labels:  # A 1 may be less than a fifth of the ink.
      assert pieces.judge(whole, pair) is None
      assert pieces.is_wrong(whole, pair)


def test_half_a_digit_is_no_right_piece_and_a_narrow_bar_no_wrong_one(pairs):
  for pair in pairs:
    upper = pair.left.copy()
    upper[len(upper) // 2 :] = 0
    assert pieces.judge(upper, pair) is None
    bar = np.zeros_like(pair.left)
    bar[:, 5:9] = 1
    assert not pieces.is_wrong(bar, pair)


def test_there_are_right_pieces_of_every_digit_and_wrong_ones(digits):
  _, labels = pieces.draw(150, *digits, seed=1)
  assert set(labels) == {datasets.NON_DIGIT, *range(10)}
  assert 0.2 < (labels != datasets.NON_DIGIT).mean() < 0.6


def test_a_piece_is_framed_as_mnist_frames_a_digit(drawn):
  for image in drawn[0]:
    sides = [
      np.ptp(np.flatnonzero(image.any(axis=axis))) + 1 for axis in (0, 1)
    ]
    assert 18 <= max(sides) <= 20
    assert image.max() == 255


def test_the_seed_decides_every_pixel(digits, drawn):
  again = pieces.draw(60, *digits, seed=0)
  np.testing.assert_array_equal(again[0], drawn[0])
  np.testing.assert_array_equal(again[1], drawn[1])
  other, _ = pieces.draw(60, *digits, seed=1)
  assert (other != drawn[0]).any(axis=(1, 2)).mean() > 0.9


def test_more_pieces_begin_with_the_same_ones(digits, drawn):
  images, labels = pieces.draw(20, *digits, seed=0)
  np.testing.assert_array_equal(images, drawn[0][:20])
  np.testing.assert_array_equal(labels, drawn[1][:20])


def test_no_pieces_are_none(digits):
  images, labels = pieces.draw(0, *digits, seed=0)
  assert images.shape == (0, 28, 28)
  assert labels.shape == (0,)
