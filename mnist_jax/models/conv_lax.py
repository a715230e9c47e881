"""Plain convolution, with the gradient that JAX gives it, written out.

JAX 0.7 cannot differentiate a convolution inside `vmap` inside `shard_map`,
which is how a sweep trains several seeds on each device.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

NHWC = ('NHWC', 'HWIO', 'NHWC')


def correlate(
  x: jax.Array, kernel: jax.Array, pad: int, dimensions: tuple = NHWC
) -> jax.Array:
  """Returns `lax.conv_general_dilated` of stride 1, padded by `pad` pixels."""
  return lax.conv_general_dilated(
    x, kernel, (1, 1), ((pad, pad),) * 2, dimension_numbers=dimensions
  )


def like(x: jax.Array, array: jax.Array) -> jax.Array:
  """Returns `array`, marked as varying over the mapped axes that x varies over.

  A custom_vjp must return gradients of its arguments' types, which include
  these axes. JAX sums the gradients where shard_map needs it. The compiler
  removes the added zero.
  """
  return array + jnp.zeros_like(x, shape=())


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def convolve(x: jax.Array, kernel: jax.Array, pad: int) -> jax.Array:
  """Convolves x [B, H, W, C], padded by `pad`, with kernel [k, k, C, F], odd k.

  The kernel must vary over the mapped axes that x does (`like`).
  """
  return correlate(x, kernel, pad)


def _convolve_fwd(x, kernel, pad):
  return correlate(x, kernel, pad), (x, kernel)


def _convolve_bwd(pad, residuals, g):
  x, kernel = residuals
  turned = lax.rev(kernel, (0, 1))
  dx = correlate(g, turned, len(kernel) - 1 - pad, ('NHWC', 'HWOI', 'NHWC'))
  return dx, correlate(x, g, pad, ('CHWN', 'IHWO', 'HWNC'))


convolve.defvjp(_convolve_fwd, _convolve_bwd)
