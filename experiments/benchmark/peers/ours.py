"""This project as a contender: its epoch loop, or its step called alone."""

import functools
from collections.abc import Callable

import jax
from jax.sharding import PartitionSpec as P

from experiments.benchmark.peers import contender
from mnist_jax.distributed import devices
from mnist_jax.models import cnn, summary
from mnist_jax.training import epoch, steps
from mnist_jax.training import trainer as trainer_lib


def create(config, dataset, *, alone: bool = False) -> contender.Contender:
  """Creates the contender on the devices that `main` would choose.

  Args:
    config: from `work.create_config`.
    dataset: from `datasets.load_dataset`.
    alone: whether to call a jitted step for each batch, instead of one program
      for all of them. The difference is the cost of the loop.
  """
  devices.configure(config)
  trainer = trainer_lib.create_trainer(config, dataset)
  if alone:
    run_steps = make_run_steps_alone(trainer)
  else:
    trainer.compile_steps()
    run_steps = trainer.run_steps
  state, sums = trainer.create()
  num_params = summary.num_params(state.params)
  epochs = contender.Epochs(trainer.epoch_indices, trainer.steps_per_epoch)

  def take(num_steps: int) -> float:
    nonlocal state, sums
    for indices, start, stop in epochs.pieces(num_steps):
      state, sums = run_steps(
        state, sums, trainer.splits['train'], indices, start, stop
      )
      float(sums.loss_sum)  # Waits for the devices, as training does.
    loss, sums = sums.compute()['loss'], sums.empty()
    return loss

  runs_on = f'{trainer.mesh.size} x {devices.describe(trainer.mesh)}'
  return contender.Contender(take, num_params, runs_on)


def make_run_steps_alone(trainer: trainer_lib.Trainer) -> Callable:
  """Makes a `run_steps` that calls a compiled step in a Python loop."""
  axis_name = epoch.AXIS if trainer.mesh.size > 1 else None
  step: Callable = functools.partial(
    _step,
    model=cnn.create_model(trainer.config.model, axis_name),
    optimizer=trainer.optimizer,
    axis_name=axis_name,
  )
  if axis_name is not None:
    step = jax.shard_map(
      step,
      mesh=trainer.mesh,
      in_specs=(P(), P(), P(), P(None, axis_name), P()),
      out_specs=P(),
      check_vma=False,
    )
  step = jax.jit(step, donate_argnums=(0, 1))

  def run_steps(state, sums, split, indices, start, stop):
    for i in range(start, stop):
      state, sums = step(state, sums, split, indices, i)
      # Two programs with collectives at the same time on one CPU can wait for
      # each other for ever.
      jax.block_until_ready(sums)
    return state, sums

  return run_steps


def _step(state, sums, split, indices, i, **bound):
  batch = jax.tree.map(lambda array: array[indices[i]], split)
  state, new = steps.train_step(state, batch, **bound)
  return state, sums.merge(new)
