"""Settings and data for every test; nothing of the user's own is touched."""

import jax
import numpy as np
import pytest
from matplotlib import text

from mnist_jax.data import uci_digits

# Before JAX is used: tests of many devices share this process's cores.
jax.config.update('jax_num_cpu_devices', 8)


@pytest.fixture(autouse=True)
def _own_data_dir(monkeypatch, tmp_path):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path / 'tfds'))


@pytest.fixture(scope='module')
def quick_compile():
  """Compiles in a third of the time what then runs slower, for small runs."""
  jax.config.update('jax_disable_most_optimizations', True)
  yield
  jax.config.update('jax_disable_most_optimizations', False)


@pytest.fixture(scope='session')
def digits():
  """Real digits: uint8 images [1300, 28, 28] and int32 labels [1300]."""
  arrays = uci_digits.load()
  return arrays.train_images, arrays.train_labels.astype(np.int32)


@pytest.fixture
def drawn(monkeypatch):
  """The words that are really drawn; ticks out of view are not."""
  found = []
  draw = text.Text.draw

  def draw_and_note(word, renderer):
    if word.get_visible() and word.get_text().strip():
      found.append(word)
    draw(word, renderer)

  monkeypatch.setattr(text.Text, 'draw', draw_and_note)
  return found
