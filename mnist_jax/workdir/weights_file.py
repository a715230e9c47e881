"""A trained network as one safetensors file: arrays, temperature, classes."""

import hashlib
import json
import pathlib
import stat
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import safetensors
import safetensors.numpy
from flax import traverse_util

from mnist_jax import errors
from mnist_jax.data import class_names
from mnist_jax.workdir import atomic_files

NAME = 'weights.safetensors'  # In a workdir.
MAX_BYTES = 2**27  # The largest model here has 3 MB.


def to_bytes(
  variables: dict[str, Any],
  temperature: float,
  names: Sequence[str] = class_names.DIGITS,
) -> bytes:
  """Returns a safetensors file.

  Args:
    variables: nested dicts of float32 arrays, such as {'params': ...}; names
      in the file are like params/Dense_0/norm/bias.
    temperature: what logits are divided by before the softmax; kept in the
      file's metadata.
    names: of the classes; in the metadata where they are not the digits.
  """
  metadata = {'temperature': repr(temperature)}
  if not class_names.are_digits(names):
    metadata['class_names'] = json.dumps(list(names))
  return safetensors.numpy.save(flatten(variables), metadata)


def flatten(variables: dict[str, Any]) -> dict[str, np.ndarray]:
  """Returns float32 arrays by names like params/Dense_0/norm/bias, sorted."""
  flat = traverse_util.flatten_dict(jax.device_get(variables), sep='/')
  return {name: np.asarray(flat[name], np.float32) for name in sorted(flat)}


def write(
  workdir: pathlib.Path,
  variables: dict[str, Any],
  temperature: float,
  names: Sequence[str] = class_names.DIGITS,
) -> str:
  """Writes NAME into a workdir; returns its SHA-256."""
  content = to_bytes(variables, temperature, names)
  atomic_files.write(workdir / NAME, content)
  return hashlib.sha256(content).hexdigest()


def read(
  path: pathlib.Path, sha256: str
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
  """Reads a file that `to_bytes` made.

  Args:
    path: of the file.
    sha256: that the file must have.

  Returns:
    {'params/Dense_0/kernel': array, ...} and the metadata.

  Raises:
    errors.UserError: when the file is missing, larger than MAX_BYTES, another
      one than `sha256` says, or not a safetensors file.
  """
  found = hashlib.sha256(_read_bytes(path)).hexdigest()
  if found != sha256:
    raise errors.UserError(
      f'{path} has the SHA-256 {found[:12]}..., but {sha256[:12]}... is '
      'recorded for it: the file is damaged or was replaced; get it again'
    )
  try:
    with safetensors.safe_open(path, framework='np') as file:
      arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
      return arrays, file.metadata() or {}
  except (safetensors.SafetensorError, OSError, TypeError, KeyError) as error:
    raise errors.UserError(
      f'{path} is not a safetensors file ({error}); get it again'
    ) from error


def read_names(metadata: dict[str, str], path: pathlib.Path) -> tuple[str, ...]:
  """Returns the names of the classes; the digits where there are none.

  Raises:
    errors.UserError: they are not what `to_bytes` writes.
  """
  if 'class_names' not in metadata:
    return class_names.DIGITS
  try:
    found = json.loads(metadata['class_names'])
    names = tuple(found) if isinstance(found, list) else ()
    fault = class_names.find_fault(names)
  except (ValueError, RecursionError, TypeError) as error:
    fault = str(error)
  if fault:
    raise errors.UserError(f'{path} has wrong names ({fault}); get it again')
  return names


def unflatten(
  flat: dict[str, np.ndarray], shapes: Any, path: pathlib.Path
) -> dict[str, Any]:
  """Returns the variables that `to_bytes` was given.

  Args:
    flat: from `read`.
    shapes: the tree that they must fit, of anything with a `shape`.
    path: where they are from, for the error.

  Raises:
    errors.UserError: unless they are finite float32 arrays of these names and
      shapes.
  """
  wanted = {
    name: leaf.shape
    for name, leaf in traverse_util.flatten_dict(shapes, sep='/').items()
  }
  if {name: leaf.shape for name, leaf in flat.items()} != wanted:
    raise errors.UserError(
      f'{path} holds the weights of another network: names or shapes differ; '
      'use it with the config that it was trained with'
    )
  if any(leaf.dtype != np.float32 for leaf in flat.values()):
    raise errors.UserError(f'{path} must hold float32 arrays; get it again')
  if not all(np.isfinite(leaf).all() for leaf in flat.values()):
    raise errors.UserError(
      f'{path} holds NaN or infinity, so its run diverged; use other weights'
    )
  return {'batch_stats': {}} | traverse_util.unflatten_dict(flat, sep='/')


def _read_bytes(path: pathlib.Path) -> bytes:
  try:
    if not stat.S_ISREG(path.stat().st_mode):  # A device may never end.
      raise errors.UserError(f'{path} is not a file; use another one')
    with path.open('rb') as file:
      content = file.read(MAX_BYTES + 1)
  except OSError as error:
    raise errors.UserError(
      f'{path} cannot be read ({error.strerror})'
    ) from error
  if len(content) > MAX_BYTES:
    raise errors.UserError(
      f'{path} is larger than {MAX_BYTES // 2**20} MB, so it holds none of '
      'these networks; use another file'
    )
  return content
