"""Paper without digits: nothing is found on it."""

import numpy as np
import pytest
import samples

from experiments.pages import kinds
from mnist_jax.photos import pipeline


# Squared paper in narrow strips, with faint lines, in noise and in shadow.
@pytest.mark.parametrize(
  'index', [1, 19, 37, 39, 107, 115, 240, 471, 484, 519, 588]
)
def test_nothing_is_found_on_squared_paper(index):
  drawn = kinds.draw('empty', None, 'choose', index)
  assert drawn.variant.startswith('squared')
  assert not pipeline.read_picture(samples.as_png(drawn.pixels)).digits


def test_nothing_is_found_in_a_grainy_shadow():
  drawn = kinds.draw('empty', None, 'choose', 409)
  assert drawn.variant == 'bare, shadow'
  assert not pipeline.read_picture(samples.as_png(drawn.pixels)).digits


def test_thin_ones_are_found_where_no_line_was_removed():
  hairs = np.zeros((400, 300), np.float32)
  hairs[100:300, 80:83] = hairs[120:320, 180:183] = 1
  assert len(pipeline.read_picture(samples.on_paper(hairs)).digits) == 2


@pytest.mark.parametrize('mirrored', [False, True])
@pytest.mark.parametrize('slope', [0, 20])
def test_a_shadow_along_a_narrow_strip_is_no_one(slope, mirrored):
  rows, columns = np.mgrid[:500, :80]
  across = (columns - 40 + slope * (rows / 500 - 0.5)) / 4
  shadow = 0.5 / (1 + np.exp(across))
  shadow = shadow[:, ::-1] if mirrored else shadow
  assert not pipeline.read_picture(samples.on_paper(shadow)).digits


def test_a_faint_digit_on_squared_paper_is_found(digits):
  images, labels = digits
  ink = np.pad(samples.cut_out(images[labels == 5][0], 60), 60) * 0.5
  ink[10::25] = np.maximum(ink[10::25], 0.15)
  ink[:, 10::25] = np.maximum(ink[:, 10::25], 0.15)
  assert len(pipeline.read_picture(samples.on_paper(ink)).digits) == 1
