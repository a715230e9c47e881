"""What a network looks for, and where: first filters and gradients."""

import jax
import jax.numpy as jnp
import numpy as np

from mnist_jax.models import cnn


def first_filters(params) -> np.ndarray:
  """Returns the kernel [k, k, F] that meets the image's only channel."""
  return next(
    np.asarray(leaf[:, :, 0])
    for leaf in jax.tree.leaves(params)
    if leaf.ndim == 4 and leaf.shape[2] == 1
  )


def slopes(model, variables, images, predicted, others) -> jax.Array:
  """Returns d(margin)/d(pixel) [M, 28, 28] (Simonyan et al. 2013).

  Args:
    model: from `models.create_model`, made without an axis name.
    variables: 'params' and 'batch_stats'.
    images: [M, 28, 28] uint8.
    predicted: [M] integers, the digits that were read.
    others: [M] integers; the margin is the output at `predicted` minus this.
  """

  def margins(pixels):
    logits = model.apply(variables, cnn.as_input(pixels), train=False)
    rows = jnp.arange(len(logits))
    return (logits[rows, predicted] - logits[rows, others]).sum()

  return jax.grad(margins)(images.astype(jnp.float32) / 255)
