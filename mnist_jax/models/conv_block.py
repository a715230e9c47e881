"""Convolution, batch norm, ReLU and max pooling as one block.

As one function, so that on CPU the parts can be reordered for speed.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from mnist_jax.models import conv_cpu, conv_lax, onednn

EPSILON = 1e-5  # Added to the variance in batch norm; PyTorch's default.


class Norm(NamedTuple):
  """The arrays of one block's batch norm, each [F] float32."""

  scale: jax.Array
  bias: jax.Array
  mean: jax.Array  # Running statistics, read when train is False.
  var: jax.Array


def conv_block(
  x: jax.Array,
  kernel: jax.Array,
  bias: jax.Array,
  norm: Norm | None = None,
  *,
  padding: str = 'VALID',
  pool: bool = True,
  pool_first: bool = False,
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
    pool_first: pool before batch norm instead of after ReLU, which leaves
      batch norm a quarter of the work.
    train: whether to normalise by this batch's moments instead of the running
      ones.
    axis_name: mapped axis the batch is split over, or None; the moments are
      those of the whole batch.
    backend: 'cpu' for the functions of conv_cpu.py, or in training those of
      onednn.py where it is built; another name for plain `lax`; None takes that
      of the device that the program is compiled for.

  Returns:
    The output [B, H', W', F], and the batch's (mean, biased variance), each
    [F]; None instead of the two unless `train` and `norm` are given.
  """
  block = functools.partial(
    _block,
    padding=padding,
    pool=pool,
    pool_first=pool_first,
    train=train,
    axis_name=axis_name,
  )
  on_cpu = functools.partial(block, fast=True)
  elsewhere = functools.partial(block, fast=False)
  if backend is not None:
    return (on_cpu if backend == 'cpu' else elsewhere)(x, kernel, bias, norm)
  # Not `jax.default_backend()`, which is the machine's: the program may be for
  # the CPU of a machine with a GPU, or for a chip that is not here.
  return lax.platform_dependent(
    x, kernel, bias, norm, cpu=on_cpu, default=elsewhere
  )


def _block(
  x, kernel, bias, norm, *, padding, pool, pool_first, train, axis_name, fast
):
  """Does what `conv_block` says, by conv_cpu.py if `fast`, else by `lax`."""
  pad = len(kernel) // 2 if padding == 'SAME' else 0
  y = _choose(fast, train).convolve(x, conv_lax.like(x, kernel), pad)
  pool_last = pool and not pool_first
  if pool and pool_first:
    y = conv_cpu.pick_pool(y, jnp.ones_like(bias)) if fast else _max_pool(y)
  moments = None
  if norm is None:
    mean, gain, shift = jnp.zeros_like(bias), jnp.ones_like(bias), bias
  elif train:
    # Batch norm cancels the convolution's bias, so it is only added to the
    # running mean.
    mean, var = _moments(y, axis_name)
    moments = mean + bias, var
    gain, shift = lax.rsqrt(var + EPSILON) * norm.scale, norm.bias
  else:
    mean, shift = norm.mean - bias, norm.bias
    gain = lax.rsqrt(norm.var + EPSILON) * norm.scale
  if pool_last and fast:
    # What follows only rises with y, or only falls where the gain is negative.
    # So the largest result can be picked now, which leaves a quarter of the
    # work.
    y = conv_cpu.pick_pool(y, jnp.sign(gain))
  y = jax.nn.relu((y - mean) * gain + shift)
  return _max_pool(y) if pool_last and not fast else y, moments


def _choose(fast, train):
  """Returns the module that convolves."""
  if not fast:
    return conv_lax
  # Only training is worth it: a network's answers, and programs that are
  # exported, do not depend on what is built here.
  return onednn if train and onednn.is_built() else conv_cpu


def _moments(y, axis_name):
  """Returns mean and biased variance [F] of y [B, H, W, F], in one pass."""
  mean, square = jnp.mean(y, (0, 1, 2)), jnp.mean(y * y, (0, 1, 2))
  if axis_name is not None:
    mean, square = lax.pmean((mean, square), axis_name)
  # Rounding errors of up to 2.4e-7 * mean**2 can take the variance of a nearly
  # constant feature below 0, and its square root to NaN. With 0 instead, as in
  # `nn.BatchNorm`, EPSILON limits the gain: such a feature's scale is inexact,
  # but it carries hardly any signal, and a second pass would cost every step.
  return mean, jnp.maximum(square - mean * mean, 0)


def _max_pool(y):
  return lax.reduce_window(
    y, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), 'VALID'
  )
