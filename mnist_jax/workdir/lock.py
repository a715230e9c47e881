"""One process at a time may write a workdir or a sweep's folder."""

import contextlib
import os
import pathlib
import socket
from collections.abc import Iterator
from typing import IO

from mnist_jax import errors
from mnist_jax.distributed import multihost
from mnist_jax.workdir import atomic_files

NAME = '.lock'


@contextlib.contextmanager
def hold(folder: pathlib.Path) -> Iterator[None]:
  """Holds the lock of a folder, which is created where it is missing.

  The kernel releases the lock when the process ends, however it ends. Of the
  processes of a distributed run the first holds it for all. Files that a
  killed process left half-written are removed.

  Raises:
    errors.UserError: when another process holds the lock, or the folder
      cannot be written; in all processes of a run.
  """
  file, problem = None, ''
  if multihost.is_first():
    try:
      file = _acquire(folder)
      atomic_files.remove_leftovers(folder)
    except errors.UserError as error:
      problem = str(error)
  if multihost.any_true(bool(problem)):
    raise errors.UserError(problem or f'{folder} is in use by another process')
  try:
    yield
  finally:
    if file:
      file.close()


def _acquire(folder: pathlib.Path) -> IO[str]:
  path = folder / NAME
  try:
    str(folder).encode()
  except UnicodeEncodeError as error:
    raise errors.UserError(
      f'the folder {str(folder)!a} has a name that is not UTF-8, which '
      'checkpoints cannot use; choose another --workdir'
    ) from error
  try:
    folder.mkdir(parents=True, exist_ok=True)
    file = path.open('a+')
  except (OSError, RecursionError) as error:  # mkdir calls itself.
    raise atomic_files.unwritable(path, error) from error
  try:
    _lock(file)
  except BlockingIOError as error:
    file.seek(0)
    holder = file.read(200).strip() or 'another process'
    file.close()
    raise errors.UserError(
      f'{folder} is in use by {holder}; wait until that ends, or choose '
      'another --workdir'
    ) from error
  try:
    file.truncate(0)
    file.write(f'process {os.getpid()} on {socket.gethostname()}')
    file.flush()
  except OSError as error:
    with contextlib.suppress(OSError):  # It tries to write once more.
      file.close()
    raise atomic_files.unwritable(path, error) from error
  return file


def _lock(file: IO[str]) -> None:
  """Locks an open file, as far as its file system can.

  Raises:
    BlockingIOError: when another process holds the lock.
  """
  try:
    import fcntl
  except ImportError:  # Windows.
    return
  try:
    # Linux turns this into a lock of the server's on NFS.
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except BlockingIOError:
    raise
  except OSError:
    return  # A file system without locks.
