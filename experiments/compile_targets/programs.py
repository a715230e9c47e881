"""The programs of a recipe, lowered for a mesh of chips that need not exist."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from mnist_jax.augment import augment
from mnist_jax.models import cnn
from mnist_jax.sweep import parallel_steps
from mnist_jax.training import epoch, evaluate, optim, steps
from mnist_jax.training import trainer as trainer_lib

NUM_IMAGES = 60_000  # MNIST's training set; it lies on every chip.
# On a chip. Of one image XLA:TPU would lay out the whole training set anew in
# each call, and those bytes would count as a step's.
MIN_IMAGES = 4
SEEDS_PER_CHIP = 8  # Of the sweep.


class Programs:
  """Lowers the programs of one recipe; nothing is allocated."""

  def __init__(self, config: ml_collections.ConfigDict, mesh: Any):
    """Takes a recipe, and a mesh with the one axis epoch.AXIS."""
    self.mesh = mesh
    size = max(config.data.batch_size, MIN_IMAGES * mesh.size)
    self.batch_size = -(-size // mesh.size) * mesh.size  # On all chips.
    self._trial_size = max(config.data.batch_size, MIN_IMAGES)  # On one chip.
    self._num_steps = NUM_IMAGES // self.batch_size
    self._model = cnn.create_model(config.model)
    axis_name = epoch.AXIS if mesh.size > 1 else None
    self._split_model = cnn.create_model(config.model, axis_name)
    num_steps = max(1, round(config.total_epochs * self._num_steps))
    self._optimizer = optim.create_optimizer(
      config.optim,
      steps_per_epoch=self._num_steps,
      num_steps=num_steps,
    )
    self._augment = augment.create_augment(config.augment, num_steps=num_steps)
    self._create = functools.partial(
      trainer_lib.create_state, model=self._model, optimizer=self._optimizer
    )

  def train(self) -> tuple[jax.stages.Lowered, int]:
    """Returns the training loop, and the images of a step."""
    program = epoch.make_run_steps(
      self.mesh,
      model=self._split_model,
      optimizer=self._optimizer,
      augment=self._augment,
    )
    made = jax.eval_shape(self._create, 0, self._optimizer.scalars)
    shape = (self._num_steps, self.batch_size)
    return program.lower(
      *self._put(made, P()),
      self._images(),
      self._put(jax.ShapeDtypeStruct(shape, jnp.int32), P(None, epoch.AXIS)),
      self._integer(),
      self._integer(),
    ), self.batch_size

  def evaluate(self) -> tuple[jax.stages.Lowered, int]:
    """Returns the evaluation of one batch, and its number of images."""
    num_images = evaluate.IMAGES_PER_DEVICE * self.mesh.size
    state, _ = jax.eval_shape(self._create, 0, self._optimizer.scalars)
    run = evaluate.make_run(self.mesh, model=self._model)
    rows = [
      jax.ShapeDtypeStruct((1, num_images), dtype) for dtype in ('int32', bool)
    ]
    return run.lower(
      self._put(state.eval_variables(), P()),
      self._images(),
      *self._put(rows, P(None, epoch.AXIS)),
    ), num_images

  def sweep(self) -> tuple[jax.stages.Lowered, int]:
    """Returns the loop of SEEDS_PER_CHIP trials a chip, and a step's images."""
    num_trials = SEEDS_PER_CHIP * self.mesh.size
    step = functools.partial(
      steps.train_step,
      model=self._model,
      optimizer=self._optimizer,
      augment=self._augment,
    )
    program = parallel_steps.make_run_steps(self.mesh, SEEDS_PER_CHIP, step)
    made = jax.eval_shape(
      jax.vmap(self._create, in_axes=(0, None)),
      jax.ShapeDtypeStruct((num_trials,), jnp.int32),
      self._optimizer.scalars,
    )
    num_steps = NUM_IMAGES // self._trial_size
    shape = (num_trials, num_steps, self._trial_size)
    apart = P(epoch.AXIS)
    return program.lower(
      *self._put(made, apart),
      self._images(),
      self._put(jax.ShapeDtypeStruct(shape, jnp.int32), apart),
      self._integer(),
      self._put(jax.ShapeDtypeStruct((num_trials,), jnp.int32), apart),
    ), num_trials * self._trial_size

  def _put(self, tree: Any, spec: P) -> Any:
    sharding = NamedSharding(self.mesh, spec)
    return jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), tree
    )

  def _images(self) -> dict[str, Any]:
    image = jax.ShapeDtypeStruct((NUM_IMAGES, 28, 28), jnp.uint8)
    label = jax.ShapeDtypeStruct((NUM_IMAGES,), jnp.int32)
    return self._put({'image': image, 'label': label}, P())

  def _integer(self) -> Any:
    return self._put(jax.ShapeDtypeStruct((), jnp.int32), P())
