"""Several processes as one run, on one machine or on many.

initialize.py joins them, by JAX's distributed runtime. What they share, or must
agree on, goes through here. With one process only `put` imports JAX.
"""

import contextlib
import os
import sys
import zlib
from typing import Any

import numpy as np

from mnist_jax import errors

GONE = (
  'another process of this run is gone ({}); start all of them again with the '
  'same command to go on'
)


def joined() -> bool:
  """Whether this process is one of a distributed run."""
  jax = sys.modules.get('jax')
  return jax is not None and jax.distributed.is_initialized()


def count() -> int:
  """Returns the number of processes."""
  if not joined():
    return 1
  import jax

  return jax.process_count()


def is_first() -> bool:
  """Whether this is process 0, the only one that prints and writes."""
  if not joined():
    return True
  import jax

  return jax.process_index() == 0


def gather(value: int | np.integer) -> list[int]:
  """Returns the `value` (int32) of each process; all of them must call."""
  if count() == 1:
    return [int(value)]
  from jax.experimental import multihost_utils

  return multihost_utils.process_allgather(np.int32(value)).tolist()


def from_first(value: int) -> int:
  """Returns the `value` of process 0; all of them must call."""
  return gather(value)[0]


def any_true(value: bool) -> bool:
  """Whether `value` is true in any process; all of them must call."""
  return any(gather(value))


def check_same(what: str, content: bytes) -> None:
  """Checks that all processes hold the same; all of them must call.

  Raises:
    errors.UserError: in all of them, when one differs.
  """
  checksums = gather(np.uint32(zlib.crc32(content)).astype(np.int32))
  if len(set(checksums)) > 1:
    raise errors.UserError(
      f'{what} is not the same in all processes; start each with the same '
      'command but for --process_id, the same data, and a --workdir that all '
      'of them share'
    )


def put(tree: Any, sharding: Any) -> Any:
  """Places arrays, which every process holds as a whole, on all devices."""
  import jax

  if sharding.is_fully_addressable:
    return jax.device_put(tree, sharding)
  return jax.tree.map(
    lambda array: jax.make_array_from_callback(
      array.shape, sharding, lambda index: array[index]
    ),
    tree,
  )


def whole(array: Any) -> np.ndarray:
  """Returns all of a jax.Array that may lie on many hosts; all must call."""
  if not (array.is_fully_addressable or array.is_fully_replicated):
    from jax.experimental import multihost_utils

    array = multihost_utils.process_allgather(array, tiled=True)
  return np.asarray(array)


def loss_of_another(error: BaseException) -> str:
  """Returns the line about a lost process if `error` tells of one, else ''.

  The runtime has one exception for whatever fails; out of memory and arguments
  that are wrong are this process's own.
  """
  line = errors.first_line(error)
  # JaxRuntimeError has another name in JAX 0.7. A collective that JAX starts
  # while it compiles raises a ValueError.
  is_runtime = type(error).__name__ in ('JaxRuntimeError', 'XlaRuntimeError')
  if count() == 1 or not (is_runtime or 'Gloo' in line):
    return ''
  if line.startswith(('RESOURCE_EXHAUSTED', 'INVALID_ARGUMENT')):
    return ''
  return GONE.format(line)


def leave(code: int) -> None:
  """Ends this process; at once where others wait for it in vain."""
  if not joined():
    sys.exit(code)
  # An orderly exit would wait for the others, who wait for this one.
  for stream in (sys.stdout, sys.stderr):
    with contextlib.suppress(OSError, ValueError):
      stream.flush()
  os._exit(code)
