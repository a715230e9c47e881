"""Networks with weights that nobody trained: any weights must be exported."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from mnist_jax import config as config_lib
from mnist_jax.models import cnn
from mnist_jax.predict import weights


def draw_weights(name, model=None):
  """Returns weights of a recipe, or of a `model` of one's own."""
  config = config_lib.load(name)
  if model is None:
    model = cnn.create_model(config.model, extra=config.extra)
  image = jnp.zeros((1, 28, 28, 1))
  shapes = jax.eval_shape(model.init, jax.random.key(0), image)
  rng = np.random.default_rng(0)

  def draw(path, leaf):
    spread = np.prod(leaf.shape[:-1]) ** -0.5 if leaf.ndim > 1 else 0.1
    values = spread * rng.standard_normal(leaf.shape)
    if path[-1].key == 'var':
      values = 0.5 + values**2
    if path[-1].key == 'scale':  # Some gains are negative.
      values = np.where(rng.random(leaf.shape) < 0.2, -1, 1) + values
    return values.astype(np.float32)

  variables = jax.tree_util.tree_map_with_path(draw, shapes)
  return weights.Weights(
    name=name,
    config=config,
    model=model,
    variables={'batch_stats': {}} | variables,
    temperature=0.75,
    path=pathlib.Path('nowhere.safetensors'),
  )
