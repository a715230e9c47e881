"""Writes trained weights for other programs, with a model card.

python -m mnist_jax.export WORKDIR_OR_NAME OUT_DIR
"""

from __future__ import annotations

from mnist_jax.cli import interrupts

if __name__ == '__main__':
  interrupts.install()

import argparse
import pathlib
import sys
from collections.abc import Sequence

from mnist_jax import errors
from mnist_jax.cli import argparse_args, printable


def main(argv: Sequence[str] | None = None) -> int:
  """Writes the files and prints their paths; returns the exit code.

  Args:
    argv: the command line without the program's name; None reads sys.argv.

  Raises:
    errors.UserError: for a wrong command line, weights that cannot be loaded,
      a folder that is not free, or, after the other files are written, one
      that could not be made.
  """
  given = _parse(argv)
  out = pathlib.Path(given.out)
  # Imported here, so that --help is quick.
  from mnist_jax.export import folder

  folder.check(out)
  from mnist_jax.distributed import devices
  from mnist_jax.export import bundle
  from mnist_jax.predict import weights

  devices.configure_reading()
  argparse_args.load_config(given.config)
  made = bundle.make(weights.load_weights(given.weights))
  for path in folder.write(out, made.files):
    print(printable.escape(path))
  if made.problems:
    raise errors.UserError(f'not written: {"; also ".join(made.problems)}')
  return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
  parser = argparse_args.Parser(
    prog='python -m mnist_jax.export',
    description='Writes trained weights into OUT_DIR for other programs: '
    'model.safetensors, config.json, model.stablehlo (JAX on CPU, CUDA and '
    'TPU), model.onnx, short examples that use them, and README.md, the '
    'model card. Each program is run on 1,000 digits and must compute what '
    'the model does. A file that cannot be made, because a library is missing '
    'or a layer of your own does not say rightly what it computes, is left '
    'out: the others are written, one line says why, and the exit code is 2. '
    'OUT_DIR must be new, empty, or an earlier export, which is replaced.',
  )
  parser.add_argument(
    'weights',
    nargs='?',
    metavar='WORKDIR_OR_NAME',
    help='the workdir of a finished run, pretrained weights (robust, '
    'improved), or a .safetensors file',
  )
  parser.add_argument('out', nargs='?', metavar='OUT_DIR')
  argparse_args.add_config(parser)
  given = parser.parse_args(argv)
  if not given.weights or not given.out:
    parser.error('give weights and a folder, as in: robust exported/robust')
  return given


if __name__ == '__main__':
  sys.exit(argparse_args.run(main))
