"""A model at a glance: its layers, weights and FLOPs per image."""

import dataclasses
import math

import jax

from mnist_jax.models import cnn


@dataclasses.dataclass(frozen=True)
class Layer:
  """One row of the table."""

  name: str
  output: tuple[int, ...]  # Without the batch.
  num_params: int
  flops: int  # Per image: a multiply and an add for each use of a kernel.


def describe(model) -> list[Layer]:
  """Returns a row for each layer of `model`, in order; computes nothing.

  Args:
    model: from `models.create_model`, made without an axis name.
  """
  return [
    Layer(
      name=layer.name,
      output=output,
      num_params=num_params(params),
      flops=2 * layer.kernel_uses(shape) * _kernel_size(params),
    )
    for layer, params, shape, output in cnn.trace_layers(model)
  ]


def num_params(params) -> int:
  """Counts weights, batch norm's running moments not among them."""
  return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))


def _kernel_size(params) -> int:
  leaves = jax.tree.leaves(params)
  return sum(math.prod(leaf.shape) for leaf in leaves if len(leaf.shape) > 1)
