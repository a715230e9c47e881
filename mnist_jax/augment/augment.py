"""The random distortions of a batch, in the order in which they are applied.

First geometry.py moves pixels, as another hand would. Then a rectangle is
erased. Last comes an entry of AUGMENTATIONS, to which a recipe can add.
"""

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections

from mnist_jax import errors
from mnist_jax.augment import geometry
from mnist_jax.distributed import rngs as rngs_lib

SIDE = geometry.SIDE
# The strengths of geometry.py in a config; where all are 0, it is left out.
GEOMETRY = ('rotate', 'shear', 'scale', 'shift', 'elastic')


# Each distorts one image: (rng, image [28, 28] float32 in [0, 1]) -> the same.
# Further arguments are fields of `config.augment` or `config.extra`.
AUGMENTATIONS: dict[str, Callable] = {}


def create_augment(
  config: ml_collections.ConfigDict,
  extra: Mapping[str, Any] = MappingProxyType({}),
  num_steps: int = 1,
) -> Callable | None:
  """Creates the augmentation that `config` describes.

  Args:
    config: the `augment` part of a config (mnist_jax/config.py lists it).
    extra: the `extra` part.
    num_steps: of the whole run, over which the strengths fall.

  Returns:
    `augment` with its keyword arguments bound; None when it is switched off.

  Raises:
    errors.UserError: AUGMENTATIONS has no such name, or the entry is no
      function of a key and an image, or has an argument that is no field.
  """
  if not config.enabled:
    return None
  custom = None
  if config.custom:
    errors.check_word('augment.custom', config.custom, AUGMENTATIONS)
    what, custom = (
      f'augmentation {config.custom!r}',
      AUGMENTATIONS[config.custom],
    )
    try:
      further = functools.partial(custom, None, None)  # Without rng and image.
      own = errors.arguments(what, further, config, extra)
    except (TypeError, ValueError) as error:
      raise errors.UserError(
        f'{what} is no function of a random key and an image; define it as '
        'f(rng, image)'
      ) from error
    custom = functools.partial(custom, **own)
  return functools.partial(
    augment, config=config, num_steps=num_steps, custom=custom
  )


def augment(
  rng: jax.Array,
  images: jax.Array,
  axis_name: str | None = None,
  step: int | jax.Array = 0,
  *,
  config: ml_collections.ConfigDict,
  num_steps: int = 1,
  custom: Callable | None = None,
) -> jax.Array:
  """Distorts each image; its random numbers follow from its place in the batch.

  Args:
    rng: [] typed key of the step, the same on every device.
    images: [B, 28, 28] uint8, this device's part of the batch.
    axis_name: mapped axis the batch is split over, or None when it is whole.
    step: [] int32, of the run.
    config: the `augment` part of a config.
    num_steps: of the whole run.
    custom: entry of AUGMENTATIONS, or None.

  Returns:
    [B, 28, 28] float32 in [0, 1], or uint8 where at most erasing is on.
  """
  rngs = rngs_lib.per_example(rng, len(images), axis_name)
  keys = jax.vmap(lambda rng: jax.random.split(rng, 3))(rngs)
  if any(getattr(config, name) for name in GEOMETRY):
    points = geometry.affine_points(keys[:, 0], config)
    if config.elastic:
      points += geometry.elastic_shifts(keys[:, 1], config.elastic)
    if config.final_strength < 1:
      done = step / num_steps
      strength = 1 - done * (1 - config.final_strength)
      points = geometry.weaken(points, strength)
    images = geometry.resample(images, points)
  if config.erase_probability:
    images = jnp.where(erased(keys[:, 2], config), 0, images)
  if custom:
    images = _apply(custom, rngs, images)
  return images


def _apply(custom: Callable, rngs: jax.Array, images: jax.Array) -> jax.Array:
  """Applies an entry of AUGMENTATIONS to each image.

  Raises:
    errors.UserError: it does not return an image.
  """
  if images.dtype == jnp.uint8:
    images = images.astype(jnp.float32) / 255
  # Not one of the three keys of the other distortions, which are 0 to 2.
  rngs = jax.vmap(lambda rng: jax.random.fold_in(rng, 3))(rngs)
  distorted = jax.vmap(custom)(rngs, images)
  shape = getattr(distorted, 'shape', None)
  if shape != images.shape:
    raise errors.UserError(
      'an entry of AUGMENTATIONS must return the image [28, 28], not '
      f'{list(shape[1:]) if shape else type(distorted).__name__}'
    )
  return distorted.astype(jnp.float32)


def erased(rngs: jax.Array, config: ml_collections.ConfigDict) -> jax.Array:
  """Draws a rectangle to erase (Zhong et al. 2020).

  An image has one with probability `erase_probability`. Its share of the area
  is uniform in 0.02..`erase_area`, its aspect ratio log-uniform in 0.3..3.3. A
  side that would be longer than the image is cut, and then it erases less.

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
