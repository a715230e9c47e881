"""The same steps over a leading axis of trials, as compiled programs.

Each trial has its own weights, order, dropout and augmentation, and its own
values of `optim.used_scalars`. A device takes one trial, without `vmap` and
with nothing to average over devices, or several by `vmap`.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from mnist_jax.training import epoch, steps
from mnist_jax.training import trainer as trainer_lib
from mnist_jax.training.metrics import Metrics
from mnist_jax.training.train_state import TrainState
from mnist_jax.training.trainer import Trainer


@dataclasses.dataclass(frozen=True)
class Programs:
  """Compiled functions over trees with a leading axis of S trials."""

  size: int  # S, a multiple of the number of devices.
  create: Callable  # (seeds [S], scalars) -> (TrainState, Metrics, best)
  run_steps: epoch.Program  # epoch.run_steps; indices and `stop` have the axis.
  end_epoch: Callable  # (TrainState, losses [S]) -> TrainState
  reset: Callable  # Metrics -> Metrics, all zero.
  keep: Callable  # (better [S], TrainState, best) -> best
  result_of: Callable  # TrainState -> best, where the last step is the best.
  take: Callable  # (tree, index) -> that trial's tree, on every device.
  gather: Callable  # tree -> the same, on every device.
  apart: NamedSharding  # Of arrays with the leading axis.


def make_programs(trainer: Trainer, size: int) -> Programs:
  """Makes the programs of `size` trials; they are compiled at first use.

  Args:
    trainer: of any of the trials, which differ in seed and scalars only.
    size: S, a multiple of the number of devices.
  """
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
    run_steps=make_run_steps(trainer.mesh, size // trainer.mesh.size, step),
    end_epoch=compile_apart(jax.vmap(trainer.optimizer.end_epoch)),
    reset=compile_apart(lambda sums: jax.tree.map(jnp.zeros_like, sums)),
    keep=compile_apart(jax.vmap(_keep)),
    take=compile_shared(
      lambda tree, index: jax.tree.map(lambda leaf: leaf[index], tree)
    ),
    gather=compile_shared(lambda tree: tree),
    result_of=compile_apart(jax.vmap(_result_of)),
    apart=apart,
  )


def _create(
  seed: jax.Array, scalars: dict[str, jax.Array], *, trainer: Trainer
) -> tuple[TrainState, Metrics, Any]:
  state, sums = trainer_lib.create_state(
    seed, scalars, model=trainer.model, optimizer=trainer.optimizer
  )
  best = _result_of(state) if trainer.config.select == 'best_valid' else {}
  return state, sums, best


def _result_of(state: TrainState) -> dict[str, Any]:
  """Returns what a trial reports: its weights, and their step."""
  # Copies: a donated buffer must not appear twice.
  return jax.tree.map(
    jnp.copy, {'step': state.step, 'variables': state.eval_variables()}
  )


def _keep(better: jax.Array, state: TrainState, best: Any) -> Any:
  return jax.tree.map(
    lambda new, old: jnp.where(better, new, old), _result_of(state), best
  )


def make_run_steps(
  mesh: jax.sharding.Mesh, num_local: int, step: Callable
) -> epoch.Program:
  """Makes `epoch.run_steps` for `num_local` trials on each device of `mesh`."""
  run = functools.partial(epoch.run_steps, step=step)
  axes = (0, 0, None, 0, None, 0)
  if num_local == 1:
    over_trials = functools.partial(_squeezed, run, axes)
  else:
    # Each has its own `stop`: a trial that has ended takes no more steps.
    over_trials = jax.vmap(run, in_axes=axes)
  specs = tuple(P() if axis is None else P(epoch.AXIS) for axis in axes)
  over_devices = jax.shard_map(
    over_trials,
    mesh=mesh,
    in_specs=specs,
    out_specs=P(epoch.AXIS),
    check_vma=False,
  )
  return epoch.Program(over_devices, donate_argnums=(0, 1))


def _squeezed(function: Callable, axes: tuple, *arguments: Any) -> Any:
  """Does what `vmap` does over an axis of one, by faster operations."""
  inner = (
    argument if axis is None else jax.tree.map(lambda x: x[0], argument)
    for axis, argument in zip(axes, arguments, strict=True)
  )
  return jax.tree.map(lambda x: x[None], function(*inner))
