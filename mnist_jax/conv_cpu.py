"""The same mathematics as plain `lax`, in the forms that XLA:CPU runs fast.

XLA:CPU rewrites convolutions for its fast kernels outside loops only
(github.com/jax-ml/jax/issues/12868), and an epoch is a loop. So the backward
passes are written here, in the forms that need no rewriting: a training step
of `improved` takes 34 ms instead of 1,100.
"""

import functools
import math

import jax
import jax.numpy as jnp
from jax import lax

from mnist_jax import winograd


def convolve(x: jax.Array, kernel: jax.Array, padding: str) -> jax.Array:
  """Convolves x [B, H, W, C] with kernel [k, k, C, F], odd k, stride 1.

  Args:
    x: [B, H, W, C] float32.
    kernel: [k, k, C, F] float32.
    padding: 'VALID' or 'SAME'.

  Returns:
    [B, H', W', F], as `lax.conv_general_dilated` within float32 rounding.
  """
  pad = len(kernel) // 2 if padding == 'SAME' else 0
  return _convolve(x, _like(x, kernel), pad)


def _like(x, array):
  """Marks `array` as varying over the mapped axes that x varies over.

  A custom_vjp must return gradients of its arguments' types; from here on JAX
  sums them itself where shard_map asks for it. The zero is compiled away.
  """
  return array + jnp.zeros_like(x, shape=())


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _convolve(x, kernel, pad):
  # On large maps Winograd's form saves 14 % of a `wide_conv` step; on those
  # of 14 pixels and less, where its tiles overhang more, it saves nothing.
  large = min(x.shape[1:3]) >= 20 and x.shape[3] > 1
  form = winograd.convolve if large and len(kernel) == 3 else _correlate
  return form(x, kernel, pad)


def _correlate(x, kernel, pad):
  return lax.conv_general_dilated(
    x,
    kernel,
    (1, 1),
    ((pad, pad), (pad, pad)),
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
  )


def _convolve_fwd(x, kernel, pad):
  return _convolve(x, kernel, pad), (x, kernel)


def _convolve_bwd(pad, residuals, g):
  x, kernel = residuals
  flipped = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
  dx = _convolve(g, flipped, len(kernel) - 1 - pad)
  return dx, _kernel_gradient(x, g, kernel, pad)


_convolve.defvjp(_convolve_fwd, _convolve_bwd)


def _kernel_gradient(x, g, kernel, pad):
  """Correlates x with g, so that images are the channels that are summed.

  A few images at a time: what has to be transposed stays in the cache, which
  takes an `improved` step from 57 to 34 ms.
  """

  def add_chunk(dw, chunk):
    x, g = chunk
    part = _correlate(x.transpose(3, 1, 2, 0), g.transpose(1, 2, 0, 3), pad)
    return dw + part, None

  size = math.gcd(len(x), 8)
  chunks = [a.reshape(-1, size, *a.shape[1:]) for a in (x, g)]
  zero = jnp.zeros_like(kernel.transpose(2, 0, 1, 3))
  return lax.scan(add_chunk, zero, chunks)[0].transpose(1, 2, 0, 3)


def norm_relu_pool(
  y: jax.Array, mean: jax.Array, gain: jax.Array, shift: jax.Array
) -> jax.Array:
  """Returns relu((y - mean) * gain + shift), max-pooled 2x2.

  Args:
    y: [B, H, W, F] float32; an odd last row or column is dropped.
    mean: [F] float32, as are gain and shift.
    gain: of any sign.
    shift: added last.

  Returns:
    [B, H // 2, W // 2, F].
  """
  height, width = (size // 2 * 2 for size in y.shape[1:3])
  vectors = (_like(y, vector) for vector in (mean, gain, shift))
  return _norm_relu_pool(y[:, :height, :width], *vectors)


@jax.custom_vjp
def _norm_relu_pool(y, mean, gain, shift):
  return _norm_relu_pool_fwd(y, mean, gain, shift)[0]


def _norm_relu_pool_fwd(y, mean, gain, shift):
  # Pooling comes first, so that the rest is done on a quarter of the values.
  value, place = _pick(y, jnp.sign(gain))
  out = jax.nn.relu((value - mean) * gain + shift)
  return out, (value, place, out, mean, gain)


def _pick(y, sign):
  """Picks from each window of y what is the largest after `sign`.

  Of equal ones the first, as `lax` does: windows of plain background are all
  equal.

  Returns:
    The values [B, H / 2, W / 2, F], and their places in the window, 0..3.
  """
  phases = [y[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
  value, place = phases[0], jnp.zeros(phases[0].shape, jnp.uint8)
  for i, phase in enumerate(phases[1:], 1):
    better = phase * sign > value * sign
    value = jnp.where(better, phase, value)
    place = jnp.where(better, jnp.uint8(i), place)
  return value, place


def _norm_relu_pool_bwd(residuals, g):
  value, place, out, mean, gain = residuals
  g = jnp.where(out > 0, g, 0)
  dshift = g.sum((0, 1, 2))
  dgain = (g * (value - mean)).sum((0, 1, 2))
  window = jnp.arange(4, dtype=jnp.uint8).reshape(2, 1, 2, 1)
  dy = jnp.where(_spread(place) == window, _spread(g * gain), 0)
  batch, height, width, features = g.shape
  dy = dy.reshape(batch, 2 * height, 2 * width, features)
  return dy, -gain * dshift, dgain, dshift


def _spread(x):
  return x[:, :, None, :, None]


_norm_relu_pool.defvjp(_norm_relu_pool_fwd, _norm_relu_pool_bwd)
