"""Many training steps as one compiled program, on every device.

The data set lives on the devices as uint8 and an epoch is a loop over index
batches, so there is no input pipeline and no trip to the host.
"""

import functools
from collections.abc import Callable

import jax
from jax.sharding import PartitionSpec as P

from mnist_jax.training import steps

AXIS = 'data'


def make_run_steps(mesh: jax.sharding.Mesh, **bound) -> Callable:
  """Compiles `run_steps` for the devices of `mesh`.

  Args:
    mesh: one axis, AXIS, over which each batch is split.
    **bound: `model`, `optimizer` and `augment` of `steps.train_step`.

  Returns:
    `run_steps` without its keyword arguments; its first two arguments are
    donated. One program serves every number of steps.
  """
  split = mesh.size > 1
  step = functools.partial(
    steps.train_step, axis_name=AXIS if split else None, **bound
  )
  run = functools.partial(run_steps, step=step)
  if split:
    # Around the whole loop, not inside it: the devices meet only to average.
    run = jax.shard_map(
      run,
      mesh=mesh,
      in_specs=(P(), P(), P(), P(None, AXIS), P(), P()),
      out_specs=P(),
      check_vma=False,
    )
  return jax.jit(run, donate_argnums=(0, 1))


def run_steps(state, metrics, split, indices, start, stop, *, step):
  """Takes the steps of one epoch from `start` up to `stop`.

  Args:
    state: a TrainState.
    metrics: sums over the epoch so far.
    split: 'image' [N, 28, 28] uint8 and 'label' [N] integers.
    indices: [steps, B] int32, the epoch's batches (this device's part).
    start: [] int32, first step to take, counted within the epoch.
    stop: [] int32, the step to stop before.
    step: (state, batch) -> (state, metrics).

  Returns:
    The state and the metrics after those steps.
  """

  def body(i, carry):
    state, metrics = carry
    batch = jax.tree.map(lambda array: array[indices[i]], split)
    state, new = step(state, batch)
    return state, metrics.merge(new)

  return jax.lax.fori_loop(start, stop, body, (state, metrics))
