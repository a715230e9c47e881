"""Everything a run is built from, made once from its config: a `Trainer`."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, Self

import jax
import ml_collections
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from mnist_jax import errors
from mnist_jax.augment import augment as augment_lib
from mnist_jax.data import batches, class_names, datasets
from mnist_jax.distributed import devices, multihost
from mnist_jax.models import cnn
from mnist_jax.training import epoch as epoch_lib
from mnist_jax.training import evaluate as evaluate_lib
from mnist_jax.training import metrics, optim, train_state
from mnist_jax.training.early_stopping import Progress
from mnist_jax.training.loop import Span
from mnist_jax.training.metrics import Metrics
from mnist_jax.training.train_state import TrainState


@dataclasses.dataclass(frozen=True)
class Trainer:
  """The config, the data on the devices, and the functions that run there."""

  config: ml_collections.ConfigDict
  dataset: datasets.Dataset  # With drawings, where the config has them.
  mesh: jax.sharding.Mesh
  model: cnn.Cnn
  optimizer: optim.Optimizer
  augment: Callable | None
  steps_per_epoch: int
  num_steps: int
  # Without those that are empty, and without a test split that is not to be
  # evaluated.
  splits: dict[str, dict[str, jax.Array]]
  initialize: Callable  # (seed, scalars) -> (TrainState, Metrics)
  run_steps: epoch_lib.Program  # epoch.run_steps
  evaluate: Callable  # evaluate.make_evaluate

  def with_config(self, config: ml_collections.ConfigDict) -> Self:
    """Returns the same trainer for another seed, or other optim.used_scalars.

    Both share data and compiled programs.
    """
    optimizer = dataclasses.replace(
      self.optimizer,
      scalars=optim.used_scalars(config.optim, config.extra),
    )
    return dataclasses.replace(self, config=config, optimizer=optimizer)

  def create(self) -> tuple[TrainState, Metrics]:
    """Creates the state of step 0 and empty sums, on all devices."""
    return self.initialize(self.config.seed, self.optimizer.scalars)

  def abstract(self) -> Any:
    """Returns shapes, dtypes and shardings of what `create` returns."""
    return jax.tree.map(
      lambda leaf: jax.ShapeDtypeStruct(
        leaf.shape, leaf.dtype, sharding=NamedSharding(self.mesh, P())
      ),
      jax.eval_shape(self.create),
    )

  def empty_sums(self) -> Metrics:
    """Returns the sums over no example, on all devices."""
    empty = jax.device_get(Metrics.empty())
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

  def span(self, epoch: int, step: int) -> Span:
    """Returns the steps of `epoch`, of which the run is at `step`."""
    first = epoch * self.steps_per_epoch
    end = min(self.steps_per_epoch, self.num_steps - first)
    return Span(first=first, done=step - first, end=end)

  def is_finished(self, progress: Progress) -> bool:
    """Whether all epochs are done, or early stopping ends the run."""
    num_epochs = math.ceil(self.num_steps / self.steps_per_epoch)
    return progress.epochs >= num_epochs or progress.should_stop(
      self.config.early_stop.patience
    )

  def compile_steps(self) -> None:
    """Compiles `run_steps`, once for every epoch and number of steps."""
    self.run_steps.compile(
      *self.abstract(), self.splits['train'], self.epoch_indices(0), 0, 0
    )

  def diverged(self, start: int, stop: int) -> errors.UserError:
    """Returns the one line about a loss that became NaN or infinite."""
    optim = self.config.optim
    clip = '' if optim.clip_norm else ' or set optim.clip_norm=1.0,'
    return errors.UserError(
      f'the loss became NaN or infinite between steps {start} and {stop}; '
      f'lower optim.lr (now {optim.lr:g}),{clip} and start again with another '
      '--workdir'
    )


def create_trainer(
  config: ml_collections.ConfigDict, dataset: datasets.Dataset
) -> Trainer:
  """Builds a trainer; nothing is compiled or trained yet.

  Raises:
    errors.UserError: when the batch is larger than the training data, too
      small for batch norm, or the devices cannot share it; when drawings of
      digits are to be added to others; or for a wrong metric of a recipe.
  """
  num_classes = len(dataset.class_names)
  metrics.check_custom(config.data.batch_size, num_classes)
  dataset = _add_drawings(dataset, config.data)
  _check_batch_size(config.data.batch_size, dataset)
  batch_size, num_train = config.data.batch_size, len(dataset.train)
  mesh = devices.create_mesh(config.num_devices, batch_size, epoch_lib.AXIS)
  everywhere = NamedSharding(mesh, P())
  steps_per_epoch = num_train // batch_size
  num_steps = max(1, round(config.total_epochs * steps_per_epoch))
  model = cnn.create_model(
    config.model, extra=config.extra, num_classes=num_classes
  )
  cnn.check_model(config.model.name, model, num_classes)
  if batch_size == 1:
    _check_batch_norm(config.model.name, model)
  axis_name = epoch_lib.AXIS if mesh.size > 1 else None
  optimizer = optim.create_optimizer(
    config.optim,
    config.extra,
    steps_per_epoch=steps_per_epoch,
    num_steps=num_steps,
  )
  augment = augment_lib.create_augment(config.augment, config.extra, num_steps)
  return Trainer(
    config=config,
    dataset=dataset,
    mesh=mesh,
    model=model,
    optimizer=optimizer,
    augment=augment,
    steps_per_epoch=steps_per_epoch,
    num_steps=num_steps,
    splits=_put_splits(dataset, everywhere, config.evaluate_test),
    initialize=jax.jit(
      # The seed and the scalars are arguments: all values share a program.
      functools.partial(create_state, model=model, optimizer=optimizer),
      out_shardings=everywhere,
    ),
    run_steps=epoch_lib.make_run_steps(
      mesh,
      model=cnn.create_model(
        config.model, axis_name, config.extra, num_classes
      ),
      optimizer=optimizer,
      augment=augment,
    ),
    evaluate=evaluate_lib.make_evaluate(mesh, model=model),
  )


def create_state(
  seed: int | jax.Array,
  scalars: dict[str, Any],
  *,
  model: cnn.Cnn,
  optimizer: optim.Optimizer,
) -> tuple[TrainState, Metrics]:
  """Creates the state and the empty sums that a run starts from.

  Args:
    seed: [] int32, of everything random in the run.
    scalars: {name: [] float32} of `optimizer.scalars`.
    model: from `cnn.create_model`.
    optimizer: from `optim.create_optimizer`.
  """
  rng = jax.random.key(seed)
  state = train_state.create_train_state(rng, model=model, optimizer=optimizer)
  return optimizer.with_scalars(state, scalars), Metrics.empty()


def _check_digits(train: datasets.Split) -> None:
  """Checks that drawings can be made of these digits."""
  missing = sorted({*range(10)} - {*map(int, train.labels)})
  if missing:
    raise errors.UserError(
      f'the training set has no digit {missing[0]}, of which data.non_digits '
      'and data.pieces draw; set both to 0.0'
    )
  faint = np.flatnonzero(train.images.max(axis=(1, 2)) < 128)
  if len(faint):
    raise errors.UserError(
      f'training image {train.indices[faint[0]]} has no bright ink, of which '
      'data.non_digits and data.pieces draw; leave it out, or set both to 0.0'
    )


def _check_batch_size(batch_size: int, dataset: datasets.Dataset) -> None:
  num_train = len(dataset.train)
  if batch_size > num_train:
    raise errors.UserError(
      f'data.batch_size {batch_size} is larger than the {num_train:,} training '
      f'images of {dataset.name}; try {min(128, num_train)}'
    )


def _check_batch_norm(name: str, model: cnn.Cnn) -> None:
  """Refuses a model that cannot learn from one image at a time.

  Batch norm of a single value gives 0 whatever the value is. That of a feature
  at many positions, as after a convolution, does not.
  """
  image = jax.ShapeDtypeStruct((1, 28, 28, 1), np.float32)
  variables = jax.eval_shape(model.init, jax.random.key(0), image)
  normed = variables.get('batch_stats', {})
  for layer, _, _, shape in cnn.trace_layers(model):
    if layer.name in normed and len(shape) == 1:
      raise errors.UserError(
        f'model {name!r} learns nothing with data.batch_size 1: the batch norm '
        f'of its layer {layer.name} needs two images or more; try '
        'data.batch_size=32'
      )


def _add_drawings(
  dataset: datasets.Dataset, config_data: ml_collections.ConfigDict
) -> datasets.Dataset:
  """Appends drawn images to the training set, as many as the config says.

  Like the splits they do not depend on the seed: trials share the data.
  """
  digits = train = dataset.train
  for name in ('non_digits', 'pieces'):
    if config_data[name] and not class_names.are_digits(dataset.class_names):
      raise errors.UserError(
        f'data.{name} {config_data[name]:g} draws beside digits, and the '
        f'classes of {dataset.name} are none; set data.{name}=0.0'
      )
  if config_data.non_digits or config_data.pieces:
    _check_digits(digits)
  if config_data.non_digits:
    # Imported late, because few runs need SciPy and Pillow here.
    from mnist_jax.data import non_digits

    count = round(config_data.non_digits * len(digits))
    images = non_digits.draw(count, digits.images, digits.labels, seed=0)
    train = train.followed_by(images, np.full(count, datasets.NON_DIGIT))
  if config_data.pieces:
    from mnist_jax.data import pieces

    count = round(config_data.pieces * len(digits))
    train = train.followed_by(
      *pieces.draw(count, digits.images, digits.labels, seed=0)
    )
  return dataclasses.replace(dataset, train=train)


def _put_splits(
  dataset: datasets.Dataset, sharding: NamedSharding, evaluate_test: bool
) -> dict[str, dict[str, jax.Array]]:
  names = ('train', 'valid', 'test') if evaluate_test else ('train', 'valid')
  return {
    name: multihost.put(_as_arrays(split), sharding)
    for name in names
    if len(split := getattr(dataset, name))
  }


def _as_arrays(split: datasets.Split) -> dict[str, np.ndarray]:
  arrays = {'image': split.images, 'label': split.labels}
  if split.num_digits() < len(split):
    # Only then, so that other runs compile the same program as ever.
    arrays['is_digit'] = split.labels != datasets.NON_DIGIT
  return arrays
