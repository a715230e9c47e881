"""Everything that a training step changes, as arrays only."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct

from mnist_jax.models import cnn
from mnist_jax.training import optim


class TrainState(struct.PyTreeNode):
  """The arrays of one run, or of many trials with a leading axis."""

  step: jax.Array  # [] int32, number of updates taken.
  params: Any
  batch_stats: Any  # Running moments of batch norm; {} without it.
  opt_state: optax.OptState
  ema: Any  # Averages of {'params', 'batch_stats'}; {} when switched off.
  lr_scale: optax.OptState  # Of optax's reduce_on_plateau; () without it.
  rng: jax.Array  # [] typed key, which stays: a step folds its number into it.

  def variables(self) -> dict[str, Any]:
    """Returns the model's trained variables as they are now."""
    return {'params': self.params, 'batch_stats': self.batch_stats}

  def eval_variables(self) -> dict[str, Any]:
    """Returns the variables to evaluate: the averages, where there are any."""
    return self.ema or self.variables()


def create_train_state(
  rng: jax.Array, *, model: cnn.Cnn, optimizer: optim.Optimizer
) -> TrainState:
  """Creates the state of step 0.

  Args:
    rng: [] typed key that decides everything random in the run.
    model: from `cnn.create_model`.
    optimizer: from `optim.create_optimizer`.
  """
  init_rng, rng = jax.random.split(rng)
  variables = model.init(init_rng, jnp.zeros((1, 28, 28, 1)))
  params = variables['params']
  variables = {
    'params': params,
    'batch_stats': variables.get('batch_stats', {}),
  }
  return TrainState(
    step=jnp.int32(0),
    **variables,
    opt_state=optimizer.tx.init(params),
    # A copy: a donated buffer must not appear twice.
    ema=jax.tree.map(jnp.copy, variables) if optimizer.ema_decay else {},
    lr_scale=optimizer.plateau.init(params) if optimizer.plateau else (),
    rng=rng,
  )
