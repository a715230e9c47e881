"""MNIST as a few random images, for every test of the data sets."""

import dataclasses
import functools
import http.server
import threading
import types

import fake_mnist
import pytest

from mnist_jax.data import datasets, decoded, registry, splits


@pytest.fixture
def fake():
  return fake_mnist.make_arrays()


@pytest.fixture
def manual_dir(tmp_path, monkeypatch, fake):
  """A folder with the fake files, for which the official checksums are set."""
  folder = tmp_path / 'manual'
  folder.mkdir()
  files = fake_mnist.write_files(folder, fake)
  sizes = fake_mnist.NUM_TRAIN, fake_mnist.NUM_TEST
  fake_mnist.set_source(monkeypatch, 'mnist', files=files, num_images=sizes)
  monkeypatch.setattr(
    decoded, 'MNIST_FINGERPRINTS', tuple(map(decoded.fingerprint, fake))
  )
  writers = splits.MNIST._replace(num_valid=fake_mnist.NUM_VALID)
  entry = dataclasses.replace(registry.find('mnist'), writers=writers)
  monkeypatch.setitem(registry.DATASETS, 'mnist', entry)
  monkeypatch.delenv('MNIST_JAX_MANUAL_DIR', raising=False)
  monkeypatch.setenv('no_proxy', '*')
  nobody = fake_mnist.NOBODY
  fake_mnist.set_mirrors(monkeypatch, nobody, nobody + 'second/')
  return folder


@pytest.fixture
def load(tmp_path, manual_dir):
  """Loads with the fake files as manual_dir, unless told otherwise."""

  def load_fake(**changes):
    config = {
      'name': 'mnist',
      'valid': 'none',
      'manual_dir': str(manual_dir),
      'data_dir': str(tmp_path / 'data'),
    }
    return datasets.load_dataset(types.SimpleNamespace(**(config | changes)))

  return load_fake


class Quiet(http.server.SimpleHTTPRequestHandler):
  def log_message(self, *args):
    pass


@pytest.fixture
def serve():
  """Serves folders over HTTP on this machine; returns the address of each."""
  servers = []

  def serve_folder(folder):
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    servers.append(server)
    threading.Thread(
      target=server.serve_forever, args=(0.02,), daemon=True
    ).start()
    return f'http://127.0.0.1:{server.server_port}/'

  yield serve_folder
  for server in servers:
    server.shutdown()
    server.server_close()
