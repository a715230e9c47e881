"""Metrics as sums that merge; the division happens once, at the end."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from flax import struct

from mnist_jax import errors

# A recipe's own: (logits [B, K] float32, labels [B]) -> numbers [B], whose
# mean over each split is logged by the name. Add to it before a run starts.
METRICS: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {}
TAKEN = {'loss', 'accuracy', 'num_errors', 'count'}


class Metrics(struct.PyTreeNode):
  """Sums over examples; each field may have a leading axis of trials."""

  loss_sum: jax.Array  # [] float32, sum of cross-entropies in nats.
  correct: jax.Array  # [] int32.
  count: jax.Array  # [] int32.

  @classmethod
  def empty(cls) -> 'Metrics':
    """Returns the sums over no example."""
    sums = cls(jnp.float32(0), jnp.int32(0), jnp.int32(0))
    return _with_custom(sums, {name: jnp.float32(0) for name in METRICS})

  @classmethod
  def from_logits(
    cls, logits: jax.Array, labels: jax.Array, mask: jax.Array | None = None
  ) -> 'Metrics':
    """Sums over the examples where `mask` is true.

    Args:
      logits: [B, K] float32.
      labels: [B] integers in 0..K - 1.
      mask: [B] bool, or None for all.
    """
    if mask is None:
      mask = jnp.ones(labels.shape, bool)
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    hits = logits.argmax(-1) == labels
    sums = cls(
      loss_sum=jnp.where(mask, losses, 0.0).sum(),
      correct=(hits & mask).sum(dtype=jnp.int32),
      count=mask.sum(dtype=jnp.int32),
    )
    custom = {
      name: jnp.where(mask, metric(logits, labels).astype(jnp.float32), 0).sum()
      for name, metric in METRICS.items()
    }
    return _with_custom(sums, custom)

  def merge(self, other: 'Metrics') -> 'Metrics':
    """Returns the sums over both sets of examples."""
    return jax.tree.map(jnp.add, self, other)

  def compute(self) -> dict[str, float | int]:
    """Divides; returns plain numbers for JSON, all 0 over no example."""
    count, correct = int(self.count), int(self.correct)
    return {
      'loss': float(self.loss_sum) / max(count, 1),
      'accuracy': correct / max(count, 1),
      'num_errors': count - correct,
      'count': count,
    }


class CustomMetrics(Metrics):
  """The same with the sums of METRICS, where there are any."""

  custom: dict[str, jax.Array]  # {name: [] float32}.

  def compute(self) -> dict[str, float | int]:
    """Returns the means of METRICS as well.

    Raises:
      errors.UserError: one of them is not finite.
    """
    computed = super().compute()
    for name, total in self.custom.items():
      computed[name] = float(total) / max(computed['count'], 1)
      if not math.isfinite(computed[name]):
        raise errors.UserError(
          f'metric {name!r} is {computed[name]}; it must give a finite number '
          'for each image'
        )
    return computed


def check_custom(batch_size: int, num_classes: int | None = None) -> None:
  """Checks the names of METRICS, and that each gives a number for each image.

  Args:
    batch_size: of the run, which an error names. A step has only one device's
      part of it, a number that the user has not written anywhere.
    num_classes: K; None before the data are loaded. Then ten are tried, and a
      metric that raises an exception may be one for another number.

  Raises:
    errors.UserError: one of them does not.
  """
  for name in METRICS.keys() & TAKEN:
    raise errors.UserError(
      f'metric {name!r} has the name of a number that is logged anyway; choose '
      'another'
    )
  logits = jax.ShapeDtypeStruct((batch_size, num_classes or 10), jnp.float32)
  labels = jax.ShapeDtypeStruct((batch_size,), jnp.int32)
  for name, metric in METRICS.items():
    try:
      values = jax.eval_shape(metric, logits, labels)
    except Exception:
      if num_classes:
        raise
      continue
    if getattr(values, 'shape', None) != labels.shape:
      kind = type(values).__name__
      given = f'an array {values.shape}' if hasattr(values, 'shape') else kind
      raise errors.UserError(
        f'metric {name!r} gives {given} for a batch of {batch_size} images; it '
        f'must give an array {labels.shape}, a number for each image'
      )


def _with_custom(sums: Metrics, custom: dict[str, jax.Array]) -> Metrics:
  # Without METRICS the tree, and so each checkpoint, is that of version 0.1.
  return CustomMetrics(**vars(sums), custom=custom) if custom else sums
