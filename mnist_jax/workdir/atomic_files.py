"""Files that appear whole or not at all."""

import contextlib
import errno
import json
import os
import pathlib
import re
from typing import Any

from mnist_jax import errors

# Why a file cannot be written; libraries put these into longer messages.
REASONS = [
  os.strerror(number)
  for number in (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES),
    *(errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EIO, errno.ESTALE),
  )
]


def write(path: str | pathlib.Path, content: bytes) -> pathlib.Path:
  """Writes beside the path and renames, so that no reader meets half a file.

  Raises:
    errors.UserError: when the place cannot be written, full or read-only.
  """
  path = pathlib.Path(path)
  temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary.write_bytes(content)
    temporary.replace(path)
  except OSError as error:
    with contextlib.suppress(OSError):
      temporary.unlink()
    raise unwritable(path, error) from error
  return path


def remove_leftovers(folder: pathlib.Path) -> None:
  """Removes half-written files of killed processes, also in figures/.

  Only for a folder that no other process writes.
  """
  for path in [*folder.glob('.*.tmp'), *folder.glob('figures/.*.tmp')]:
    if re.fullmatch(r'\..+\.\d+\.tmp', path.name):  # As `write` names them.
      with contextlib.suppress(OSError):
        path.unlink()


def write_json(path: str | pathlib.Path, value: Any) -> pathlib.Path:
  """Writes indented JSON; NaN and infinity are errors, JSON has neither.

  Raises:
    errors.UserError: when the place cannot be written, full or read-only.
  """
  text = json.dumps(value, indent=2, allow_nan=False) + '\n'
  return write(path, text.encode())


def unwritable(path: str | pathlib.Path, error: Exception) -> errors.UserError:
  """Returns the one line that says why nothing can be written there."""
  told = str(error)
  reason = next((known for known in REASONS if known in told), None)
  reason = reason or getattr(error, 'strerror', None) or told.split('\n')[0]
  return errors.UserError(
    f'{path} cannot be written ({reason}); make room there or choose another '
    'folder (--workdir of a run, --out of a comparison, OUT_DIR of an export)'
  )
