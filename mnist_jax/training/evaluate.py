"""Whole-split evaluation: every example once, none dropped, in order."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from mnist_jax.data import batches
from mnist_jax.distributed import multihost
from mnist_jax.models import cnn
from mnist_jax.training import steps
from mnist_jax.training.metrics import Metrics

# Small enough that a batch of activations stays near the CPU's cache.
IMAGES_PER_DEVICE = 128


def make_evaluate(mesh: jax.sharding.Mesh, *, model: cnn.Cnn) -> Callable:
  """Compiles the evaluation of a whole split over the devices of `mesh`.

  Returns:
    (variables, split) -> (logits [N, K] float32 in the split's order,
    Metrics over all N), where split is 'image' [N, 28, 28] uint8 and 'label'
    [N], N > 0, on the devices of the mesh. Where it has 'is_digit' [N] bool,
    the metrics are those of the digits.
  """
  run = make_run(mesh, model=model)

  def evaluate(
    variables: dict[str, Any], split: dict[str, jax.Array]
  ) -> tuple[np.ndarray, Metrics]:
    num_examples = len(split['label'])
    indices, mask = batches.pad_to_batches(
      num_examples, IMAGES_PER_DEVICE * mesh.size
    )
    logits, sums = run(variables, split, indices, mask)
    return np.asarray(logits)[mask], sums

  return evaluate


def make_run(mesh: jax.sharding.Mesh, *, model: cnn.Cnn) -> Any:
  """Returns `_run` as a jitted function over the devices of `mesh`."""
  axis = mesh.axis_names[0]
  step = functools.partial(steps.eval_step, model=model)
  return jax.jit(
    jax.shard_map(
      functools.partial(_run, step=step, axis_name=axis),
      mesh=mesh,
      in_specs=(P(), P(), P(None, axis), P(None, axis)),
      out_specs=(P(None, axis), P()),
      check_vma=False,
    ),
    # Logits on other hosts cannot be fetched, so every host gets all of them.
    out_shardings=None if multihost.count() == 1 else NamedSharding(mesh, P()),
  )


def _run(
  variables: dict[str, Any],
  split: dict[str, jax.Array],
  indices: jax.Array,
  mask: jax.Array,
  *,
  step: Callable,
  axis_name: str,
) -> tuple[jax.Array, Metrics]:
  def body(sums: Metrics, rows: tuple) -> tuple[Metrics, jax.Array]:
    indices, mask = rows
    batch = jax.tree.map(lambda array: array[indices], split)
    if 'is_digit' in batch:
      mask &= batch['is_digit']
    logits, new = step(variables, batch | {'mask': mask})
    return sums.merge(new), logits

  sums, logits = jax.lax.scan(body, Metrics.empty(), (indices, mask))
  return logits, jax.lax.psum(sums, axis_name)
