"""A trained network as a list of operations that every library has.

| operation | arguments | computes, on x [N, H, W, C] |
|---|---|---|
| normalize | mean, std | (x / 255 - mean) / std, of pixels [N, 28, 28] |
| crop | margin | x without that many pixels on each side |
| pad | margin | x with that many pixels of 0 on each side |
| conv | kernel, bias | a convolution by kernel [k, k, C, F], no padding |
| norm | scale, bias, mean, var, epsilon | batch norm, also of [N, F] |
| relu | | the larger of x and 0 |
| pool | | the largest of each 2x2 pixels; an odd last row is dropped |
| mean | | the mean over all pixels, [N, C] |
| dense | kernel, bias | x as [N, H * W * C], times kernel, plus bias |
"""

import json
from typing import Any

from mnist_jax import errors
from mnist_jax.models import cnn, layers

NORMALIZE: layers.Operation = ('normalize', cnn.MEAN, cnn.STD)


def list_operations(model: cnn.Cnn) -> list[layers.Operation]:
  """Returns the operations from pixels to logits, in order.

  Args:
    model: from `cnn.create_model`, made without an axis name.

  Returns:
    A tuple for each: its name, then the arrays by their names in the file of
    weights, such as 'params/Dense_0/dense/kernel', then the numbers.

  Raises:
    errors.UserError: the model or a layer does not say what it computes, or
      not in such tuples.
  """
  if type(model).__call__ is not cnn.Cnn.__call__:
    raise errors.UserError(
      f'model {type(model).__name__} has a method __call__ of its own; only '
      'the layers of a `stack` say what they compute'
    )
  found = [NORMALIZE]
  for layer, *_ in cnn.trace_layers(model):
    if not hasattr(layer, 'operations'):
      raise errors.UserError(
        f'layer {layer.name!r} is a {type(layer).__name__}, which has no '
        'method `operations`; write one as those of mnist_jax/models/layers.py'
      )
    found += _ask(layer)
  return found


def _ask(layer: Any) -> list[layers.Operation]:
  """Returns what a layer says that it computes, in a form that JSON has."""
  try:
    found = [(str(name), *others) for name, *others in layer.operations()]
    json.dumps(found, allow_nan=False)
  except Exception as error:  # A recipe's layer is Python: it can raise any.
    raise errors.UserError(
      f'the method `operations` of layer {layer.name!r} returns no list of '
      f'tuples of a name, then names of arrays and numbers '
      f'({type(error).__name__}: {error}); write it as those of '
      'mnist_jax/models/layers.py'
    ) from error
  return found
