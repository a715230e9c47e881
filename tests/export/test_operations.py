"""The list of operations that a network is."""

import pytest
import weight_samples
from flax import linen as nn

from mnist_jax import errors
from mnist_jax.export import operations
from mnist_jax.models import cnn
from mnist_jax.workdir import weights_file


def test_every_array_of_the_weights_is_used_once():
  for recipe in ('improved', 'fast', 'tiny'):
    drawn = weight_samples.draw_weights(recipe)
    used = [
      argument
      for _, *arguments in operations.list_operations(drawn.model)
      for argument in arguments
      if isinstance(argument, str)
    ]
    assert sorted(used) == list(weights_file.flatten(drawn.variables))


class Plain(nn.Module):
  """A layer that does not say what it computes."""

  @nn.compact
  def __call__(self, x, *, train):
    return nn.Dense(4)(x)


class WithPlain(cnn.Cnn):
  def stack(self):
    return [Plain(), self.logits()]


class Shortcut(cnn.Cnn):
  def stack(self):
    return [self.logits()]

  @nn.compact
  def __call__(self, images, *, train=False):
    return super().__call__(images, train=train) + images.sum()


def test_a_layer_without_operations_is_named():
  with pytest.raises(errors.UserError, match=r'Plain_0.*`operations`'):
    operations.list_operations(WithPlain())


def test_a_model_that_does_more_than_its_layers_is_refused():
  with pytest.raises(errors.UserError, match='__call__ of its own'):
    operations.list_operations(Shortcut())
