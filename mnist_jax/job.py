"""Everything a run needs, built once from its config: a `Job`."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import ml_collections
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from mnist_jax import augment as augment_lib
from mnist_jax import (
  devices,
  epoch,
  errors,
  evaluate,
  hosts,
  metrics,
  models,
  optim,
  train_state,
)
from mnist_jax.data import batches, datasets


@dataclasses.dataclass(frozen=True)
class Job:
  """The plan, the data on the devices, and the functions that run there."""

  config: ml_collections.ConfigDict
  dataset: datasets.Dataset
  mesh: jax.sharding.Mesh
  model: models.Cnn
  optimizer: optim.Optimizer
  steps_per_epoch: int
  num_steps: int
  splits: dict[str, dict[str, jax.Array]]  # Of all that are not empty.
  create: Callable  # () -> (TrainState, Metrics), on all devices.
  run_steps: Callable  # epoch.make_run_steps
  evaluate: Callable  # evaluate.make_evaluate

  def abstract(self):
    """Returns shapes, dtypes and places of (TrainState, Metrics)."""
    return jax.tree.map(
      lambda leaf: jax.ShapeDtypeStruct(
        leaf.shape, leaf.dtype, sharding=NamedSharding(self.mesh, P())
      ),
      jax.eval_shape(self.create),
    )

  def empty_sums(self) -> metrics.Metrics:
    """Returns the sums over no example, on all devices."""
    empty = jax.device_get(metrics.Metrics.empty())
    return hosts.put(empty, NamedSharding(self.mesh, P()))

  def epoch_indices(self, epoch: int) -> jax.Array:
    """Returns the batches [steps, B] of an epoch, split over the devices."""
    indices = batches.epoch_indices(
      len(self.dataset.train),
      self.config.data.batch_size,
      seed=self.config.seed,
      epoch=epoch,
    )
    spec = P(None, self.mesh.axis_names[0])
    return hosts.put(indices, NamedSharding(self.mesh, spec))

  def compile_steps(self) -> Callable:
    """Compiles `run_steps`, once for every epoch and number of steps."""
    indices = self.epoch_indices(0)
    return self.run_steps.lower(
      *self.abstract(), self.splits['train'], indices, 0, 0
    ).compile()


def create_job(
  config: ml_collections.ConfigDict, dataset: datasets.Dataset
) -> Job:
  """Builds a job; nothing is compiled or trained yet.

  Raises:
    errors.UserError: when the batch is larger than the training data, or the
      devices cannot share it.
  """
  batch_size, num_train = config.data.batch_size, len(dataset.train)
  if batch_size > num_train:
    raise errors.UserError(
      f'data.batch_size {batch_size} is larger than the {num_train:,} training '
      f'images of {dataset.name}; try {min(128, num_train)}'
    )
  mesh = devices.create_mesh(config.num_devices, batch_size, epoch.AXIS)
  steps_per_epoch = num_train // batch_size
  num_steps = max(1, round(config.total_epochs * steps_per_epoch))
  model = models.create_model(config.model)
  optimizer = optim.create_optimizer(
    config.optim, steps_per_epoch=steps_per_epoch, num_steps=num_steps
  )
  everywhere = NamedSharding(mesh, P())
  return Job(
    config=config,
    dataset=dataset,
    mesh=mesh,
    model=model,
    optimizer=optimizer,
    steps_per_epoch=steps_per_epoch,
    num_steps=num_steps,
    splits=_put_splits(dataset, everywhere),
    create=functools.partial(
      # The seed is an argument, so that all seeds share a compiled program.
      jax.jit(
        functools.partial(_create, model=model, optimizer=optimizer),
        out_shardings=everywhere,
      ),
      config.seed,
    ),
    run_steps=epoch.make_run_steps(
      mesh,
      model=models.create_model(
        config.model, epoch.AXIS if mesh.size > 1 else None
      ),
      optimizer=optimizer,
      augment=augment_lib.create_augment(config.augment),
    ),
    evaluate=evaluate.make_evaluate(mesh, model=model),
  )


def _create(seed, *, model, optimizer):
  rng = jax.random.key(seed)
  state = train_state.create_train_state(rng, model=model, optimizer=optimizer)
  return state, metrics.Metrics.empty()


def _put_splits(dataset, sharding):
  return {
    name: hosts.put({'image': split.images, 'label': split.labels}, sharding)
    for name in ('train', 'valid', 'test')
    if len(split := getattr(dataset, name))
  }
