"""Augmentation distorts images as far as its config says, and no further."""

import functools
import types

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import pytest
from scipy import ndimage

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.augment import augment, geometry
from mnist_jax.distributed import rngs

OFF = {'enabled': True, 'custom': '', 'final_strength': 1.0} | {
  name: 0.0 for name in (*augment.GEOMETRY, 'erase_probability')
}

RNG = jax.random.key(0)


def create(**fields):
  return augment.create_augment(ml_collections.ConfigDict(OFF | fields))


@pytest.fixture(scope='module')
def images(digits):
  return jnp.asarray(digits[0][:64])


@pytest.fixture(scope='module')
def keys():
  return rngs.per_example(jax.random.key(0), 64)


def test_switched_off_no_augmentation_is_created():
  assert create(enabled=False) is None


def test_with_every_strength_at_zero_images_stay_as_they_are(images):
  np.testing.assert_array_equal(create()(RNG, images), images)
  barely = jax.jit(create(rotate=1e-6))(RNG, images)
  np.testing.assert_allclose(barely, images / 255.0, atol=1e-5)


def test_every_distortion_is_off_by_default():
  default = config_lib.default().augment
  assert all(default[name] == value for name, value in OFF.items() if not value)


def test_a_split_batch_is_distorted_like_the_whole_batch(images):
  # At least one distortion for each of the keys that are split.
  distort = create(
    rotate=25.0,
    elastic=1.0,
    erase_probability=0.5,
    erase_area=0.2,
  )
  alone = jax.jit(distort)
  parts = jax.vmap(
    functools.partial(distort, axis_name='data'),
    in_axes=(None, 0),
    axis_name='data',
  )
  whole = alone(RNG, images)
  split = jax.jit(parts)(RNG, images.reshape(4, 16, 28, 28))
  np.testing.assert_allclose(whole, split.reshape(whole.shape), atol=1e-5)
  assert not jnp.allclose(whole, alone(jax.random.key(1), images))
  assert whole.dtype == jnp.float32
  assert whole.min() >= 0.0
  assert whole.max() <= 1.0


def test_resampling_on_the_grid_moves_whole_pixels(images):
  grid = jnp.stack(jnp.mgrid[:28, :28], -1).astype(jnp.float32)
  points = jnp.broadcast_to(grid + jnp.array([2.0, -3.0]), (64, 28, 28, 2))
  moved = geometry.resample(images, points)
  padded = jnp.pad(images, [(0, 0), (0, 2), (3, 0)])[:, 2:, :28]
  np.testing.assert_allclose(moved, padded / 255.0, atol=1e-6)


def test_resampling_between_pixels_is_bilinear(images):
  random = np.random.default_rng(0)
  points = random.uniform(-4, 32, (64, 28, 28, 2)).astype(np.float32)
  got = geometry.resample(images, jnp.asarray(points))
  for image, point, out in zip(images[:8], points, got, strict=False):
    expected = ndimage.map_coordinates(
      np.pad(np.asarray(image, np.float32), 8),
      np.moveaxis(point, -1, 0) + 8,
      order=1,
    )
    np.testing.assert_allclose(out, expected / 255, atol=2e-5)


def test_rotation_stays_within_its_limit(keys):
  config = types.SimpleNamespace(**(OFF | {'rotate': 10.0}))
  centred = geometry.affine_points(keys, config) - geometry.CENTRE
  grid = jnp.stack(jnp.mgrid[:28, :28], -1) - geometry.CENTRE
  np.testing.assert_allclose(
    jnp.linalg.norm(centred, axis=-1),
    jnp.broadcast_to(jnp.linalg.norm(grid, axis=-1), (64, 28, 28)),
    rtol=1e-4,
  )
  corner, was = centred[:, 0, 0], grid[0, 0]
  turn = jnp.arctan2(corner[:, 1], corner[:, 0]) - jnp.arctan2(*was[::-1])
  assert 8 < jnp.rad2deg(jnp.abs(turn)).max() <= 10.001


