"""Everything a run needs, built once from its config: a `Trainer`."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import ml_collections
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from mnist_jax import errors
from mnist_jax.augment import augment as augment_lib
from mnist_jax.data import batches, datasets
from mnist_jax.distributed import devices, multihost
from mnist_jax.models import cnn
from mnist_jax.training import epoch as epoch_lib
from mnist_jax.training import evaluate as evaluate_lib
from mnist_jax.training import metrics, optim, train_state


@dataclasses.dataclass(frozen=True)
class Trainer:
  """The plan, the data on the devices, and the functions that run there."""

  config: ml_collections.ConfigDict
  dataset: datasets.Dataset
  mesh: jax.sharding.Mesh
  model: cnn.Cnn
  optimizer: optim.Optimizer
  augment: Callable | None
  steps_per_epoch: int
  num_steps: int
  splits: dict[str, dict[str, jax.Array]]  # Of all that are not empty.
  initialize: Callable  # (seed, scalars) -> (TrainState, Metrics)
  run_steps: Callable  # epoch.make_run_steps
  evaluate: Callable  # evaluate.make_evaluate
  compiled: dict[str, Callable]  # What `compile_steps` has made.

  def with_config(self, config: ml_collections.ConfigDict) -> 'Trainer':
    """Returns the same job of another seed, or of other optim.SCALARS.

    Both share data and compiled programs.
    """
    optimizer = dataclasses.replace(
      self.optimizer,
      scalars={name: config.optim[name] for name in self.optimizer.scalars},
    )
    return dataclasses.replace(self, config=config, optimizer=optimizer)

  def create(self):
    """Creates the (TrainState, Metrics) of step 0, on all devices."""
    return self.initialize(self.config.seed, self.optimizer.scalars)

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
    return multihost.put(empty, NamedSharding(self.mesh, P()))

  def epoch_batches(self, epoch: int) -> np.ndarray:
    """Returns an epoch's batches of training images, [steps, B] int32."""
    return batches.epoch_indices(
      len(self.dataset.train),
      self.config.data.batch_size,
      seed=self.config.seed,
      epoch=epoch,
    )

  def epoch_indices(self, epoch: int) -> jax.Array:
    """Returns the same, each batch split over the devices."""
    spec = P(None, self.mesh.axis_names[0])
    return multihost.put(
      self.epoch_batches(epoch), NamedSharding(self.mesh, spec)
    )

  def compile_steps(self) -> Callable:
    """Compiles `run_steps`, once for every epoch and number of steps."""
    if 'run_steps' not in self.compiled:
      indices = self.epoch_indices(0)
      self.compiled['run_steps'] = self.run_steps.lower(
        *self.abstract(), self.splits['train'], indices, 0, 0
      ).compile()
    return self.compiled['run_steps']


def create_trainer(
  config: ml_collections.ConfigDict, dataset: datasets.Dataset
) -> Trainer:
  """Builds a trainer; nothing is compiled or trained yet.

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
  mesh = devices.create_mesh(config.num_devices, batch_size, epoch_lib.AXIS)
  everywhere = NamedSharding(mesh, P())
  steps_per_epoch = num_train // batch_size
  num_steps = max(1, round(config.total_epochs * steps_per_epoch))
  model = cnn.create_model(config.model)
  optimizer = optim.create_optimizer(
    config.optim, steps_per_epoch=steps_per_epoch, num_steps=num_steps
  )
  augment = augment_lib.create_augment(config.augment)
  run_steps = epoch_lib.make_run_steps(
    mesh,
    model=cnn.create_model(
      config.model, epoch_lib.AXIS if mesh.size > 1 else None
    ),
    optimizer=optimizer,
    augment=augment,
  )
  return Trainer(
    config=config,
    dataset=dataset,
    mesh=mesh,
    model=model,
    optimizer=optimizer,
    augment=augment,
    steps_per_epoch=steps_per_epoch,
    num_steps=num_steps,
    splits=_put_splits(dataset, everywhere),
    initialize=jax.jit(
      # The seed and the scalars are arguments: all values share a program.
      functools.partial(create_state, model=model, optimizer=optimizer),
      out_shardings=everywhere,
    ),
    run_steps=run_steps,
    evaluate=evaluate_lib.make_evaluate(mesh, model=model),
    compiled={},
  )


def create_state(seed, scalars, *, model, optimizer):
  """Creates the state and the empty sums that a run starts from.

  Args:
    seed: [] int32, of everything random in the run.
    scalars: {name: [] float32} of `optimizer.scalars`.
  """
  rng = jax.random.key(seed)
  state = train_state.create_train_state(rng, model=model, optimizer=optimizer)
  return optimizer.with_scalars(state, scalars), metrics.Metrics.empty()


def _put_splits(dataset, sharding):
  return {
    name: multihost.put(
      {'image': split.images, 'label': split.labels}, sharding
    )
    for name in ('train', 'valid', 'test')
    if len(split := getattr(dataset, name))
  }
