"""Where a run's numbers go: metrics.jsonl, and TensorBoard if asked for."""

import json
import pathlib

from mnist_jax import errors
from mnist_jax.distributed import multihost
from mnist_jax.workdir import atomic_files


class MetricWriter:
  """Writes one row per evaluation; use it in a `with` statement.

  Of several processes only the first writes.
  """

  def __init__(
    self, workdir: str | pathlib.Path, *, step: int, tensorboard: bool = False
  ):
    """Opens metrics.jsonl and drops the rows after `step`.

    A run killed between its row and its checkpoint takes those steps again,
    and must not leave their row twice.

    Raises:
      errors.UserError: when the folder cannot be written, or TensorBoard is
        asked for and tensorboardX is not installed.
    """
    self._board = None
    self._writes = multihost.is_first()
    if not self._writes:
      return
    self._path = pathlib.Path(workdir) / 'metrics.jsonl'
    kept = [row for row in read_rows(self._path) if row['step'] <= step]
    atomic_files.write(self._path, b''.join(map(_to_line, kept)))
    if tensorboard:
      self._board = _open_tensorboard(workdir)

  def __enter__(self):
    return self

  def __exit__(self, *unused):
    if self._board:
      self._board.close()

  def write(self, row: dict) -> None:
    """Appends a row of plain numbers that has at least `step`."""
    if not self._writes:
      return
    try:
      with self._path.open('ab') as file:
        file.write(_to_line(row))
    except OSError as error:
      raise atomic_files.unwritable(self._path, error) from error
    if self._board:
      for name, value in row.items():
        self._board.add_scalar(name, value, row['step'])


def read_rows(path: pathlib.Path) -> list[dict]:
  """Reads the rows of a metrics.jsonl; a last line cut short is left out."""
  rows = []
  for line in path.read_bytes().splitlines() if path.exists() else []:
    try:
      rows.append(json.loads(line))
    except ValueError:
      break
  return rows


def _to_line(row: dict) -> bytes:
  return json.dumps(row).encode() + b'\n'


def _open_tensorboard(workdir):
  try:
    import tensorboardX
  except ImportError as error:
    raise errors.UserError(
      'log.tensorboard needs tensorboardX; pip install tensorboardX, or set '
      'log.tensorboard=False'
    ) from error
  return tensorboardX.SummaryWriter(str(workdir))
