"""Writes the demo's page as a folder of files that needs no server.

python -m mnist_jax.demo.static_page FOLDER [--weights=robust]
"""

from __future__ import annotations

from mnist_jax.cli import interrupts

if __name__ == '__main__':
  interrupts.install()

import argparse
import base64
import json
import os
import pathlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mnist_jax import errors
from mnist_jax.cli import argparse_args, printable
from mnist_jax.demo import page
from mnist_jax.distributed import devices
from mnist_jax.models import cnn, conv_block
from mnist_jax.predict import digit_reader
from mnist_jax.predict import weights as weights_lib
from mnist_jax.workdir import atomic_files, json_files

_START = b'const WEIGHTS = '  # Of weights.js.


def main(argv: Sequence[str] | None = None) -> int:
  """Writes the folder; returns the exit code.

  Raises:
    errors.UserError: for a wrong command line, weights that cannot be loaded or
      that the page cannot run, or a folder that cannot be written or holds
      files of others.
  """
  given = _parse(argv)
  devices.configure_reading()
  weights = weights_lib.load_weights(given.weights)
  weights_lib.check_digits(weights)
  files = make_files(weights)
  folder = pathlib.Path(given.folder)
  _check_free(folder, files)
  for name, content in files.items():
    atomic_files.write(folder / name, content)
  shown = printable.escape(folder)
  print(f'open {shown}/index.html, or put {shown} on any static host')
  return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
  parser = argparse_args.Parser(
    prog='python -m mnist_jax.demo.static_page',
    description='Writes a web page that reads drawings in the browser itself, '
    'as a folder of files for any static host, or to be opened from the disk.',
  )
  parser.add_argument('folder', help='where to write; made if it is missing')
  parser.add_argument(
    '--weights',
    default=weights_lib.DEFAULT,
    metavar='NAME_OR_DIR',
    help='of the model improved; %(default)s when not given',
  )
  given = parser.parse_args(argv)
  if not given.folder:
    parser.error('the folder has no name')
  return given


def _check_free(folder: pathlib.Path, names: Iterable[str]) -> None:
  """Checks that no file would be replaced but those of an earlier page."""
  found = [name for name in names if os.path.exists(folder / name)]
  path, way_out = folder / 'weights.js', 'give another folder'
  earlier = json_files.read_bytes(path, way_out=way_out) or b''
  if found and not earlier.startswith(_START):
    raise errors.UserError(
      f'{folder} holds {found[0]!r}, which is of no earlier page; {way_out}'
    )


def make_files(weights: weights_lib.Weights) -> dict[str, bytes]:
  """Returns the content of each file of the page, by name.

  Raises:
    errors.UserError: when the weights are of another model than improved.
  """
  # Written first: `_check_free` knows an earlier page by this file.
  files = {'weights.js': _weights_script(weights)}
  names = {*page.STATIC_SCRIPTS, 'page.css', 'icon.svg'} - files.keys()
  files |= {name: page.find(name).read_bytes() for name in sorted(names)}
  return files | {'index.html': page.render(served=False)}


def _weights_script(weights: weights_lib.Weights) -> bytes:
  if type(weights.model) is not cnn.Improved:
    raise errors.UserError(
      f'weights {weights.name!r} are of the model '
      f'{weights.config.model.name!r}, but the page can run only those of '
      "'improved', such as --weights=robust"
    )
  names = [f'ConvBlock_{i}' for i in range(3)] + ['Dense_0', 'Dense_1']
  facts = {
    'name': weights.name,
    'temperature': weights.temperature,
    'threshold': digit_reader.THRESHOLD,
    'no_digit_confidence': digit_reader.NO_DIGIT_CONFIDENCE,
    'mean': cnn.MEAN,
    'std': cnn.STD,
    'layers': [_layer(weights.variables, name) for name in names],
  }
  return _START + f'{json.dumps(facts)};\n'.encode()


def _layer(variables: Mapping[str, Any], name: str) -> dict[str, Any]:
  """Returns a layer's kernel and bias as base64 of float32, little-endian."""
  kernel, bias = fold(variables, name)
  return {
    'shape': kernel.shape,
    'kernel': _encode(kernel),
    'bias': _encode(bias),
  }


def fold(
  variables: Mapping[str, Any], name: str
) -> tuple[np.ndarray, np.ndarray]:
  """Returns kernel [..., F] and bias [F] of a layer, its batch norm in them.

  Args:
    variables: 'params' and 'batch_stats' of `improved`.
    name: of the layer, such as ConvBlock_0.
  """
  params = variables['params'][name]
  inner = params.get('conv') or params['dense']
  kernel, bias = (np.asarray(inner[key], float) for key in ('kernel', 'bias'))
  if 'norm' not in params:
    return kernel, bias
  norm, moments = params['norm'], variables['batch_stats'][name]['norm']
  deviation = np.sqrt(np.asarray(moments['var'], float) + conv_block.EPSILON)
  gain = np.asarray(norm['scale'], float) / deviation
  shift = bias - np.asarray(moments['mean'], float)
  return kernel * gain, shift * gain + np.asarray(norm['bias'], float)


def _encode(array: np.ndarray) -> str:
  return base64.b64encode(array.astype('<f4').tobytes()).decode('ascii')


if __name__ == '__main__':
  sys.exit(argparse_args.run(main))
