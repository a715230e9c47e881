"""Checkpoints: the newest two and the best; the only file with orbax.

Each holds the training state, the sums of the epoch under way, and progress in
plain numbers: together all that an exact resume needs.
"""

import collections
import contextlib
import ctypes
import json
import logging
import pathlib
import zlib
from collections.abc import Container, Sequence
from typing import Any, NamedTuple, Self

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

from mnist_jax import errors
from mnist_jax.distributed import devices, multihost
from mnist_jax.workdir import atomic_files


class Restored(NamedTuple):
  """A checkpoint that was read back."""

  state: Any  # The tree of arrays that was saved.
  progress: dict  # What was saved with it, in plain JSON types.
  damaged: list[str]  # A line for each damaged checkpoint that was skipped.


class Checkpoints:
  """The checkpoints of one workdir; use it in a `with` statement."""

  def __init__(self, workdir: str | pathlib.Path):
    """Opens `workdir`/checkpoints, and creates it where it is missing.

    Raises:
      errors.UserError: when the folder cannot be written.
    """
    # Orbax logs each save, and logs as errors what it raises anyway.
    logging.getLogger('absl').setLevel(logging.CRITICAL)
    self.path = pathlib.Path(workdir).absolute() / 'checkpoints'
    # Best steps of the newest two checkpoints: should the newest be damaged,
    # the one before still has the best checkpoint that it speaks of.
    self._best_steps: collections.deque[int | None] = collections.deque(
      maxlen=2
    )
    keep = checkpoint_managers.AnyPreservationPolicy(
      [
        checkpoint_managers.LatestN(2),
        _KeepSteps(self._best_steps),
      ]
    )
    self._replicas_checked = False
    try:
      self._manager = ocp.CheckpointManager(
        self.path,
        item_names=('state', 'progress'),
        options=ocp.CheckpointManagerOptions(
          preservation_policy=keep,
          enable_async_checkpointing=False,
          cleanup_tmp_directories=True,  # Half-written ones, after a kill.
        ),
      )
    except OSError as error:
      raise atomic_files.unwritable(self.path, error) from error

  def __enter__(self) -> Self:
    return self

  def __exit__(self, *unused: object) -> None:
    self._manager.close()

  def keep(self, best_step: int | None) -> None:
    """Keeps the checkpoint of the best step so far, beside the newest two."""
    self._best_steps.append(best_step)

  def save(
    self, step: int, state: Any, progress: dict, *, evaluated: bool
  ) -> None:
    """Saves atomically.

    Args:
      step: number of updates taken.
      state: a tree of arrays.
      progress: what goes with it, in plain JSON types.
      evaluated: whether `progress` includes the evaluation after this step.
        Such a save replaces one that a signal made before the evaluation.

    Raises:
      errors.UserError: when the disk is full or read-only, or devices that
        should hold the same arrays do not.
    """
    if not self._replicas_checked:  # What goes wrong does so from the start.
      devices.check_replicas(state)
      self._replicas_checked = True
    if step in self._manager.all_steps():
      if not evaluated:
        return  # A second signal came before another step.
      self._manager.delete(step)
    meta = {'progress': progress, 'crc32': _checksum(state, progress)}
    try:
      self._manager.save(
        step,
        args=ocp.args.Composite(
          state=ocp.args.StandardSave(state), progress=ocp.args.JsonSave(meta)
        ),
        force=True,
      )
    except (OSError, ValueError) as error:  # Tensorstore raises ValueError.
      if multihost.loss_of_another(error):  # So does a lost process.
        raise
      raise atomic_files.unwritable(self.path, error) from error
    _return_freed_memory()

  def restore_newest(self, like: Any) -> Restored | None:
    """Restores the newest checkpoint that can be read.

    Args:
      like: a tree of arrays or ShapeDtypeStructs with shardings. The restored
        arrays are placed in this way, whatever devices wrote them.

    Returns:
      The checkpoint; None when there is none. Damaged newer ones are deleted,
      since the run will pass their steps again.

    Raises:
      errors.UserError: when there are some and none can be read.
    """
    damaged: dict[int, str] = {}
    for step in sorted(self._manager.all_steps(), reverse=True):
      try:
        state, progress = self._restore(step, like)
      except Exception as error:  # Orbax raises anything on a damaged file.
        if multihost.loss_of_another(error):
          raise
        damaged[step] = _reason(error)
      if multihost.any_true(step in damaged):
        damaged.setdefault(step, 'another process cannot read it')
        continue
      for damaged_step in damaged:
        self._manager.delete(damaged_step)
      lines = [
        f'checkpoint {damaged_step} is damaged ({reason}); going on from {step}'
        for damaged_step, reason in damaged.items()
      ]
      return Restored(state, progress, lines)
    if damaged:
      reasons = '; '.join(f'{step}: {why}' for step, why in damaged.items())
      raise errors.UserError(
        f'none of the checkpoints in {self.path} can be read ({reasons}); '
        'start again with another --workdir'
      )
    return None

  def restore_best(self, step: int, like: Any) -> Any:
    """Restores the state of the best step.

    Raises:
      errors.UserError: when its checkpoint is damaged or gone.
    """
    try:
      state, _ = self._restore(step, like)
    except Exception as error:  # Orbax raises anything on a damaged file.
      if multihost.loss_of_another(error):
        raise
      raise errors.UserError(
        f'checkpoint {step} in {self.path}, the best by validation, cannot be '
        f'read ({_reason(error)}), so its weights are lost; start again with '
        'another --workdir'
      ) from error
    return state

  def _restore(self, step: int, like: Any) -> tuple[Any, dict]:
    saved = self._manager.restore(
      step,
      args=ocp.args.Composite(
        state=ocp.args.StandardRestore(like), progress=ocp.args.JsonRestore()
      ),
    )
    # Without its metadata, a random key comes back as the numbers in it.
    if _dtypes(saved.state) != _dtypes(like):
      raise ValueError('its arrays have other types')
    meta = saved.progress
    # Checkpoints of version 0.1 have a checksum of the arrays alone.
    stored = meta['crc32'] if 'crc32' in meta else meta['checksum']
    covered = meta['progress'] if 'crc32' in meta else None
    if _checksum(saved.state, covered) != stored:
      raise ValueError('its checksum differs')
    return saved.state, meta['progress']


