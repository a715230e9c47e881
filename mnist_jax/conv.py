"""Convolution, batch norm, ReLU and max pooling as one block.

`conv_block` is the only door: models call it and nothing else here.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax


class Norm(NamedTuple):
  """Batch norm of one block: four [C] float32 arrays."""

  scale: jax.Array
  bias: jax.Array
  mean: jax.Array  # Running statistics, read when train is False.
  var: jax.Array


EPSILON = 1e-5  # PyTorch's default, added to the variance.


def conv_block(
  x: jax.Array,
  kernel: jax.Array,
  bias: jax.Array,
  norm: Norm | None = None,
  *,
  padding: str = 'VALID',
  pool: bool = True,
  train: bool = False,
  axis_name: str | None = None,
  backend: str | None = None,
) -> tuple[jax.Array, tuple[jax.Array, jax.Array] | None]:
  """Applies convolution, batch norm (if `norm`), ReLU and 2x2 max pooling.

  Args:
    x: [B, H, W, C] float32.
    kernel: [k, k, C, F] float32, odd k.
    bias: [F] float32.
    norm: batch norm's arrays, or None for a block without it.
    padding: 'VALID' or 'SAME', as in `lax.conv_general_dilated`.
    pool: whether to pool 2x2 with stride 2; an odd last row or column is
      dropped, as 'VALID' pooling does.
    train: normalise with this batch's moments (else the running ones).
    axis_name: mapped axis the batch is split over; moments are averaged on it.
    backend: 'cpu', or any other name for plain `lax`; None asks JAX.

  Returns:
    The output [B, H', W', F], and the batch's (mean, biased variance) [F],
    which are None unless batch norm is trained.
  """
  fast = (backend or jax.default_backend()) == 'cpu'
  if fast:
    y = convolve(x, vary_like(kernel, x), padding)
  else:
    y = convolve_lax(x, kernel, padding)
  moments = None
  if norm is None:
    mean, gain, shift = 0.0, jnp.ones_like(bias), bias
  elif train:
    # The convolution's bias cancels here; only the mean that is kept has it.
    mean = jnp.mean(y, (0, 1, 2))
    square = jnp.mean(y * y, (0, 1, 2))
    if axis_name is not None:
      mean, square = lax.pmean((mean, square), axis_name)
    var = square - mean * mean
    moments = mean + bias, var
    gain, shift = lax.rsqrt(var + EPSILON) * norm.scale, norm.bias
  else:
    mean, shift = norm.mean - bias, norm.bias
    gain = lax.rsqrt(norm.var + EPSILON) * norm.scale
  if not (fast and pool):
    out = jax.nn.relu((y - mean) * gain + shift)
    return (max_pool(out) if pool else out), moments
  mean, gain, shift = (
    vary_like(jnp.broadcast_to(a, bias.shape), y) for a in (mean, gain, shift)
  )
  return scale_relu_pool(y, mean, gain, shift), moments


def max_pool(y):
  return lax.reduce_window(
    y, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), 'VALID'
  )


def vary_like(array, x):
  """Gives `array` the device-varying type of `x`, which custom_vjp needs."""
  return array + jnp.zeros_like(x, shape=())


def convolve_lax(x, kernel, padding):
  return lax.conv_general_dilated(
    x, kernel, (1, 1), padding, dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def convolve(x, kernel, padding):
  return convolve_lax(x, kernel, padding)


def _convolve_fwd(x, kernel, padding):
  return convolve_lax(x, kernel, padding), (x, kernel)


def _convolve_bwd(padding, residuals, g):
  x, kernel = residuals
  k = kernel.shape[0]
  pad = k // 2 if padding == 'SAME' else 0
  dx = convolve_lax(
    g, jnp.flip(kernel, (0, 1)).swapaxes(2, 3), [(k - 1 - pad,) * 2] * 2
  )
  dw = kernel_gradient(x, g, kernel.shape, pad)
  return dx, dw


convolve.defvjp(_convolve_fwd, _convolve_bwd)


@jax.custom_vjp
def scale_relu_pool(y, mean, gain, shift):
  return _fwd(y, mean, gain, shift)[0]


def _phases(y):
  h, w = y.shape[1] // 2 * 2, y.shape[2] // 2 * 2
  return [y[:, i:h:2, j:w:2] for i in (0, 1) for j in (0, 1)]


def _fwd(y, mean, gain, shift):
  sign = jnp.sign(gain)
  best, *rest = _phases(y)
  for phase in rest:
    best = jnp.where(phase * sign > best * sign, phase, best)
  out = jax.nn.relu((best - mean) * gain + shift)
  return out, (y, best, out, mean, gain)


def _bwd(residuals, g):
  y, best, out, mean, gain = residuals
  g = jnp.where(out > 0, g, 0)
  dshift = g.sum((0, 1, 2))
  dgain = (g * (best - mean)).sum((0, 1, 2))
  h, w = best.shape[1:3]
  windows = y[:, : 2 * h, : 2 * w].reshape(len(y), h, 2, w, 2, -1)
  up = lambda a: a[:, :, None, :, None]
  equal = (windows == up(best)) | (up(jnp.broadcast_to(gain == 0, best.shape)))
  first = [equal[:, :, i, :, j] for i in (0, 1) for j in (0, 1)]
  taken = jnp.zeros(best.shape, bool)
  dys = []
  for f in first:
    dys.append(jnp.where(f & ~taken, g * gain, 0))
    taken = taken | f
  dy = jnp.stack(dys, 3).reshape(len(y), h, w, 2, 2, -1)
  dy = dy.transpose(0, 1, 3, 2, 4, 5).reshape(len(y), 2 * h, 2 * w, -1)
  dy = jnp.pad(
    dy, [(0, 0), (0, y.shape[1] - 2 * h), (0, y.shape[2] - 2 * w), (0, 0)]
  )
  return dy, -gain * dshift, dgain, dshift


scale_relu_pool.defvjp(_fwd, _bwd)


def kernel_gradient(x, g, shape, pad):
  chunk = math.gcd(len(x), 8)
  def body(dw, xg):
    x, g = xg
    part = convolve_lax(
      x.transpose(3, 1, 2, 0), g.transpose(1, 2, 0, 3), [(pad, pad)] * 2
    )
    return dw + part, None
  k, _, c, f = shape
  chunks = [a.reshape(-1, chunk, *a.shape[1:]) for a in (x, g)]
  dw = jnp.zeros((c, k, k, f), x.dtype) + jnp.zeros_like(x, shape=())
  return lax.scan(body, dw, chunks)[0].transpose(1, 2, 0, 3)