def test_shift_and_scale_stay_within_their_range(keys):
  config = types.SimpleNamespace(**(OFF | {'shift': 3.0}))
  grid = jnp.stack(jnp.mgrid[:28, :28], -1)
  moved = geometry.affine_points(keys, config) - grid
  assert 2.5 < jnp.abs(moved).max() <= 3.001
  np.testing.assert_allclose(moved.std((1, 2)), 0.0, atol=1e-4)
  config = types.SimpleNamespace(**(OFF | {'scale': 0.1}))
  points = geometry.affine_points(keys, config) - geometry.CENTRE
  zoom = (points[:, 27, 0, 0] - points[:, 0, 0, 0]) / 27
  assert (zoom >= 1 / 1.1001).all()
  assert (zoom <= 1 / 0.8999).all()


def test_elastic_shifts_are_smooth_and_have_the_size_of_the_config(keys):
  shifts = np.asarray(jax.jit(geometry.elastic_shifts)(keys, 0.7))
  np.testing.assert_allclose(shifts.std(), 0.7, rtol=0.05)
  assert np.abs(np.diff(shifts, axis=1)).max() < 1.0


def test_erasing_takes_one_rectangle_from_its_share_of_the_images():
  config = types.SimpleNamespace(
    **(OFF | {'erase_probability': 0.5, 'erase_area': 0.2})
  )
  keys = rngs.per_example(jax.random.key(3), 2000)
  erase = jax.jit(functools.partial(augment.erased, config=config))
  masks = np.asarray(erase(keys))
  hit = masks.any((1, 2))
  assert 0.45 < hit.mean() < 0.55
  assert masks[hit].mean((1, 2)).max() < 0.25
  for mask in masks[hit][:50]:
    rows, columns = mask.any(1), mask.any(0)
    np.testing.assert_array_equal(mask, rows[:, None] & columns)


def test_distortions_fade_evenly_to_what_is_left_of_them(images):
  config = ml_collections.ConfigDict(
    OFF | {'shift': 4.0, 'final_strength': 0.25}
  )
  fading = jax.jit(augment.create_augment(config, num_steps=100))
  for step, part in ((0, 1.0), (50, 0.625), (100, 0.25)):
    plain = jax.jit(create(shift=4.0 * part))(RNG, images)
    faded = fading(RNG, images, None, step)
    np.testing.assert_allclose(faded, plain, atol=1e-4)
  gone = ml_collections.ConfigDict(
    OFF | {'rotate': 30.0, 'elastic': 2.0, 'final_strength': 0.0}
  )
  last = jax.jit(augment.create_augment(gone, num_steps=7))
  np.testing.assert_allclose(
    last(RNG, images, None, 7), images / 255.0, atol=1e-5
  )


def test_an_augmentation_of_a_recipe_comes_last_for_each_image(
  images, monkeypatch
):
  def lower(rng, image, *, floor, shift):
    del shift  # A field of `config.augment`.
    return jnp.maximum(image, floor * jax.random.uniform(rng))

  monkeypatch.setitem(augment.AUGMENTATIONS, 'lower', lower)
  config = ml_collections.ConfigDict(OFF | {'custom': 'lower'})
  distort = augment.create_augment(config, {'floor': 0.5})
  out = jax.jit(distort)(RNG, images)
  lowest = out.min((1, 2))
  assert len(np.unique(lowest)) == len(images)
  assert 0 < lowest.min() < lowest.max() < 0.5
  np.testing.assert_allclose(
    out, jnp.maximum(images / 255.0, lowest[:, None, None]), rtol=1e-6
  )


@pytest.mark.parametrize(
  ('entry', 'words'),
  [
    (lambda rng, image: image[..., None], r'\[28, 28, 1\]'),
    (lambda rng, image: None, 'NoneType'),
    (lambda rng, image, size: image, 'config.extra.size'),
    (lambda image: image, r'define it as f\(rng, image\)'),
    ('flip', r'define it as f\(rng, image\)'),
  ],
)
def test_a_wrong_augmentation_is_one_line(images, monkeypatch, entry, words):
  monkeypatch.setitem(augment.AUGMENTATIONS, 'mine', entry)
  with pytest.raises(errors.UserError, match=words):
    create(custom='mine')(RNG, images)