class _KeepSteps(checkpoint_managers.PreservationPolicy):
  """Preserves the steps in a container that changes meanwhile."""

  def __init__(self, steps: Container[int | None]):
    self._steps = steps

  def should_preserve(
    self, checkpoints: Sequence[Any], *, context: Any
  ) -> Sequence[bool]:
    return [checkpoint.step in self._steps for checkpoint in checkpoints]


def _return_freed_memory() -> None:
  """Returns freed memory to the system.

  glibc keeps it for each of the threads that save, so that a run would hold a
  little more after each checkpoint. It takes about a millisecond.
  """
  with contextlib.suppress(AttributeError, OSError, TypeError):  # Not glibc.
    ctypes.CDLL(None).malloc_trim(0)


def _reason(error: Exception) -> str:
  return errors.first_line(error)[:80]


def _dtypes(state: Any) -> list:
  return [leaf.dtype for leaf in jax.tree.leaves(state)]


def _checksum(state: Any, progress: dict | None) -> int:
  """Returns the CRC-32 of all arrays in the tree's order, and of progress."""
  checksum = 0
  for leaf in jax.tree.leaves(state):
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
      leaf = jax.random.key_data(leaf)
    checksum = zlib.crc32(multihost.whole(leaf).tobytes(), checksum)
  if progress is None:
    return checksum
  return zlib.crc32(json.dumps(progress, sort_keys=True).encode(), checksum)
