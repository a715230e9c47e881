"""Many training steps as one compiled program, on every device.

The data set lives on the devices as uint8 and an epoch is a loop over index
batches, so there is no input pipeline and no trip to the host.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P

from mnist_jax.training import steps
from mnist_jax.training.metrics import Metrics
from mnist_jax.training.train_state import TrainState

AXIS = 'data'


class Program:
  """A function that is compiled once, before its first call.

  So compiling can be timed apart, and arguments that are placed differently
  never compile a second program unnoticed.
  """

  def __init__(self, function: Callable, **options: Any):
    """Takes `function` and options for `jax.jit`."""
    self._jitted = jax.jit(function, **options)
    self._compiled: Callable | None = None

  def compile(self, *arguments: Any) -> None:
    """Compiles for arguments like these, arrays or their abstract values."""
    if self._compiled is None:
      self._compiled = self.lower(*arguments).compile()

  def lower(self, *arguments: Any) -> jax.stages.Lowered:
    """Returns the program before it is compiled, for arguments like these."""
    return self._jitted.lower(*arguments)

  def __call__(self, *arguments: Any) -> Any:
    return (self._compiled or self._jitted)(*arguments)


def make_run_steps(mesh: jax.sharding.Mesh, **bound: Any) -> Program:
  """Makes `run_steps` for the devices of `mesh`.

  Args:
    mesh: one axis, AXIS, over which each batch is split.
    **bound: `model`, `optimizer` and `augment` of `steps.train_step`.

  Returns:
    `run_steps` without its keyword arguments; its first two arguments are
    donated. One program serves every number of steps.
  """
  axis_name = AXIS if mesh.size > 1 else None
  step = functools.partial(steps.train_step, axis_name=axis_name, **bound)
  run: Callable = functools.partial(run_steps, step=step, axis_name=axis_name)
  if axis_name is not None:
    # Around the whole loop: inside it the devices only meet to average.
    run = jax.shard_map(
      run,
      mesh=mesh,
      in_specs=(P(), P(), P(), P(None, AXIS), P(), P()),
      out_specs=P(),
      check_vma=False,
    )
  return Program(run, donate_argnums=(0, 1))


def run_steps(
  state: TrainState,
  sums: Metrics,
  split: dict[str, jax.Array],
  indices: jax.Array,
  start: int | jax.Array,
  stop: int | jax.Array,
  *,
  step: Callable,
  axis_name: str | None = None,
) -> tuple[TrainState, Metrics]:
  """Takes the steps of one epoch from `start` up to `stop`.

  Args:
    state: of the run.
    sums: over the epoch so far.
    split: 'image' [N, 28, 28] uint8, 'label' [N] integers and, where there are
      non-digits, 'is_digit' [N] bool.
    indices: [steps, B] int32, the epoch's batches (this device's part).
    start: [] int32, first step to take, counted within the epoch.
    stop: [] int32, the step to stop before.
    step: (state, batch) -> (state, metrics of this device's part).
    axis_name: mapped axis each batch is split over, or None when it is whole.

  Returns:
    The state and the sums, over all devices, after those steps.
  """

  def body(i: jax.Array, carry: tuple) -> tuple:
    state, rows = carry
    batch = jax.tree.map(lambda array: array[indices[i]], split)
    state, new = step(state, batch)
    return state, jax.tree.map(lambda row, x: row.at[i].set(x), rows, new)

  def add_row(i: jax.Array, sums: Metrics) -> Metrics:
    return sums.merge(jax.tree.map(lambda row: row[i], rows))

  # The devices add up what they counted once, after the loop: in each step they
  # would wait for each other. Each step keeps a row of its own until then, and
  # the rows are added in order, so that sums of floats do not depend on where
  # the epoch is cut.
  rows = jax.tree.map(
    lambda x: jnp.zeros((len(indices), *x.shape), x.dtype), sums
  )
  state, rows = jax.lax.fori_loop(start, stop, body, (state, rows))
  if axis_name is not None:
    rows = jax.lax.psum(rows, axis_name)
  return state, jax.lax.fori_loop(start, stop, add_row, sums)
