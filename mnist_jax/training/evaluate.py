"""Whole-split evaluation: every example once, none dropped, in order."""

import functools
from collections.abc import Callable

import jax
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from mnist_jax.data import batches
from mnist_jax.distributed import multihost
from mnist_jax.training import metrics as metrics_lib
from mnist_jax.training import steps

# Small enough that a batch of activations stays near the CPU's cache.
IMAGES_PER_DEVICE = 128


def make_evaluate(mesh: jax.sharding.Mesh, *, model) -> Callable:
  """Compiles the evaluation of a whole split over the devices of `mesh`.

  Returns:
    (variables, split) -> (logits [N, 10] float32 in the split's order,
    Metrics over all N), where split is 'image' [N, 28, 28] uint8 and 'label'
    [N], N > 0, on the devices of the mesh.
  """
  axis = mesh.axis_names[0]
  step = functools.partial(steps.eval_step, model=model)
  run = functools.partial(_run, step=step, axis_name=axis)
  run = jax.jit(
    jax.shard_map(
      run,
      mesh=mesh,
      in_specs=(P(), P(), P(None, axis), P(None, axis)),
      out_specs=(P(None, axis), P()),
      check_vma=False,
    ),
    # Logits that lie on other hosts cannot be fetched, so each gets them all.
    out_shardings=None if multihost.count() == 1 else NamedSharding(mesh, P()),
  )

  def evaluate(variables, split):
    num_examples = len(split['label'])
    indices, mask = batches.pad_to_batches(
      num_examples, IMAGES_PER_DEVICE * mesh.size
    )
    logits, metrics = run(variables, split, indices, mask)
    return np.asarray(logits)[mask], metrics

  return evaluate


def _run(variables, split, indices, mask, *, step, axis_name):
  def body(metrics, rows):
    places, mask = rows
    batch = jax.tree.map(lambda array: array[places], split)
    logits, new = step(variables, batch | {'mask': mask})
    return metrics.merge(new), logits

  empty = metrics_lib.Metrics.empty()
  metrics, logits = jax.lax.scan(body, empty, (indices, mask))
  return logits, jax.lax.psum(metrics, axis_name)
