"""The layers of a model, with their weights and FLOPs per image."""

import dataclasses
import math
from typing import Any

import jax

from mnist_jax.models import cnn


@dataclasses.dataclass(frozen=True)
class Layer:
  """One row of the table of layers."""

  name: str
  output: tuple[int, ...]  # Shape without the batch.
  num_params: int
  # Per image: a multiply and an add for each use of a weight. None where a
  # layer does not say how often it uses them.
  flops: int | None


def describe(model: cnn.Cnn) -> list[Layer]:
  """Returns one row for each layer of `model`, in order; computes nothing.

  Args:
    model: from `cnn.create_model`, made without an axis name.
  """
  rows: dict[str, Layer] = {}
  found = []
  for layer, params, shape, output in cnn.trace_layers(model):
    name = str(layer.name)
    # A layer that is called again has the same weights.
    count = 0 if name in rows else num_params(params)
    rows[name] = Layer(name, output, count, _count_flops(layer, params, shape))
    found.append(rows[name])
  return found


def num_params(params: Any) -> int:
  """Returns the number of weights; running moments do not count."""
  return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))


def _count_flops(layer, params, shape) -> int | None:
  size = _kernel_size(params)
  if not size:
    return 0
  if not hasattr(layer, 'kernel_uses'):
    return None
  return 2 * layer.kernel_uses(shape) * size


def _kernel_size(params) -> int:
  leaves = jax.tree.leaves(params)
  return sum(math.prod(leaf.shape) for leaf in leaves if len(leaf.shape) > 1)
