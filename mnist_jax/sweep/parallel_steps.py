"""The same steps over a leading axis of runs, as compiled programs.

Each run has its own weights, order, dropout and augmentation, and its own
values of `optim.SCALARS`. A device takes one run, with nothing to average over
devices and no vmap, or several by `vmap`.
"""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from mnist_jax.training import epoch, steps
from mnist_jax.training import trainer as trainer_lib


@dataclasses.dataclass(frozen=True)
class Programs:
  """Compiled functions over trees with a leading axis of S runs."""

  size: int  # S, a multiple of the number of devices.
  create: Callable  # (seeds [S], scalars) -> (TrainState, Metrics, best)
  run_steps: Callable  # As epoch.run_steps; indices and `stop` have the axis.
  end_epoch: Callable  # (TrainState, losses [S]) -> TrainState
  reset: Callable  # Metrics -> Metrics, all zero.
  keep: Callable  # (better [S], TrainState, best) -> best
  result_of: Callable  # TrainState -> best, where the last step is the best.
  take: Callable  # (tree, place) -> that run's tree, on every device.
  gather: Callable  # tree -> the same, on every device.
  apart: NamedSharding  # Where the arrays of many runs lie.


def make_programs(trainer: trainer_lib.Trainer, size: int) -> Programs:
  """Makes what `size` runs like `trainer` need; compiled at first use."""
  apart = NamedSharding(trainer.mesh, P(epoch.AXIS))
  step = functools.partial(
    steps.train_step,
    model=trainer.model,
    optimizer=trainer.optimizer,
    augment=trainer.augment,
  )
  compile_apart = functools.partial(jax.jit, out_shardings=apart)
  compile_shared = functools.partial(
    jax.jit, out_shardings=NamedSharding(trainer.mesh, P())
  )
  return Programs(
    size=size,
    create=compile_apart(jax.vmap(functools.partial(_create, trainer=trainer))),
    run_steps=_make_run_steps(trainer.mesh, size // trainer.mesh.size, step),
    end_epoch=compile_apart(jax.vmap(trainer.optimizer.end_epoch)),
    reset=compile_apart(lambda sums: jax.tree.map(jnp.zeros_like, sums)),
    keep=compile_apart(jax.vmap(_keep)),
    take=compile_shared(
      lambda tree, place: jax.tree.map(lambda leaf: leaf[place], tree)
    ),
    gather=compile_shared(lambda tree: tree),
    result_of=compile_apart(jax.vmap(_result_of)),
    apart=apart,
  )


def _create(seed, scalars, *, trainer):
  state, sums = trainer_lib.create_state(
    seed, scalars, model=trainer.model, optimizer=trainer.optimizer
  )
  best = _result_of(state) if trainer.config.select == 'best_valid' else {}
  return state, sums, best


def _result_of(state):
  """What is left of a run: which weights to report, and their step."""
  # Copies: a donated buffer must not appear twice.
  return jax.tree.map(
    jnp.copy, {'step': state.step, 'variables': state.eval_variables()}
  )


def _keep(better, state, best):
  return jax.tree.map(
    lambda new, old: jnp.where(better, new, old), _result_of(state), best
  )


def _make_run_steps(mesh, num_local, step):
  run = functools.partial(epoch.run_steps, step=step)
  axes = (0, 0, None, 0, None, 0)
  if num_local == 1:
    over_runs = functools.partial(_squeezed, run, axes)
  else:
    # A run that has stopped takes no step: vmap gives each its own `stop`.
    over_runs = jax.vmap(run, in_axes=axes)
  specs = tuple(P() if axis is None else P(epoch.AXIS) for axis in axes)
  return jax.jit(
    jax.shard_map(
      over_runs,
      mesh=mesh,
      in_specs=specs,
      out_specs=P(epoch.AXIS),
      check_vma=False,
    ),
    donate_argnums=(0, 1),
  )


def _squeezed(function, axes, *arguments):
  """What `vmap` does over an axis of one, without its slower operations."""
  inner = (
    argument if axis is None else jax.tree.map(lambda x: x[0], argument)
    for axis, argument in zip(axes, arguments, strict=True)
  )
  return jax.tree.map(lambda x: x[None], function(*inner))
