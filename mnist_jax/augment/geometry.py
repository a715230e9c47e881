"""Random affine and elastic maps, and the resampling that applies them.

Both maps are applied by one resampling. It packs a pixel's four neighbours into
one 32-bit word, so that an image costs one gather per pixel instead of four.
"""

import functools

import jax
import jax.numpy as jnp
import ml_collections

SIDE = 28
CENTRE = (SIDE - 1) / 2
# Bit positions in a word: top left, top right, bottom left, bottom right.
BYTES = (0, 8, 16, 24)


def affine_points(
  rngs: jax.Array, config: ml_collections.ConfigDict
) -> jax.Array:
  """Draws the point of the source image from which each output pixel is taken.

  The digit is rotated, sheared and scaled about the centre, then shifted. Each
  amount is uniform between plus and minus its config value: `rotate` and
  `shear` in degrees, `scale` as a fraction, `shift` in pixels.

  Args:
    rngs: [B] typed keys.
    config: the `augment` part of a config.

  Returns:
    [B, 28, 28, 2] float32: row and column in the source, in pixels.
  """
  uniform = functools.partial(jax.random.uniform, minval=-1.0, maxval=1.0)
  draws = jax.vmap(lambda rng: uniform(rng, (6,)))(rngs)
  angle = jnp.deg2rad(config.rotate) * draws[:, 0]
  shear = jnp.tan(jnp.deg2rad(config.shear) * draws[:, 1])
  scale = 1 + config.scale * draws[:, 2:4]
  shift = config.shift * draws[:, 4:6]
  cos, sin = jnp.cos(angle), jnp.sin(angle)
  # The inverse map, from output to source: rotate back, unshear, unscale.
  matrix = jnp.stack([cos, sin, shear * cos - sin, shear * sin + cos], -1)
  matrix = matrix.reshape(-1, 2, 2) / scale[..., None]
  grid = jnp.stack(jnp.mgrid[:SIDE, :SIDE], -1) - CENTRE
  moved = grid - shift[:, None, None]
  # Written out, because 2x2 matrices are too small for a fast matrix product.
  return (
    moved[..., :1] * matrix[:, None, None, :, 0]
    + moved[..., 1:] * matrix[:, None, None, :, 1]
    + CENTRE
  )


def elastic_shifts(rngs: jax.Array, strength: float) -> jax.Array:
  """Draws smooth random displacements (after Simard et al. 2003).

  They are white noise on a grid of one knot every 4 pixels, smoothed by a
  Gaussian with a standard deviation of 4 pixels.

  Args:
    rngs: [B] typed keys.
    strength: standard deviation of a displacement, in pixels.

  Returns:
    [B, 28, 28, 2] float32: rows and columns, in pixels.
  """
  knots = jnp.arange(-2.0, SIDE + 2, 4.0)
  distance = jnp.arange(SIDE)[:, None] - knots
  spread = jnp.exp(-0.5 * (distance / 4.0) ** 2)
  spread /= jnp.linalg.norm(spread, axis=1, keepdims=True)
  noise = jax.vmap(
    lambda rng: jax.random.normal(rng, (len(knots), len(knots), 2))
  )(rngs)
  return strength * jnp.einsum('ik,jl,bklc->bijc', spread, spread, noise)


def weaken(points: jax.Array, strength: float | jax.Array) -> jax.Array:
  """Moves each pixel by a part only of the way that it would move.

  Args:
    points: [B, 28, 28, 2] float32: row and column in the source, in pixels.
    strength: [] in 0..1; at 0 images stay as they are.
  """
  grid = jnp.stack(jnp.mgrid[:SIDE, :SIDE], -1)
  return grid + strength * (points - grid)


def resample(images: jax.Array, points: jax.Array) -> jax.Array:
  """Looks up images between pixels, bilinearly; outside them is background.

  Args:
    images: [B, 28, 28] uint8.
    points: [B, 28, 28, 2] float32, row and column in pixels.

  Returns:
    [B, 28, 28] float32 in [0, 1].
  """
  padded = jnp.pad(images, [(0, 0), (1, 2), (1, 2)]).astype(jnp.uint32)
  corners = (padded[:, i : i + 30, j : j + 30] for i in (0, 1) for j in (0, 1))
  words = functools.reduce(jnp.bitwise_or, map(jnp.left_shift, corners, BYTES))
  points = jnp.clip(points, -1.0, SIDE) + 1
  floor = points.astype(jnp.int32)  # Truncates: no point is negative here.
  place = floor[..., 0] * 30 + floor[..., 1]
  words = jnp.take_along_axis(
    words.reshape(len(images), -1),
    place.reshape(len(images), -1),
    axis=1,
    mode='promise_in_bounds',
  ).reshape(place.shape)
  top_left, top_right, bottom_left, bottom_right = (
    (words >> byte & 0xFF).astype(jnp.float32) for byte in BYTES
  )
  row, column = jnp.moveaxis(points - floor, -1, 0)
  top = top_left + column * (top_right - top_left)
  bottom = bottom_left + column * (bottom_right - bottom_left)
  return (top + row * (bottom - top)) / 255
