"""Redrawing changes strokes and ink as far as its config says."""

import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from mnist_jax.augment import augment, strokes
from mnist_jax.distributed import rngs

pytestmark = pytest.mark.usefixtures('quick_compile')

CROSS = ndimage.generate_binary_structure(2, 1)[None]


@pytest.fixture(scope='module')
def images(digits):
  return np.asarray(digits[0][:64], np.float32) / 255


@pytest.fixture(scope='module')
def keys():
  return rngs.per_example(jax.random.key(0), 2000)


# One compiled program each, as in a training step.
change_width = jax.jit(strokes.change_width, static_argnames='most')
ruled_lines, specks, segments, noise = map(
  jax.jit,
  (strokes.ruled_lines, strokes.specks, strokes.segments, strokes.noise),
)


def redraw(keys, images, **fields):
  off = dict.fromkeys(augment.PEN, 0.0) | {'pen_probability': 1.0}
  config = types.SimpleNamespace(**(off | fields))
  return strokes.redraw(keys, images, config)


def change(images, pixels):
  amount = jnp.full((len(images), 1, 1), pixels)
  return np.asarray(change_width(images, amount, most=2.0))


@pytest.mark.parametrize('pixels', [1, 2])
def test_a_thicker_stroke_is_dilated_once_a_pixel(images, pixels):
  wide = ndimage.iterate_structure(CROSS[0], pixels)[None]
  thick = change(images, float(pixels))
  expected = ndimage.grey_dilation(images, footprint=wide, mode='constant')
  np.testing.assert_allclose(thick, expected, atol=1e-6)


def test_a_thinner_stroke_is_eroded_and_keeps_its_darkest_ink(images):
  thin = change(images, -1.0)
  eroded = ndimage.grey_erosion(images, footprint=CROSS, mode='constant')
  kept = images.max((1, 2)) / np.maximum(eroded.max((1, 2)), 1e-3)
  np.testing.assert_allclose(thin, eroded * kept[:, None, None], atol=1e-5)
  np.testing.assert_allclose(thin.max((1, 2)), images.max((1, 2)), atol=1e-5)


def test_a_wider_change_adds_or_removes_more_ink(images):
  ink = [
    change(images, pixels).sum((1, 2))
    for pixels in (-0.8, -0.4, 0.0, 0.4, 0.8, 1.5)
  ]
  # In each image, except where thinning leaves only faint ink to scale up.
  assert (np.diff(ink[1:], axis=0) > 0).all()
  assert np.mean(ink[0] < ink[1]) > 0.9
  np.testing.assert_allclose(ink[2], images.sum((1, 2)), rtol=1e-5)


def test_a_segment_has_the_ink_of_its_length_and_width():
  angle = jnp.linspace(0, jnp.pi, 9)
  direction = jnp.stack([jnp.sin(angle), jnp.cos(angle)], -1)
  middle = jnp.stack([jnp.linspace(-2, 3, 9), jnp.linspace(1.5, 0, 9)], -1)
  lines = segments(middle, direction, jnp.full(9, 6.0), jnp.full(9, 1.0))
  # The area of a stadium, to which the fading edge adds a little.
  np.testing.assert_allclose(lines.sum((1, 2)), 24 + np.pi, rtol=0.03)
  for line, place in zip(np.asarray(lines), middle, strict=True):
    centre = np.array(ndimage.center_of_mass(line)) - 13.5
    np.testing.assert_allclose(centre, place, atol=0.05)
  # Along the first line, which is horizontal, and across it.
  assert (lines[0] > 0.5).any(0).sum() in (13, 14, 15)
  assert (lines[0] > 0.5).any(1).sum() == 2


def test_lines_are_horizontal_or_vertical_and_mostly_near_the_border(keys):
  lines = np.asarray(ruled_lines(keys, 0.5))
  hit = lines.any((1, 2))
  assert 0.45 < hit.mean() < 0.55
  lines = lines[hit] > 0
  tall, wide = lines.any(2).sum(1), lines.any(1).sum(1)
  assert (np.minimum(tall, wide) <= 10).all()
  assert 0.4 < np.mean(tall > wide) < 0.6
  crosses = lines[:, 9:19, 9:19].any((1, 2))
  assert 0.05 < crosses.mean() < 0.35
  assert lines[:, :, :8].any((1, 2)).mean() > 0.3
  assert lines[:, :, 20:].any((1, 2)).mean() > 0.3


def test_specks_are_small_and_anywhere(keys):
  dots = np.asarray(specks(keys, 0.25))
  hit = dots.any((1, 2))
  assert 0.2 < hit.mean() < 0.3
  dots = dots[hit] > 0
  assert dots.any(1).sum(1).max() <= 8
  assert dots.any(2).sum(1).max() <= 8
  assert dots.any(0).mean() > 0.95


def test_blur_mixes_in_its_part_of_a_gaussian_blurred_copy(images):
  part = jnp.linspace(0, 1, 64)[:, None, None]
  inner = np.pad(images[:, 4:-4, 4:-4], ((0, 0), (4, 4), (4, 4)))
  soft = ndimage.gaussian_filter(inner, (0, 1, 1), truncate=8.0)
  expected = inner + np.asarray(part) * (soft - inner)
  np.testing.assert_allclose(
    strokes.blurred(inner, 1.0, part), expected, atol=1e-3
  )


def test_noise_is_uniform_around_zero(keys):
  drawn = np.asarray(noise(keys[:100]))
  np.testing.assert_allclose([drawn.min(), drawn.max()], [-1, 1], rtol=1e-6)
  assert abs(drawn.mean()) < 0.01
  np.testing.assert_allclose(drawn.std(), 3**-0.5, rtol=0.01)


def test_contrast_makes_ink_fainter_or_stronger_within_its_factor(keys):
  grey = jnp.full((2000, 28, 28), 0.5)
  drawn = jax.jit(functools.partial(redraw, contrast=1.0))(keys, grey)
  ink = np.asarray(drawn)[:, 0, 0]
  assert 0.25 <= ink.min() < 0.27
  assert 0.95 < ink.max() <= 1.0
  np.testing.assert_allclose(np.log(ink).mean(), np.log(0.5), atol=0.05)


def test_only_its_share_of_the_images_is_redrawn(keys):
  grey = jnp.full((2000, 28, 28), 0.5)
  draw = functools.partial(redraw, contrast=1.0, pen_probability=0.3)
  ink = np.asarray(jax.jit(draw)(keys, grey))[:, 0, 0]
  # Three standard deviations of a share of 2,000.
  assert abs((ink != 0.5).mean() - 0.3) < 0.031


def test_each_field_changes_images_by_its_key(images, keys):
  @jax.jit
  def draw(keys):
    return [redraw(keys, images, **{name: 1.0}) for name in augment.PEN]

  drawn = draw(keys[:64]), draw(keys[64:128])
  for name, changed, other in zip(augment.PEN, *drawn, strict=True):
    assert np.abs(changed - images).max() > 0.1, name
    assert np.abs(changed - other).max() > 0.1, name
    assert changed.min() >= 0.0, name
    assert changed.max() <= 1.0, name
