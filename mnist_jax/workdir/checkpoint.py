"""Checkpoints: the newest two and the best; the only file with orbax.

Each holds the training state, the sums of the epoch under way, and progress in
plain numbers: together all that an exact resume needs.
"""

import logging
import pathlib
import zlib
from typing import Any

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

from mnist_jax import errors
from mnist_jax.distributed import multihost
from mnist_jax.workdir import atomic_files


class Checkpoints:
  """The checkpoints of one workdir; use it in a `with` statement."""

  def __init__(self, workdir: str | pathlib.Path):
    """Opens, and creates if need be, `workdir`/checkpoints.

    Raises:
      errors.UserError: when the folder cannot be written.
    """
    # Orbax narrates each save, and logs as errors what it raises anyway.
    logging.getLogger('absl').setLevel(logging.CRITICAL)
    self.path = pathlib.Path(workdir).absolute() / 'checkpoints'
    keep = checkpoint_managers.AnyPreservationPolicy(
      [
        # Two: the one before is there when the newest turns out damaged.
        checkpoint_managers.LatestN(2),
        checkpoint_managers.BestN(
          get_metric_fn=_score,
          reverse=True,
          n=1,
          keep_checkpoints_without_metrics=False,
        ),
      ]
    )
    try:
      self._manager = ocp.CheckpointManager(
        self.path,
        item_names=('state', 'progress'),
        options=ocp.CheckpointManagerOptions(
          preservation_policy=keep,
          best_fn=_score,
          best_mode='min',
          enable_async_checkpointing=False,
          cleanup_tmp_directories=True,  # What a kill has left half-written.
        ),
      )
    except OSError as error:
      raise atomic_files.unwritable(self.path, error) from error

  def __enter__(self):
    return self

  def __exit__(self, *unused):
    self._manager.close()

  def save(self, step: int, state: Any, progress: dict, *, score: float | None):
    """Saves atomically.

    Args:
      step: number of updates taken.
      state: a tree of arrays.
      progress: what goes with it, in plain JSON types.
      score: of the validation split, lower is better; None when this step was
        not evaluated.

    Raises:
      errors.UserError: when the disk is full or read-only.
    """
    if step in self._manager.all_steps():
      if score is None:
        return  # A signal came before the next step.
      # Saved by a signal at the end of its epoch, before it was evaluated.
      self._manager.delete(step)
    meta = {'progress': progress, 'checksum': _checksum(state)}
    try:
      self._manager.save(
        step,
        args=ocp.args.Composite(
          state=ocp.args.StandardSave(state), progress=ocp.args.JsonSave(meta)
        ),
        metrics=None if score is None else {'score': score},
        force=True,
      )
    except (OSError, ValueError) as error:  # Tensorstore raises ValueError.
      raise atomic_files.unwritable(self.path, error) from error

  def restore_newest(self, like: Any) -> tuple | None:
    """Restores the newest checkpoint that can be read.

    Args:
      like: a tree of arrays or ShapeDtypeStructs with shardings; what is
        restored is placed so, whatever devices wrote it.

    Returns:
      The state, its progress and one line for each damaged checkpoint passed
      over; None when there is no checkpoint.

    Raises:
      errors.UserError: when there are some and none can be read.
    """
    damaged = {}
    for step in sorted(self._manager.all_steps(), reverse=True):
      try:
        restored = self._restore(step, like)
      except Exception as error:  # Whatever a damaged file makes orbax raise.
        if multihost.loss_of_another(error):
          raise
        damaged[step] = str(error).strip().split('\n')[0][:80]
      if multihost.any_true(step in damaged):
        damaged.setdefault(step, 'as another process reads it')
        continue
      for damaged_step in damaged:  # The run will come by there again.
        self._manager.delete(damaged_step)
      lines = [
        f'checkpoint {damaged_step} is damaged ({reason}); going on from {step}'
        for damaged_step, reason in damaged.items()
      ]
      return *restored, lines
    if damaged:
      raise errors.UserError(
        f'none of the checkpoints in {self.path} can be read; delete '
        f'{self.path.parent} to start afresh'
      )
    return None

  def restore_best(self, like: Any) -> tuple[Any, dict]:
    """Restores the checkpoint of the lowest score."""
    return self._restore(self._manager.best_step(), like)

  def _restore(self, step: int, like: Any):
    saved = self._manager.restore(
      step,
      args=ocp.args.Composite(
        state=ocp.args.StandardRestore(like), progress=ocp.args.JsonRestore()
      ),
    )
    if _checksum(saved.state) != saved.progress['checksum']:
      raise ValueError('its checksum differs')
    return saved.state, saved.progress['progress']


def _score(metrics: dict) -> float:
  return metrics['score']


def _checksum(state: Any) -> int:
  """Returns the CRC-32 of all arrays, in the tree's order."""
  checksum = 0
  for leaf in jax.tree.leaves(state):
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
      leaf = jax.random.key_data(leaf)
    checksum = zlib.crc32(multihost.whole(leaf).tobytes(), checksum)
  return checksum
