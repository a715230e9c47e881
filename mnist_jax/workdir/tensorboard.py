"""What TensorBoard shows of a run, if `config.log.tensorboard` asks for it."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from mnist_jax import config as config_lib
from mnist_jax import errors


def open_writer(workdir: str | pathlib.Path) -> Any:
  """Opens a `tensorboardX.SummaryWriter` in a workdir.

  Raises:
    errors.UserError: tensorboardX is not installed.
  """
  try:
    import tensorboardX
  except ImportError as error:
    raise errors.UserError(
      'log.tensorboard needs tensorboardX; pip install -r '
      'requirements-tracking.txt, or set log.tensorboard=False'
    ) from error
  return tensorboardX.SummaryWriter(str(workdir))


def write_result(workdir: pathlib.Path, config: Any, result: Mapping) -> None:
  """Adds the run's figures, and its hyperparameters with its accuracies.

  Args:
    workdir: the run's folder, with its figures.
    config: of the run.
    result: the content of result.json.
  """
  fields = config_lib.flatten(config)
  scores = {
    f'{split}/accuracy': result[split]['accuracy']
    for split in ('train', 'valid', 'test')
    if result.get(split)
  }
  with open_writer(workdir) as board:
    for path in sorted((workdir / 'figures').glob('*.png')):
      pixels = np.asarray(Image.open(path).convert('RGB'))
      board.add_image(path.stem, pixels, result['steps'], dataformats='HWC')
    board.add_hparams(
      {name: _as_plain(value) for name, value in fields.items()},
      scores,
      name='hyperparameters',
      global_step=result['steps'],
    )


def _as_plain(value: Any) -> bool | int | float | str:
  return value if isinstance(value, bool | int | float) else str(value)
