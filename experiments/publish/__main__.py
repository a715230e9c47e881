"""Turns a finished run into pretrained weights that come with the package.

  python -m experiments.publish --workdir=runs/robust-seed0 --name=robust

writes NAME.safetensors, NAME.json and the model card NAME.md into
mnist_jax/predict/pretrained/. The card's numbers come from the run. Afterwards
`python -m experiments.photos` measures the new weights on photos, and adds that
to the card.
"""

import re

from absl import flags

from mnist_jax import errors
from mnist_jax.cli import absl_flags

_WORKDIR = flags.DEFINE_string('workdir', '', 'Folder of a finished run.')
_NAME = flags.DEFINE_string('name', '', 'Name of the pretrained weights.')
_INTO = flags.DEFINE_string(
  'into', '', 'Another folder for the three files than that of the package.'
)


def main() -> None:
  """Checks the flags, writes the three files, and prints their paths."""
  if not _WORKDIR.value or not re.fullmatch('[a-z][a-z0-9_]*', _NAME.value):
    raise errors.UserError(
      f'workdir {_WORKDIR.value!r} and name {_NAME.value!r} must both be '
      'given, the name in small letters; try '
      '--workdir=runs/improved-seed0 --name=improved'
    )
  # Imported here, so that --help and mistyped flags are answered at once.
  from experiments.publish import pretrained
  from mnist_jax.predict import weights

  into = _INTO.value or str(weights.PRETRAINED)
  for path in pretrained.publish(_WORKDIR.value, _NAME.value, into):
    print(path)


if __name__ == '__main__':
  absl_flags.run(main)
