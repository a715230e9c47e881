"""Random changes of strokes and ink, as by another pen and another camera.

People's own digits differ from MNIST's less in shape than in these: pencils and
felt pens, faint scans, blurred photos, and remains of the frame around a digit.
All changes are arithmetic on pixels and on a few shifted copies, which XLA
fuses; there is no gather.
"""

import functools
import math

import jax
import jax.numpy as jnp
import ml_collections

from mnist_jax.augment import geometry

SIDE, CENTRE = geometry.SIDE, geometry.CENTRE


def redraw(
  rngs: jax.Array, images: jax.Array, config: ml_collections.ConfigDict
) -> jax.Array:
  """Redraws images as by another pen, and as photographed by another camera.

  An image is changed with probability `pen_probability`, in this order: stroke
  width, contrast, ruled lines, specks, blur, grain.

  Args:
    rngs: [B] typed keys.
    images: [B, 28, 28] uint8, or float32 in [0, 1]; 1 is ink.
    config: the `augment` part of a config.

  Returns:
    [B, 28, 28] float32 in [0, 1].
  """
  if images.dtype == jnp.uint8:
    images = images.astype(jnp.float32) / 255
  plain = images
  keys = jax.vmap(lambda rng: jax.random.split(rng, 5))(rngs)
  # [B, 1, 1] each, uniform in [0, 1).
  width, blur, contrast, grain = jnp.moveaxis(
    _uniform(keys[:, 0], 4, 1, 1), 1, 0
  )
  if config.thicken or config.thin:
    amount = width * (config.thicken + config.thin) - config.thin
    images = change_width(images, amount, max(config.thicken, config.thin))
  if config.contrast:
    # Before the lines, as print is often darker than the pencil beside it.
    # Values above full ink are clipped at the end.
    images *= jnp.exp(jnp.log1p(config.contrast) * (2 * contrast - 1))
  for i, draw, probability in (
    (1, ruled_lines, config.rule_probability),
    (2, ruled_lines, config.rule_probability),
    (3, specks, config.speck_probability),
  ):
    if probability:
      images = jnp.maximum(images, draw(keys[:, i], probability))
  if config.blur:
    images = blurred(images, config.blur, blur)
  if config.grain:
    images += config.grain * grain * noise(keys[:, 4])
  images = jnp.clip(images, 0.0, 1.0)
  if config.pen_probability < 1:
    chance_rngs = jax.vmap(jax.random.fold_in, (0, None))(rngs, 5)
    chance = _uniform(chance_rngs, 1, 1)
    images = jnp.where(chance < config.pen_probability, images, plain)
  return images


def _uniform(rngs, *shape):
  """Draws [B, *shape] float32, uniform in [0, 1)."""
  return jax.vmap(lambda rng: jax.random.uniform(rng, shape))(rngs)


def change_width(
  images: jax.Array, amount: jax.Array, most: float
) -> jax.Array:
  """Moves the edges of strokes by `amount` pixels.

  By grey-scale dilation or erosion with a cross, once per pixel; the last one
  is mixed in by the fraction that remains. A thinner digit is scaled to keep
  its darkest ink, as otherwise thin strokes would vanish.

  Args:
    images: [B, 28, 28] float32 in [0, 1].
    amount: [B, 1, 1] pixels; positive is thicker, negative thinner.
    most: largest absolute value that `amount` may have.

  Returns:
    [B, 28, 28] float32 in [0, 1].
  """
  peak = images.max((1, 2), keepdims=True)
  # An erosion is a dilation of the negative, so one loop does both.
  sign = jnp.where(amount < 0, -1.0, 1.0)
  images *= sign
  for step in range(math.ceil(most)):
    part = jnp.clip(jnp.abs(amount) - step, 0.0, 1.0)
    images += part * (dilated(images) - images)
  images *= sign
  now = images.max((1, 2), keepdims=True)
  return images * jnp.where(sign < 0, peak / jnp.maximum(now, 1e-3), 1.0)


def dilated(images: jax.Array) -> jax.Array:
  """Returns the largest of each pixel and its four neighbours."""
  padded = jnp.pad(images, [(0, 0), (1, 1), (1, 1)])
  neighbours = (
    images,
    padded[:, :-2, 1:-1],
    padded[:, 2:, 1:-1],
    padded[:, 1:-1, :-2],
    padded[:, 1:-1, 2:],
  )
  return functools.reduce(jnp.maximum, neighbours)


