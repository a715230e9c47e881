"""Settings and data for every test; nothing of the user's own is touched."""

import jax
import numpy as np
import pytest

from mnist_jax.data import uci_digits

# Before JAX is used: tests of many devices share this process's cores.
jax.config.update('jax_num_cpu_devices', 8)


@pytest.fixture(autouse=True)
def _own_data_dir(monkeypatch, tmp_path):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path / 'tfds'))


@pytest.fixture(scope='session')
def digits():
  """Real digits: uint8 images [1300, 28, 28] and int32 labels [1300]."""
  arrays = uci_digits.load()
  return arrays.train_images, arrays.train_labels.astype(np.int32)
