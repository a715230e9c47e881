"""Drawings of non-digits: framed as digits are, and each kind its own."""

import hashlib

import numpy as np
import pytest

from experiments.non_digits import held_out as held_out_kinds
from experiments.pages import non_digits as pages
from mnist_jax.data import non_digits, shapes, sketches
from mnist_jax.photos import normalize


def draw(digits, count=26, seed=0, **options):
  return non_digits.draw(count, *digits, seed=seed, **options)


@pytest.fixture(scope='module')
def drawn_by_kind(digits):
  return {
    name: draw(digits, 20, kinds=[kind])
    for name, kind in non_digits.KINDS.items()
  }


@pytest.mark.parametrize('kind', non_digits.KINDS)
def test_a_drawing_is_framed_as_mnist_frames_a_digit(drawn_by_kind, kind):
  for image in drawn_by_kind[kind]:
    rows = np.flatnonzero(image.any(axis=1))
    columns = np.flatnonzero(image.any(axis=0))
    sides = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert 18 <= max(sides) <= 20
    mass = image / image.sum(dtype=float)
    centre = mass.sum(1) @ np.arange(28), mass.sum(0) @ np.arange(28)
    # A heavy end is not moved to the centre where the rest would be cut off.
    inside = min(rows[0], columns[0], 27 - rows[-1], 27 - columns[-1]) > 0
    assert not inside or np.abs(np.subtract(centre, 14)).max() < 0.7
    assert image.max() == 255


@pytest.mark.parametrize('kind', non_digits.KINDS)
def test_a_drawing_has_ink_and_paper(drawn_by_kind, kind):
  ink = (drawn_by_kind[kind] > 127).mean(axis=(1, 2))
  assert ink.min() > 0.01
  assert ink.max() < 0.55


@pytest.mark.parametrize('kind', non_digits.KINDS)
def test_no_two_drawings_are_the_same(drawn_by_kind, kind):
  assert len(np.unique(drawn_by_kind[kind], axis=0)) == 20


def test_no_two_kinds_draw_the_same(drawn_by_kind):
  found = {
    hashlib.sha256(images.tobytes()).digest()
    for images in drawn_by_kind.values()
  }
  assert len(found) == len(non_digits.KINDS)


def test_the_seed_decides_every_pixel(digits):
  np.testing.assert_array_equal(draw(digits), draw(digits))
  assert (draw(digits) != draw(digits, seed=1)).any(axis=(1, 2)).all()


def test_more_drawings_begin_with_the_same_ones(digits):
  np.testing.assert_array_equal(draw(digits, 20)[:5], draw(digits, 5))


def test_every_kind_has_its_turn():
  assert set(non_digits.TURNS) == set(non_digits.KINDS.values())


def test_no_drawings_are_none(digits):
  assert draw(digits, 0).shape == (0, 28, 28)


def test_the_pipeline_frames_most_drawings_alike(digits):
  fast = draw(digits, 130).astype(float)
  exact = draw(digits, 130, frame=normalize.frame).astype(float)
  difference = np.abs(fast - exact).mean(axis=(1, 2))
  assert np.mean(difference < 1) > 0.5


def test_two_thin_ones_make_a_pair():
  one = np.zeros((1, 28, 28), np.uint8)
  one[:, 4:24, 14] = 255
  kinds = [non_digits.KINDS['pair']]
  images = non_digits.draw(20, one, np.ones(1), seed=0, kinds=kinds)
  assert (images.max(axis=(1, 2)) == 255).all()


@pytest.mark.parametrize('character', 'Oo0lIi1SsZzBGgqb')
def test_a_letter_that_looks_like_a_digit_is_not_drawn(character):
  assert character not in shapes.LETTERS


def test_no_font_of_the_pages_and_of_the_held_out_letters_is_drawn():
  held_out = {
    sketches.load_font(name).getname()[0]
    for name in (*held_out_kinds.FONTS, *pages.FONTS)
  }
  drawn = {sketches.load_font(name).getname()[0] for name in shapes.FONTS}
  assert drawn.isdisjoint(held_out)


@pytest.mark.parametrize('by', [-1.0, 0.0, 2.0])
def test_a_stroke_is_widened_on_both_sides(by):
  bar = np.zeros((30, 30), np.float32)
  bar[:, 12:18] = 1
  assert sketches.widen(bar, by)[15].sum() == pytest.approx(6 + 2 * by)


def test_a_stroke_too_thin_to_be_thinned_stays():
  bar = np.zeros((30, 30), np.float32)
  bar[:, 14:16] = 1
  np.testing.assert_array_equal(sketches.widen(bar, -1.5), bar)


def test_a_curve_passes_its_inner_points():
  points = np.random.default_rng(0).uniform(0, 1, (6, 2))
  line = sketches.curve(points, count=31)
  np.testing.assert_allclose(line[::10], points[1:5], atol=1e-9)
