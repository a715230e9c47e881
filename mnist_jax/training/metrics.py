"""Metrics as sums that merge; the division happens once, at the end."""

import jax
import jax.numpy as jnp
import optax
from flax import struct


class Metrics(struct.PyTreeNode):
  """Sums over examples; each field may have a leading axis of trials."""

  loss_sum: jax.Array  # [] float32, sum of cross-entropies in nats.
  correct: jax.Array  # [] int32.
  count: jax.Array  # [] int32.

  @classmethod
  def empty(cls) -> 'Metrics':
    """Returns the sums over no example."""
    return cls(jnp.float32(0), jnp.int32(0), jnp.int32(0))

  @classmethod
  def from_logits(
    cls, logits: jax.Array, labels: jax.Array, mask: jax.Array | None = None
  ) -> 'Metrics':
    """Sums over the examples where `mask` is true.

    Args:
      logits: [B, 10] float32.
      labels: [B] integers in 0..9.
      mask: [B] bool, or None for all.
    """
    if mask is None:
      mask = jnp.ones(labels.shape, bool)
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    hits = logits.argmax(-1) == labels
    return cls(
      loss_sum=jnp.where(mask, losses, 0.0).sum(),
      correct=(hits & mask).sum(dtype=jnp.int32),
      count=mask.sum(dtype=jnp.int32),
    )

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
