"""Where a run's numbers go: metrics.jsonl, and TensorBoard if asked for."""

import json
import pathlib
from typing import Any, Self

from mnist_jax.distributed import multihost
from mnist_jax.workdir import atomic_files, json_files
from mnist_jax.workdir import tensorboard as tensorboard_lib

NAME = 'metrics.jsonl'


class MetricWriter:
  """Writes one row per evaluation; use it in a `with` statement.

  Of several processes only the first writes.
  """

  def __init__(
    self, workdir: str | pathlib.Path, *, step: int, tensorboard: bool = False
  ):
    """Opens metrics.jsonl and drops the rows after `step`.

    A run that was killed between its row and its checkpoint takes those steps
    again, and must not leave their row twice.

    Raises:
      errors.UserError: when the folder cannot be written, metrics.jsonl is
        damaged, or TensorBoard is asked for and tensorboardX is not installed.
    """
    self._board: Any = None
    self._writes = multihost.is_first()
    if not self._writes:
      return
    self._path = pathlib.Path(workdir) / NAME
    kept = [row for row in read_rows(workdir) if row['step'] <= step]
    atomic_files.write(self._path, b''.join(map(_to_line, kept)))
    if tensorboard:
      self._board = tensorboard_lib.open_writer(workdir)

  def __enter__(self) -> Self:
    return self

  def __exit__(self, *unused: object) -> None:
    if self._board:
      self._board.close()

  def write(self, row: dict) -> None:
    """Appends a row of finite numbers that has at least `step` and `epoch`."""
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


def read_rows(workdir: str | pathlib.Path) -> list[dict]:
  """Returns the rows of a workdir's metrics.jsonl, [] where there is none.

  Raises:
    errors.UserError: when it is damaged.
  """
  return json_files.read_rows(
    pathlib.Path(workdir) / NAME,
    way_out='delete that line, or start again with another --workdir',
  )


def _to_line(row: dict) -> bytes:
  return json.dumps(row, allow_nan=False).encode() + b'\n'
