"""Random distortions of a batch, on the device: what they are and their order.

First the hand (warp.py moves strokes), then the pen and the picture (pen.py),
then erasing.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from mnist_jax.augment import geometry, strokes
from mnist_jax.distributed import rngs as rngs_lib

SIDE = geometry.SIDE
GEOMETRY = ('rotate', 'shear', 'scale', 'shift', 'elastic')
PEN = (
  'thicken',
  'thin',
  'rule_probability',
  'speck_probability',
  'blur',
  'contrast',
  'grain',
)


def create_augment(config) -> Callable | None:
  """Creates the augmentation that `config` describes.

  Args:
    config: the `augment` part of a config (mnist_jax/config.py lists it).

  Returns:
    `augment` without its `config`; None when switched off.
  """
  if not config.enabled:
    return None
  return functools.partial(augment, config=config)


def augment(
  rng: jax.Array, images: jax.Array, axis_name: str | None = None, *, config
) -> jax.Array:
  """Distorts each image as its place in the whole batch says.

  Args:
    rng: [] typed key of the step, the same on every device.
    images: [B, 28, 28] uint8, this device's part of the batch.
    axis_name: mapped axis the batch is split over, or None when it is whole.
    config: the `augment` part of a config.

  Returns:
    [B, 28, 28] float32 in [0, 1], or uint8 where nothing came between pixels.
  """
  rngs = rngs_lib.per_example(rng, len(images), axis_name)
  keys = jax.vmap(lambda rng: jax.random.split(rng, 3))(rngs)
  if any(getattr(config, name) for name in GEOMETRY):
    points = geometry.affine_points(keys[:, 0], config)
    if config.elastic:
      points += geometry.elastic_shifts(keys[:, 1], config.elastic)
    images = geometry.resample(images, points)
  if any(getattr(config, name) for name in PEN):
    # Keys of their own: with these off, the others draw what they always drew.
    images = strokes.draw_again(jax.vmap(_pen_key)(rngs), images, config)
  if config.erase_probability:
    images = jnp.where(erased(keys[:, 2], config), 0, images)
  return images


def _pen_key(rng):
  return jax.random.fold_in(rng, 1)


def erased(rngs: jax.Array, config) -> jax.Array:
  """Draws a rectangle to erase (Zhong et al. 2020).

  With probability `erase_probability`; its share of the area is uniform in
  0.02..`erase_area`, its aspect ratio log-uniform in 0.3..3.3.

  Returns:
    [B, 28, 28] bool, true on erased pixels.
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
