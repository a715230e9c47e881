"""What a network looks for and where: its first filters and its gradients."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mnist_jax.models import cnn


def first_filters(params: Any) -> np.ndarray | None:
  """Returns the kernel [k, k, F] of the first convolution to show.

  That is one of a single channel with a square kernel; None without any.
  """
  kernels = (
    np.asarray(leaf[:, :, 0])
    for leaf in jax.tree.leaves(params)
    if leaf.ndim == 4 and leaf.shape[0] == leaf.shape[1] and leaf.shape[2] == 1
  )
  return next(kernels, None)


def slopes(
  model: cnn.Cnn,
  variables: dict[str, Any],
  images: jax.Array,
  predicted: jax.Array,
  others: jax.Array,
) -> jax.Array:
  """Returns d(margin)/d(pixel) [M, 28, 28] (Simonyan et al. 2013).

  The margin is the logit of the predicted class minus that of the other.

  Args:
    model: from `cnn.create_model`, made without an axis name.
    variables: 'params' and 'batch_stats'.
    images: [M, 28, 28] uint8.
    predicted: [M] integers, below the number of classes.
    others: [M] integers, likewise.
  """

  def margins(pixels):
    logits: Any = model.apply(variables, cnn.as_input(pixels), train=False)
    rows = jnp.arange(len(logits))
    return (logits[rows, predicted] - logits[rows, others]).sum()

  return jax.grad(margins)(images.astype(jnp.float32) / 255)


def strengths(slopes: np.ndarray) -> np.ndarray:
  """Returns the sizes of slopes [M, 28, 28], relative to an image's largest.

  In NumPy, since a compiled program may compute the largest twice, with
  different rounding, and so return a number beside 1 for it.
  """
  # Where a recipe's model has no slope, as sqrt has none at 0.
  sizes = np.abs(np.nan_to_num(slopes, posinf=0, neginf=0))
  largest = sizes.max(axis=(1, 2), keepdims=True)
  return sizes / np.where(largest > 0, largest, 1)
