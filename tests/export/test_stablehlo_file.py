"""StableHLO files: one for every platform and any number of images."""

import numpy as np
import pytest
import weight_samples
from flax import linen as nn
from jax import export

from mnist_jax import errors
from mnist_jax.export import stablehlo_file
from mnist_jax.models import cnn


def test_one_file_is_for_all_platforms_and_any_number_of_images(images):
  drawn = weight_samples.draw_weights('fast')
  content = stablehlo_file.to_bytes(drawn.model, drawn.variables)
  program = export.deserialize(bytearray(content))
  assert program.platforms == ('cpu', 'cuda', 'tpu')
  together = stablehlo_file.logits(content, images)
  for count in (1, 5):
    found = stablehlo_file.logits(content, images[:count])
    np.testing.assert_allclose(found, together[:count], atol=1e-4)


def test_weights_are_in_the_file_once_for_all_platforms():
  drawn = weight_samples.draw_weights('simple')
  content = stablehlo_file.to_bytes(drawn.model, drawn.variables)
  assert len(content) < 1.1 * 4 * 693_962


class Counts(nn.Module):
  """A layer that wants to know how many images there are."""

  @nn.compact
  def __call__(self, x, *, train):
    return x.reshape(len(x), -1)


class Refuses(Counts):
  """A layer whose exception has no text."""

  @nn.compact
  def __call__(self, x, *, train):
    if not isinstance(x.shape[0], int):
      raise NotImplementedError
    return x


class With(cnn.Cnn):
  layer: type[nn.Module] = Counts

  def stack(self):
    return [self.layer(), self.logits()]


@pytest.mark.parametrize('layer', [Counts, Refuses])
def test_a_layer_that_counts_the_images_gets_one_line(layer):
  drawn = weight_samples.draw_weights('simple', With(layer=layer))
  with pytest.raises(errors.UserError, match=r'use x\.shape\[0\]'):
    stablehlo_file.to_bytes(drawn.model, drawn.variables)
