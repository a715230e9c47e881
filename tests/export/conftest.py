"""Images for every test of the exports."""

import numpy as np
import pytest

from mnist_jax.export import bundle


@pytest.fixture(scope='session')
def images(digits):
  """Real digits, and noise that reaches the borders: [24, 28, 28] uint8."""
  noise = np.random.default_rng(0).integers(0, 256, (8, 28, 28), np.uint8)
  return np.concatenate([digits[0][:16], noise])


@pytest.fixture(scope='module', autouse=True)
def _few_images():
  """Few images are enough to find a difference."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(bundle, 'NUM_CHECKED', 24)
    yield
