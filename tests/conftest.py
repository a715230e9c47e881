"""Strict settings for every test: several devices, no silent broadcasting."""

import jax
import pytest

# Tests of one device ask for it; the others need some to share work.
jax.config.update('jax_num_cpu_devices', 8)
jax.config.update('jax_numpy_rank_promotion', 'raise')


@pytest.fixture(autouse=True)
def _no_network_or_real_data(monkeypatch, tmp_path):
  """Keeps tests off the user's own data and caches."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path / 'tfds'))
