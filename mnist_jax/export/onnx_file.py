"""A trained network as an ONNX model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_jax import errors
from mnist_jax.models import layers

if TYPE_CHECKING:
  import onnx

# Not the newest: runtimes of the last four years read these.
OPSET, IR_VERSION = 17, 8


def to_bytes(
  operations: Sequence[layers.Operation],
  arrays: Mapping[str, np.ndarray],
  metadata: Mapping[str, str],
) -> bytes:
  """Returns an ONNX file: 'images' [N, 28, 28] uint8 -> 'logits' [N, K].

  Args:
    operations: from `operations.list_operations`.
    arrays: float32, by the names that the operations have.
    metadata: kept in the file.

  Raises:
    errors.UserError: for an operation of another name.
    ImportError: where the library `onnx` is missing.
  """
  import onnx
  from onnx import helper

  graph = _Graph()
  for name, *arguments in operations:
    errors.check_word('operation', str(name), _WRITERS)
    given = [arrays[a] if isinstance(a, str) else a for a in arguments]
    _WRITERS[str(name)](graph, *given)
  graph.add('Identity', output='logits')
  model = helper.make_model(
    helper.make_graph(
      graph.nodes,
      'mnist_jax',
      [_describe('images', onnx.TensorProto.UINT8, 28, 28)],
      [_describe('logits', onnx.TensorProto.FLOAT, 'classes')],
      graph.constants,
    ),
    opset_imports=[helper.make_opsetid('', OPSET)],
    ir_version=IR_VERSION,
    producer_name='mnist_jax',
  )
  helper.set_model_props(model, dict(metadata))
  onnx.checker.check_model(model, full_check=True)
  return model.SerializeToString()


def logits(content: bytes, images: np.ndarray) -> np.ndarray:
  """Returns the logits [N, K] that ONNX Runtime computes with a file.

  Args:
    content: from `to_bytes`.
    images: [N, 28, 28] uint8.

  Raises:
    ImportError: where the library `onnxruntime` is missing.
  """
  import onnxruntime

  session = onnxruntime.InferenceSession(
    content, providers=['CPUExecutionProvider']
  )
  return session.run(['logits'], {'images': images})[0]


def _describe(name: str, kind: int, *shape: int | str) -> onnx.ValueInfoProto:
  from onnx import helper

  return helper.make_tensor_value_info(name, kind, ['batch', *shape])


class _Graph:
  """A chain of nodes, each of which takes the output of the one before."""

  def __init__(self):
    self.nodes: list[onnx.NodeProto] = []
    self.constants: list[onnx.TensorProto] = []
    self.is_flat = False  # Whether x is [N, F]; else it is [N, C, H, W].
    self._last = 'images'

  def add(
    self, op: str, *inputs: Any, output: str = '', **attributes: Any
  ) -> None:
    """Adds a node; `inputs` are the arrays that it takes after x."""
    from onnx import helper, numpy_helper

    names = [self._last]
    for array in inputs:
      names.append(f'array_{len(self.constants)}')
      array = np.ascontiguousarray(array)
      self.constants.append(numpy_helper.from_array(array, names[-1]))
    self._last = output or f'{op.lower()}_{len(self.nodes)}'
    self.nodes.append(helper.make_node(op, names, [self._last], **attributes))


def _normalize(graph: _Graph, mean: float, std: float) -> None:
  graph.add('Cast', to=1)  # FLOAT.
  for op, number in (('Div', 255), ('Sub', mean), ('Div', std)):
    graph.add(op, np.float32(number))
  graph.add('Unsqueeze', np.array([1]))  # Channels come second in ONNX.


def _crop(graph: _Graph, margin: int) -> None:
  graph.add(
    'Slice', *(np.array([i, i]) for i in (margin, -margin)), np.array([2, 3])
  )


def _pad(graph: _Graph, margin: int) -> None:
  graph.add('Pad', np.array([0, 0, margin, margin] * 2))


def _conv(graph: _Graph, kernel: np.ndarray, bias: np.ndarray) -> None:
  graph.add('Conv', kernel.transpose(3, 2, 0, 1), bias)


def _norm(graph: _Graph, *arguments: Any) -> None:
  *arrays, epsilon = arguments
  graph.add('BatchNormalization', *arrays, epsilon=epsilon)


def _relu(graph: _Graph) -> None:
  graph.add('Relu')


def _pool(graph: _Graph) -> None:
  graph.add('MaxPool', kernel_shape=[2, 2], strides=[2, 2])


def _mean(graph: _Graph) -> None:
  graph.add('ReduceMean', axes=[2, 3], keepdims=0)
  graph.is_flat = True


def _dense(graph: _Graph, kernel: np.ndarray, bias: np.ndarray) -> None:
  if not graph.is_flat:
    graph.add('Transpose', perm=[0, 2, 3, 1])
    graph.add('Flatten')
    graph.is_flat = True
  graph.add('Gemm', kernel, bias)


_WRITERS: dict[str, Callable[..., None]] = {
  'normalize': _normalize,
  'crop': _crop,
  'pad': _pad,
  'conv': _conv,
  'norm': _norm,
  'relu': _relu,
  'pool': _pool,
  'mean': _mean,
  'dense': _dense,
}
