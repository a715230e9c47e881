"""Settings and data for every test; nothing of the user's own is touched."""

import os
import pathlib
import shutil
import tempfile

# What a user has set for runs of their own must not decide what tests find.
for _name in ('JAX_NUM_CPU_DEVICES', 'MNIST_JAX_ONEDNN', 'XLA_FLAGS'):
  os.environ.pop(_name, None)
os.environ['JAX_PLATFORMS'] = (
  'cpu'  # Tests make CPU devices, also beside a GPU.
)
os.environ.setdefault('PYTHONUTF8', '1')  # For the workers and what they start.

# ruff: noqa: E402
import jax
import numpy as np
import pytest
from matplotlib import text

from mnist_jax.data import uci_digits

# Before JAX is used: tests of many devices share this process's cores.
jax.config.update('jax_num_cpu_devices', 8)
# Programs compile in a third of the time and then run slower, which is faster
# for small runs: here, and in the processes that tests start.
jax.config.update('jax_disable_most_optimizations', True)
os.environ['JAX_DISABLE_MOST_OPTIMIZATIONS'] = 'true'


def pytest_configure(config):
  """Gives all tests, and the processes they start, one compilation cache."""
  if not hasattr(config, 'workerinput'):  # The first process decides.
    config.own_cache = tempfile.mkdtemp(prefix='mnist_jax-tests-')
    os.environ['XDG_CACHE_HOME'] = config.own_cache
  cache = pathlib.Path(os.environ['XDG_CACHE_HOME']) / 'mnist_jax' / 'xla'
  jax.config.update('jax_compilation_cache_dir', str(cache))
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.0)


def pytest_unconfigure(config):
  if hasattr(config, 'own_cache'):
    shutil.rmtree(config.own_cache, ignore_errors=True)


@pytest.fixture(autouse=True)
def _own_data_dir(monkeypatch, tmp_path):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path / 'tfds'))


def _become_nobody():
  """Gives up root's right to enter any folder, for this process alone."""
  try:
    os.seteuid(65534)
  except OSError:  # Some containers have no other user.
    pytest.skip('this process cannot become another user')


@pytest.fixture
def no_entry():
  """A folder that this process cannot enter, also where it is root."""
  user = os.geteuid()
  # The folders above must be open to others: root's own may not be.
  above = '/tmp' if user == 0 else None
  folder = pathlib.Path(tempfile.mkdtemp(prefix='mnist_jax-tests-', dir=above))
  try:
    folder.chmod(0)
    if user == 0:
      _become_nobody()
    yield folder
  finally:
    os.seteuid(user)
    folder.chmod(0o700)
    shutil.rmtree(folder)


@pytest.fixture(scope='module')
def optimized():
  """Compiles in this process as for a user, where the program is the claim."""
  jax.config.update('jax_disable_most_optimizations', False)
  yield
  jax.config.update('jax_disable_most_optimizations', True)


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
