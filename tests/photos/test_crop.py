"""A picture cut out close to its digit is read like one with paper around."""

import numpy as np
import pytest
import samples

from mnist_jax.photos import pipeline, segmentation


@pytest.fixture(scope='module')
def first_of_each(digits):
  images, labels = digits
  return {label: images[labels == label][0] for label in range(10)}


@pytest.mark.parametrize('dark', [True, False])
@pytest.mark.parametrize('height', [16, 32, 120])
@pytest.mark.parametrize('share', [0.0, 0.05, 0.1])
def test_nine_of_ten_crops_give_what_the_whole_picture_gives(
  first_of_each, dark, height, share
):
  failed = []
  for label, image in first_of_each.items():
    ink = samples.cut_out(image, height)
    whole = pipeline.read_picture(samples.on_paper(ink, margin=height))
    crop = samples.on_paper(ink, dark=dark, margin=round(share * height))
    found = pipeline.read_picture(crop).digits
    if (
      len(found) != 1
      or samples.alike(found[0].image, whole.digits[0].image) < 0.8
    ):
      failed.append(label)
  assert len(failed) <= 1, failed


def test_the_box_of_a_crop_lies_in_the_picture(first_of_each):
  ink = samples.cut_out(first_of_each[5], 60)
  picture = pipeline.read_picture(samples.on_paper(ink, margin=6))
  (digit,) = picture.digits
  np.testing.assert_allclose(digit.box, (6, 6, 6 + ink.shape[1], 66), atol=3)


def test_a_shadow_is_no_digit_cut_out_closely():
  across = np.linspace(-3, 3, 400)[None] + np.linspace(-1, 1, 120)[:, None]
  shadow = 0.6 / (1 + np.exp(-4 * across))
  assert not pipeline.read_picture(samples.on_paper(shadow)).digits


def test_the_note_about_too_many_digits_is_true(monkeypatch, first_of_each):
  ink = samples.cut_out(first_of_each[3], 30)
  row = np.hstack([np.pad(ink, 8)] * 5)
  monkeypatch.setattr(segmentation, 'MAX_DIGITS', 4)
  picture = pipeline.read_picture(samples.on_paper(row, margin=20))
  assert not picture.digits
  assert picture.note.startswith('more than ')
