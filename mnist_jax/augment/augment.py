"""The random distortions of a batch, in the order in which they are applied.

First geometry.py moves pixels, as another hand would. Then a rectangle is
erased.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import ml_collections

from mnist_jax.augment import geometry
from mnist_jax.distributed import rngs as rngs_lib

SIDE = geometry.SIDE
# The strengths of geometry.py in a config; where all are 0, it is left out.
GEOMETRY = ('rotate', 'shear', 'scale', 'shift', 'elastic')


def create_augment(config: ml_collections.ConfigDict) -> Callable | None:
  """Creates the augmentation that `config` describes.

  Args:
    config: the `augment` part of a config (mnist_jax/config.py lists it).

  Returns:
    `augment` with `config` bound; None when it is switched off.
  """
  if not config.enabled:
    return None
  return functools.partial(augment, config=config)


def augment(
  rng: jax.Array,
  images: jax.Array,
  axis_name: str | None = None,
  *,
  config: ml_collections.ConfigDict,
) -> jax.Array:
  """Distorts each image; its random numbers follow from its place in the batch.

  Args:
    rng: [] typed key of the step, the same on every device.
    images: [B, 28, 28] uint8, this device's part of the batch.
    axis_name: mapped axis the batch is split over, or None when it is whole.
    config: the `augment` part of a config.

  Returns:
    [B, 28, 28] float32 in [0, 1], or uint8 where at most erasing is on.
  """
  rngs = rngs_lib.per_example(rng, len(images), axis_name)
  keys = jax.vmap(lambda rng: jax.random.split(rng, 3))(rngs)
  if any(getattr(config, name) for name in GEOMETRY):
    points = geometry.affine_points(keys[:, 0], config)
    if config.elastic:
      points += geometry.elastic_shifts(keys[:, 1], config.elastic)
    images = geometry.resample(images, points)
  if config.erase_probability:
    images = jnp.where(erased(keys[:, 2], config), 0, images)
  return images


def erased(rngs: jax.Array, config: ml_collections.ConfigDict) -> jax.Array:
  """Draws a rectangle to erase (Zhong et al. 2020).

  An image has one with probability `erase_probability`. Its share of the area
  is uniform in 0.02..`erase_area`, its aspect ratio log-uniform in 0.3..3.3.

  Args:
    rngs: [B] typed keys.
    config: the `augment` part of a config.

  Returns:
    [B, 28, 28] bool, True on erased pixels.
  """
  draws = jax.vmap(lambda rng: jax.random.uniform(rng, (5,)))(rngs)
  area = SIDE**2 * (0.02 + draws[:, 0] * (config.erase_area - 0.02))
  ratio = jnp.exp((2 * draws[:, 1] - 1) * jnp.log(3.3))
  sides = jnp.stack([jnp.sqrt(area * ratio), jnp.sqrt(area / ratio)], -1)
  sides = jnp.minimum(jnp.round(sides), SIDE)
  start = jnp.floor(draws[:, 2:4] * (SIDE - sides + 1))
  pixel = jnp.arange(SIDE)
  inside = (pixel >= start[..., None]) & (pixel < (start + sides)[..., None])
  hit = draws[:, 4] < config.erase_probability
  return hit[:, None, None] & inside[:, 0, :, None] & inside[:, 1, None, :]
