"""All files of an export, made and checked in memory."""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mnist_jax import errors
from mnist_jax.data import uci_digits
from mnist_jax.export import (
  facts,
  model_card,
  onnx_file,
  operations,
  stablehlo_file,
)
from mnist_jax.models import layers
from mnist_jax.predict import weights as weights_lib
from mnist_jax.workdir import weights_file

SERVING = pathlib.Path(__file__).parent / 'serving'
NUM_CHECKED = 1_000  # Images on which a file must agree with the model.
TOLERANCE = 1e-5  # Of the largest logit, if that is above 1: float32 rounding.
INSTALL = 'pip install -r requirements-export.txt'
# What is left out where the operations are not known, or are others.
OF_OPERATIONS = (
  'model.onnx, serve_numpy.py, and the operations in config.json and README.md'
)
ABOUT_IO = {
  'input': 'images [N, 28, 28] uint8, from 0 (background) to 255 (ink)',
  'output': 'logits [N, classes] float32; probabilities are the softmax of '
  'logits / temperature',
}
CONTENTS = {
  'model.safetensors': 'the weights: {size:,} bytes, float32, SHA-256 '
  '`{sha256}`',
  'config.json': 'config, temperature, numbers, versions, and what the network '
  'computes',
  'model.stablehlo': 'the network with its weights, for JAX on CPU, GPU (CUDA) '
  'and TPU; made by {jax}, and JAX promises to read it '
  '[for six months](https://docs.jax.dev/en/latest/export/export.html)',
  'model.onnx': 'the network with its weights, for ONNX Runtime and others '
  '(opset {opset}, with the temperature in its metadata)',
}


@dataclasses.dataclass
class Bundle:
  """What an export consists of."""

  files: dict[str, bytes]  # By name.
  problems: list[str]  # A line for each file that could not be made.


def make(loaded: weights_lib.Weights) -> Bundle:
  """Makes every file of an export that can be made.

  Each file is run here on real digits, and must compute what the model does.

  Args:
    loaded: from `weights.load_weights`.

  Raises:
    errors.UserError: when a file beside the weights is damaged.
  """
  content = weights_file.to_bytes(
    loaded.variables, loaded.temperature, loaded.class_names
  )
  about = facts.describe(loaded, content) | ABOUT_IO
  bundle = Bundle({'model.safetensors': content}, [])
  images = uci_digits.load().train_images[:NUM_CHECKED]
  logits = stablehlo_file.make_logits(loaded.model, loaded.variables)(images)
  check = functools.partial(
    _make_checked, images=images, expected=np.asarray(logits)
  )
  _add_stablehlo(bundle, loaded, check)
  steps = _add_onnx(bundle, loaded, check)
  bundle.files['config.json'] = _to_json(about | {'operations': steps})
  _add_examples(bundle, steps)
  bundle.files['README.md'] = _make_card(bundle, loaded, about, steps)
  return bundle


def _to_json(about: dict[str, Any]) -> bytes:
  return (json.dumps(about, indent=1, allow_nan=False) + '\n').encode()


def _add_stablehlo(
  bundle: Bundle, loaded: weights_lib.Weights, check: Callable[..., bytes]
) -> None:
  """Adds the StableHLO file, or the reason why not."""
  name = 'model.stablehlo'
  try:
    bundle.files[name] = check(
      lambda: stablehlo_file.to_bytes(loaded.model, loaded.variables),
      stablehlo_file.logits,
    )
  except ImportError as error:
    bundle.problems.append(f'{name}: {error}; {INSTALL}')
  except errors.UserError as error:
    bundle.problems.append(f'{name}: {error}')


def _add_onnx(
  bundle: Bundle, loaded: weights_lib.Weights, check: Callable[..., bytes]
) -> list[layers.Operation]:
  """Adds the ONNX file, or the reason why not.

  Returns:
    The operations of the network; none where its layers do not say what they
    compute, or say something else.
  """
  arrays = weights_file.flatten(loaded.variables)
  metadata = {
    'name': loaded.name,
    'temperature': repr(loaded.temperature),
    **ABOUT_IO,
  }
  steps: list[layers.Operation] = []
  try:
    steps = operations.list_operations(loaded.model)
    bundle.files['model.onnx'] = check(
      lambda: onnx_file.to_bytes(steps, arrays, metadata), onnx_file.logits
    )
  except ImportError as error:
    bundle.problems.append(f'model.onnx: {error}; {INSTALL}')
  except errors.UserError as error:
    bundle.problems.append(f'{OF_OPERATIONS}: {error}')
    return []
  return steps


def _make_checked(
  make_file: Callable[[], bytes],
  run: Callable[[bytes, np.ndarray], np.ndarray],
  *,
  images: np.ndarray,
  expected: np.ndarray,
) -> bytes:
  """Returns a file that computes `expected` from `images`.

  Raises:
    errors.UserError: when it cannot be made, or computes something else.
    ImportError: when a library is missing.
  """
  try:
    content = make_file()
    difference = np.abs(run(content, images) - expected).max()
  except (ImportError, errors.UserError):
    raise
  except Exception as error:  # The libraries have exceptions of their own.
    raise errors.UserError(
      f'a layer of the model cannot be written ({type(error).__name__}: '
      f'{error}); look at what its method `operations` returns'
    ) from error
  limit = TOLERANCE * max(1, np.abs(expected).max())
  if not difference <= limit:
    raise errors.UserError(
      f'its logits differ from those of the model by up to {difference:.1e}, '
      f'more than {limit:.1e}; look at what the methods `operations` of its '
      'layers return'
    )
  return content


def _add_examples(bundle: Bundle, steps: Sequence[layers.Operation]) -> None:
  """Adds an example for each file that there is."""
  for name, is_there in (
    ('serve_onnx.py', 'model.onnx' in bundle.files),
    ('serve_stablehlo.py', 'model.stablehlo' in bundle.files),
    ('serve_numpy.py', bool(steps)),
  ):
    if is_there:
      bundle.files[name] = (SERVING / name).read_bytes()


def _make_card(
  bundle: Bundle,
  loaded: weights_lib.Weights,
  about: dict[str, Any],
  steps: Sequence[layers.Operation],
) -> bytes:
  import jax

  filled = {
    name: text.format(
      size=about['num_bytes'],
      sha256=about['sha256'],
      jax=f'jax {jax.__version__}',
      opset=onnx_file.OPSET,
    )
    for name, text in CONTENTS.items()
    if name in bundle.files
  }
  examples = {
    name: bundle.files[name].decode().strip()
    for name in sorted(bundle.files)
    if name.startswith('serve_')
  }
  card = model_card.render(
    about,
    filled,
    steps,
    examples=examples,
    ours=loaded.path.parent == weights_lib.PRETRAINED,
  )
  return card.encode()