def ruled_lines(rngs: jax.Array, probability: float) -> jax.Array:
  """Draws a printed line, as left of a frame, a table or ruled paper.

  It is horizontal or vertical within 8 degrees. A cube root makes it lie mostly
  far out: one in eight is nearer to the centre than to the border.

  Args:
    rngs: [B] typed keys.
    probability: of a line in an image.

  Returns:
    [B, 28, 28] float32 in [0, 1]; 0 without a line.
  """
  draws = _uniform(rngs, 8)
  away, along, length, width, dark, tilt, side, chance = draws.T
  away = jnp.sign(side - 0.5) * (CENTRE + 0.5) * jnp.cbrt(away)
  along = (2 * along - 1) * CENTRE
  upright = (jnp.abs(side - 0.5) < 0.25)[:, None]
  angle = jnp.deg2rad(8.0) * (2 * tilt - 1)
  across = jnp.stack([away, along], -1)
  direction = jnp.stack([jnp.sin(angle), jnp.cos(angle)], -1)
  lines = segments(
    jnp.where(upright, across[:, ::-1], across),
    jnp.where(upright, direction[:, ::-1], direction),
    3 + 17 * length,
    0.3 + 0.9 * width,
  )
  ink = jnp.where(chance < probability, 0.3 + 0.7 * dark, 0.0)
  return ink[:, None, None] * lines


def specks(rngs: jax.Array, probability: float) -> jax.Array:
  """Draws a dot or a short dash anywhere, like dirt or a full stop.

  Args:
    rngs: [B] typed keys.
    probability: of a speck in an image.

  Returns:
    [B, 28, 28] float32 in [0, 1]; 0 without a speck.
  """
  draws = _uniform(rngs, 7)
  row, column, length, width, dark, angle, chance = draws.T
  angle *= jnp.pi
  dots = segments(
    (2 * jnp.stack([row, column], -1) - 1) * CENTRE,
    jnp.stack([jnp.sin(angle), jnp.cos(angle)], -1),
    1.5 * length,
    0.4 + 0.9 * width,
  )
  ink = jnp.where(chance < probability, 0.3 + 0.7 * dark, 0.0)
  return ink[:, None, None] * dots


def segments(
  middle: jax.Array,
  direction: jax.Array,
  half_length: jax.Array,
  half_width: jax.Array,
) -> jax.Array:
  """Draws one straight stroke with round ends on each of B empty images.

  Args:
    middle: [B, 2] row and column from the centre of the image, in pixels.
    direction: [B, 2] of length 1.
    half_length: [B] pixels.
    half_width: [B] pixels.

  Returns:
    [B, 28, 28] float32 in [0, 1]; edges fade over one pixel.
  """
  pixel = jnp.arange(SIDE) - CENTRE
  row = pixel[:, None] - middle[:, 0, None, None]
  column = pixel - middle[:, 1, None, None]
  down, right = direction[:, 0, None, None], direction[:, 1, None, None]
  limit = half_length[:, None, None]
  along = jnp.clip(row * down + column * right, -limit, limit)
  distance = jnp.hypot(row - along * down, column - along * right)
  return jnp.clip(half_width[:, None, None] + 0.5 - distance, 0.0, 1.0)


def blurred(images: jax.Array, std: float, part: jax.Array) -> jax.Array:
  """Mixes images with Gaussian-blurred copies, as a soft lens does.

  Args:
    images: [B, 28, 28] float32.
    std: standard deviation of the blur, in pixels; above 0.
    part: [B, 1, 1] in [0, 1], the share of the blurred copy.

  Returns:
    [B, 28, 28] float32.
  """
  pixel = jnp.arange(SIDE)
  spread = jnp.exp(-0.5 * ((pixel[:, None] - pixel) / std) ** 2)
  spread /= spread.sum(1, keepdims=True)
  # As matrix products: XLA:CPU would fuse shifted copies with the drawing of
  # the lines, and draw those once per copy.
  soft = jnp.einsum('ij,bjk,lk->bil', spread, images, spread)
  return images + part * (soft - images)


def noise(rngs: jax.Array) -> jax.Array:
  """Draws noise [B, 28, 28], uniform in [-1, 1], from 8 bits per pixel."""
  bits = jax.vmap(lambda rng: jax.random.bits(rng, (SIDE, SIDE), 'uint8'))(rngs)
  return bits.astype(jnp.float32) / 127.5 - 1
