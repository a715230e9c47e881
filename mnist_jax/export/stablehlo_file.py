"""A trained network as a StableHLO program, by `jax.export`."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mnist_jax import errors
from mnist_jax.models import cnn

PLATFORMS = ('cpu', 'cuda', 'tpu')


def make_logits(model: cnn.Cnn, variables: dict[str, Any]) -> Any:
  """Makes a compiled function: images [N, 28, 28] uint8 -> logits [N, K]."""

  @jax.jit
  def logits(images: jax.Array) -> Any:
    return model.apply(variables, cnn.as_input(images), train=False)

  return logits


def to_bytes(model: cnn.Cnn, variables: dict[str, Any]) -> bytes:
  """Returns a file of `jax.export` with the weights in it.

  One file serves all of PLATFORMS, and any number of images.

  Raises:
    errors.UserError: when the model cannot be traced for any number of images.
    ImportError: where the library `flatbuffers` is missing.
  """
  from jax import export

  (batch,) = export.symbolic_shape('batch')
  images = jax.ShapeDtypeStruct((batch, 28, 28), jnp.uint8)
  make = export.export(make_logits(model, variables), platforms=PLATFORMS)
  try:
    program = make(images)
  except Exception as error:  # A recipe's layer is Python: it can raise any.
    reason = [type(error).__name__, *str(error).splitlines()[:1]]
    raise errors.UserError(
      f'the model cannot be traced for any number of images '
      f'({": ".join(reason)}); use x.shape[0] for their number, not len(x)'
    ) from error
  return bytes(program.serialize())


def logits(content: bytes, images: np.ndarray) -> np.ndarray:
  """Returns the logits [N, K] that JAX computes with a file.

  Args:
    content: from `to_bytes`.
    images: [N, 28, 28] uint8.
  """
  from jax import export

  return np.asarray(export.deserialize(bytearray(content)).call(images))
