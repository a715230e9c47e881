"""Random images that stand in for MNIST's, as files and as mirrors."""

import dataclasses
import gzip
import hashlib
import pathlib

import numpy as np
from tensorflow_datasets.core.download import checksums

from mnist_jax.data import decoded, official, registry, tfds_mnist

NOBODY = 'http://127.0.0.1:9/'  # The discard port, where nothing listens.
NUM_TRAIN, NUM_VALID, NUM_TEST = 40, 8, 20
NAMES = (
  'train-images-idx3-ubyte.gz',
  'train-labels-idx1-ubyte.gz',
  't10k-images-idx3-ubyte.gz',
  't10k-labels-idx1-ubyte.gz',
)


def make_arrays() -> decoded.Arrays:
  """Returns 40 training and 20 test images."""
  rng = np.random.default_rng(0)
  return decoded.Arrays(
    rng.integers(0, 256, (NUM_TRAIN, 28, 28), np.uint8),
    rng.integers(0, 10, NUM_TRAIN, np.uint8),
    rng.integers(0, 256, (NUM_TEST, 28, 28), np.uint8),
    rng.integers(0, 10, NUM_TEST, np.uint8),
  )


def write_files(
  folder: pathlib.Path, arrays: decoded.Arrays
) -> dict[str, official.File]:
  """Writes the four .gz files; returns what their `Source` must say."""
  files = {}
  for name, array in zip(NAMES, arrays, strict=True):
    shape = np.array(array.shape, '>i4').tobytes()
    data = gzip.compress(bytes([0, 0, 8, array.ndim]) + shape + array.tobytes())
    (folder / name).write_bytes(data)
    files[name] = official.File(
      name, len(data), hashlib.sha256(data).hexdigest()
    )
  return files


def set_source(monkeypatch, name, **changes):
  """Changes where a data set comes from, and what the registry knows of it."""
  source = official.SOURCES[name]._replace(**changes)
  monkeypatch.setitem(official.SOURCES, name, source)
  entry = dataclasses.replace(registry.find(name), num_images=source.num_images)
  monkeypatch.setitem(registry.DATASETS, name, entry)


def set_mirrors(monkeypatch, *mirrors, name='mnist'):
  """Points the real builder at other mirrors, with checksums for each."""
  set_source(monkeypatch, name, mirrors=mirrors)
  infos = {
    mirror + file.name: checksums.UrlInfo(file.size, file.sha256, file.name)
    for mirror in mirrors
    for file in official.SOURCES[name].files.values()
  }
  monkeypatch.setattr(tfds_mnist.Mnist, 'url_infos', infos)


def assert_is(dataset, fake):
  np.testing.assert_array_equal(dataset.train.images, fake.train_images)
  np.testing.assert_array_equal(dataset.train.labels, fake.train_labels)
  np.testing.assert_array_equal(dataset.test.images, fake.test_images)
  np.testing.assert_array_equal(dataset.test.labels, fake.test_labels)


def assert_one_line(error, *words):
  message = str(error.value)
  assert '\n' not in message
  for word in words:
    assert word in message


def assert_says_one_line(capfd):
  out, err = capfd.readouterr()
  assert out == ''
  assert err.startswith('preparing MNIST in ')
  assert err.count('\n') == 1


def truncate(path):
  path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(path):
  data = bytearray(path.read_bytes())
  data[-1] ^= 1
  path.write_bytes(data)


def write_html(path):
  path.write_bytes(b'\n<!DOCTYPE html><html>503 Service Unavailable</html>')
