import functools
import gzip
import hashlib
import http.server
import json
import os
import pathlib
import struct
import subprocess
import sys
import threading
import types

import numpy as np
import pytest
from array_record.python import array_record_module
from tensorflow_datasets.core.download import checksums

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.data import (
  datasets,
  decoded,
  mirrors,
  mnist_format,
  official,
  splits,
  tfds_mnist,
  uci_digits,
)

REAL_MANUAL_DIR = os.environ.get('MNIST_JAX_MANUAL_DIR', '')
NOBODY = 'http://127.0.0.1:9/'  # The discard port, where nothing listens.
NUM_TRAIN, NUM_VALID, NUM_TEST = 40, 8, 20


def idx(array):
  header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, '>i4').tobytes()
  return gzip.compress(header + array.tobytes())


@pytest.fixture
def fake():
  """Forty and twenty random images, standing in for MNIST's."""
  rng = np.random.default_rng(0)
  return decoded.Arrays(
    rng.integers(0, 256, (NUM_TRAIN, 28, 28), np.uint8),
    rng.integers(0, 10, NUM_TRAIN, np.uint8),
    rng.integers(0, 256, (NUM_TEST, 28, 28), np.uint8),
    rng.integers(0, 10, NUM_TEST, np.uint8),
  )


def set_mirrors(monkeypatch, *mirrors):
  """Points the real builder at other mirrors, with checksums for each."""
  monkeypatch.setattr(official, 'MIRRORS', mirrors)
  infos = {
    mirror + file.name: checksums.UrlInfo(file.size, file.sha256, file.name)
    for mirror in mirrors
    for file in official.FILES.values()
  }
  monkeypatch.setattr(tfds_mnist.Mnist, 'url_infos', infos)


@pytest.fixture
def manual_dir(tmp_path, monkeypatch, fake):
  """A folder with the fake files, for which the official checksums are set."""
  folder = tmp_path / 'manual'
  folder.mkdir()
  files = {}
  for name, array in zip(
    (
      'train-images-idx3-ubyte.gz',
      'train-labels-idx1-ubyte.gz',
      't10k-images-idx3-ubyte.gz',
      't10k-labels-idx1-ubyte.gz',
    ),
    fake,
    strict=True,
  ):
    data = idx(array)
    (folder / name).write_bytes(data)
    files[name] = official.File(
      name, len(data), hashlib.sha256(data).hexdigest()
    )
  monkeypatch.setattr(official, 'FILES', files)
  monkeypatch.setattr(
    decoded, 'MNIST_FINGERPRINTS', tuple(map(decoded.fingerprint, fake))
  )
  monkeypatch.setitem(splits.SIZES, 'mnist', (NUM_TRAIN, NUM_VALID))
  monkeypatch.delenv('MNIST_JAX_MANUAL_DIR', raising=False)
  monkeypatch.setenv('no_proxy', '*')
  set_mirrors(monkeypatch, NOBODY, NOBODY + 'second/')
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


def load_uci(valid):
  return datasets.load_dataset(
    types.SimpleNamespace(
      name='uci_digits', valid=valid, manual_dir='', data_dir=''
    )
  )


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


def test_the_builder_gives_back_the_files_in_their_own_order(load, fake):
  dataset = load()
  assert_is(dataset, fake)
  assert (dataset.name, dataset.notice) == ('mnist', '')
  for split in (dataset.train, dataset.valid, dataset.test):
    assert split.images.dtype == np.uint8
    assert split.labels.dtype == split.indices.dtype == np.int32
  np.testing.assert_array_equal(dataset.test.indices, np.arange(NUM_TEST))


def test_the_second_load_needs_no_tfds(load, fake, monkeypatch):
  load()
  monkeypatch.delattr(datasets, '_import_tfds_mnist')
  assert_is(load(manual_dir=''), fake)


def test_a_prepared_directory_needs_no_network_and_no_files(
  load, fake, manual_dir
):
  tfds_mnist.prepare(manual_dir.parent / 'data', manual_dir)
  assert_is(load(manual_dir=''), fake)


def assert_says_one_line(capfd):
  out, err = capfd.readouterr()
  assert out == ''
  assert err.startswith('preparing MNIST in ')
  assert err.count('\n') == 1


def test_preparing_says_so_in_one_line(load, capfd):
  load()
  assert_says_one_line(capfd)


def truncate(path):
  path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(path):
  data = bytearray(path.read_bytes())
  data[-1] ^= 1
  path.write_bytes(data)


def write_html(path):
  path.write_bytes(b'\n<!DOCTYPE html><html>503 Service Unavailable</html>')


@pytest.mark.parametrize(
  'damage', [truncate, flip_a_bit, write_html, pathlib.Path.unlink]
)
@pytest.mark.parametrize('field', ['train_images', 'test_labels'])
def test_a_damaged_decoded_copy_is_rebuilt(load, fake, tmp_path, damage, field):
  load()
  path = tmp_path / 'data/mnist/decoded-3.0.1' / f'{field}.npy'
  damage(path)
  assert_is(load(), fake)
  np.testing.assert_array_equal(np.load(path), getattr(fake, field))


@pytest.mark.parametrize('name', ['mnist', 'auto'])
@pytest.mark.parametrize(
  ('damage', 'words'),
  [
    (pathlib.Path.unlink, 'is missing'),
    (truncate, 'is truncated'),
    (write_html, 'is a web page'),
    (flip_a_bit, 'is not the official file'),
  ],
)
def test_a_bad_file_in_manual_dir_is_one_line_even_when_not_needed(
  load, manual_dir, name, damage, words
):
  load()
  damage(manual_dir / 't10k-images-idx3-ubyte.gz')
  with pytest.raises(errors.UserError) as error:
    load(name=name)
  assert_one_line(
    error, str(manual_dir), 't10k-images-idx3-ubyte.gz', words, 'get it from'
  )


@pytest.mark.parametrize('name', ['mnist', 'auto'])
def test_a_missing_manual_dir_is_one_line(load, name):
  with pytest.raises(errors.UserError) as error:
    load(name=name, manual_dir='/nowhere/at/all')
  assert_one_line(error, '/nowhere/at/all is not a directory', 'manual_dir')


def test_the_environment_variable_stands_in_for_manual_dir(
  load, fake, manual_dir, monkeypatch
):
  monkeypatch.setenv('MNIST_JAX_MANUAL_DIR', str(manual_dir))
  assert_is(load(manual_dir=''), fake)


def test_tfds_data_dir_stands_in_for_data_dir(
  load, fake, tmp_path, monkeypatch
):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path / 'elsewhere'))
  assert_is(load(data_dir=''), fake)
  assert (tmp_path / 'elsewhere/mnist/3.0.1/dataset_info.json').exists()


def test_mnist_without_network_and_files_names_the_three_ways(load):
  with pytest.raises(errors.UserError) as error:
    load(manual_dir='')
  assert_one_line(
    error, '127.0.0.1', 'network', 'data.manual_dir', 'data.data_dir'
  )


def test_auto_without_network_and_files_is_uci_digits_and_says_why(
  load, tmp_path
):
  dataset = load(name='auto', manual_dir='')
  assert dataset.name == 'uci_digits'
  assert 'Connection refused' in dataset.notice
  assert not (tmp_path / 'data').exists()


def test_a_mirror_that_does_not_answer_is_given_up_within_seconds(
  load, monkeypatch
):
  monkeypatch.setattr(mirrors, 'PROBE_SECONDS', 0.1)
  with http.server.HTTPServer(('127.0.0.1', 0), None) as mute:
    set_mirrors(monkeypatch, f'http://127.0.0.1:{mute.server_port}/')
    with pytest.raises(errors.UserError, match='no answer'):
      load(manual_dir='')


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


def test_the_second_mirror_serves_when_the_first_is_dead(
  load, fake, manual_dir, monkeypatch, serve, capfd
):
  set_mirrors(monkeypatch, NOBODY, serve(manual_dir))
  assert_is(load(name='auto', manual_dir=''), fake)
  assert_says_one_line(capfd)


@pytest.mark.parametrize('damage', [write_html, pathlib.Path.unlink])
@pytest.mark.parametrize('name', ['t10k-labels-idx1', 'train-images-idx3'])
def test_the_second_mirror_serves_when_the_first_has_bad_files(
  load, fake, manual_dir, monkeypatch, tmp_path, serve, damage, name
):
  bad = tmp_path / 'bad'
  bad.mkdir()
  for path in manual_dir.iterdir():
    (bad / path.name).write_bytes(path.read_bytes())
  damage(bad / f'{name}-ubyte.gz')
  set_mirrors(monkeypatch, serve(bad), serve(manual_dir))
  assert_is(load(manual_dir=''), fake)


def test_the_builder_knows_a_checksum_for_every_file_on_every_mirror():
  for mirror in official.MIRRORS:
    for file in official.FILES.values():
      info = tfds_mnist.Mnist.url_infos[mirror + file.name]
      assert (info.size, info.checksum, info.filename) == (
        file.size,
        file.sha256,
        file.name,
      )


def rewrite_as_tfrecord(directory):
  """Turns our array_record files into the files of TFDS's own builder."""
  for path in directory.glob('*.array_record-*'):
    records = array_record_module.ArrayRecordReader(str(path)).read_all()
    path.with_name(path.name.replace('array_record', 'tfrecord')).write_bytes(
      b''.join(
        struct.pack('<QI', len(record), 0) + record + bytes(4)
        for record in records
      )
    )
    path.unlink()
  info = directory / 'dataset_info.json'
  fields = json.loads(info.read_text()) | {'fileFormat': 'tfrecord'}
  info.write_text(json.dumps(fields))


def test_the_tfrecord_files_of_tfds_itself_are_read_without_tensorflow(
  load, fake, tmp_path, manual_dir
):
  tfds_mnist.prepare(tmp_path / 'data', manual_dir)
  rewrite_as_tfrecord(tmp_path / 'data/mnist/3.0.1')
  assert_is(load(manual_dir=''), fake)
  assert 'tensorflow' not in sys.modules


def test_a_prepared_directory_of_other_images_is_refused(
  load, tmp_path, manual_dir, monkeypatch
):
  tfds_mnist.prepare(tmp_path / 'data', manual_dir)
  monkeypatch.setattr(decoded, 'MNIST_FINGERPRINTS', ('other',) * 4)
  with pytest.raises(errors.UserError) as error:
    load(name='auto')
  assert_one_line(error, 'mnist/3.0.1 does not hold', 'move it away')


@pytest.mark.parametrize('damage', [truncate, pathlib.Path.unlink])
def test_a_damaged_prepared_directory_is_one_line(
  load, tmp_path, manual_dir, damage
):
  tfds_mnist.prepare(tmp_path / 'data', manual_dir)
  for path in (tmp_path / 'data/mnist/3.0.1').glob('mnist-*'):
    damage(path)
  with pytest.raises(errors.UserError) as error:
    load()
  assert_one_line(error, 'mnist/3.0.1 cannot be read', 'move it away')


def test_a_data_dir_that_cannot_be_made_is_one_line(load, tmp_path):
  (tmp_path / 'data').write_text('a file where a directory should be')
  with pytest.raises(errors.UserError) as error:
    load(name='auto')
  assert_one_line(error, f'{tmp_path / "data"} cannot be written', 'data_dir')


def test_a_prepared_directory_that_takes_no_copy_is_decoded_in_memory(
  load, fake, tmp_path, manual_dir
):
  tfds_mnist.prepare(tmp_path / 'data', manual_dir)
  (tmp_path / 'data/mnist/decoded-3.0.1').write_text('in the way')
  assert_is(load(), fake)


def test_losing_the_race_to_prepare_is_no_error(
  load, fake, tmp_path, manual_dir, monkeypatch
):
  generate = tfds_mnist.Mnist._generate_examples

  def generate_while_another_process_finishes(self, *paths):
    monkeypatch.setattr(tfds_mnist.Mnist, '_generate_examples', generate)
    tfds_mnist.prepare(tmp_path / 'data', manual_dir)
    yield from generate(self, *paths)

  monkeypatch.setattr(
    tfds_mnist.Mnist,
    '_generate_examples',
    generate_while_another_process_finishes,
  )
  assert_is(load(), fake)
  assert not list((tmp_path / 'data/mnist').glob('*incomplete*'))


def test_saving_leaves_no_partial_files(tmp_path, fake):
  decoded.save(tmp_path / 'copy', fake)
  names = {path.name for path in (tmp_path / 'copy').iterdir()}
  assert names == {f'{field}.npy' for field in fake._fields}


def test_every_training_row_is_either_in_train_or_in_valid(load, fake):
  dataset = load(valid='random')
  assert len(dataset.valid) == NUM_VALID
  rows = np.concatenate([dataset.train.indices, dataset.valid.indices])
  assert sorted(rows) == list(range(NUM_TRAIN))
  for split in (dataset.train, dataset.valid):
    np.testing.assert_array_equal(
      split.images, fake.train_images[split.indices]
    )
    np.testing.assert_array_equal(
      split.labels, fake.train_labels[split.indices]
    )


@pytest.mark.parametrize('name', ['mnist', 'uci_digits'])
@pytest.mark.parametrize('valid', config_lib.CHOICES['data.valid'])
def test_validation_rows_are_distinct_rows_of_the_training_set(name, valid):
  num_train, num_valid = splits.SIZES[name]
  rows = splits.choose_valid_rows(name, valid)
  assert rows.dtype == np.int32
  assert len(rows) == (0 if valid == 'none' else num_valid)
  assert (np.diff(rows) > 0).all()
  assert ((rows >= 0) & (rows < num_train)).all()


def test_the_random_rows_are_the_same_on_every_machine():
  rows = splits.choose_valid_rows('mnist', 'random')
  assert list(rows[:4]) == [9, 24, 49, 60]


def test_the_writer_disjoint_rows_are_the_published_ones():
  rows = splits.choose_valid_rows('mnist', 'writer_disjoint')
  assert decoded.fingerprint(rows)[:16] == 'fc516b13a01163a9'


@pytest.mark.parametrize('name', config_lib.CHOICES['data.name'])
def test_every_name_that_a_config_may_have_is_loaded(load, name):
  assert load(name=name, valid='random').name in ('mnist', 'uci_digits')


@pytest.mark.parametrize('name', config_lib.CHOICES['data.name'])
def test_an_unknown_valid_is_one_line(load, name):
  with pytest.raises(errors.UserError) as error:
    load(name=name, valid='half')
  assert_one_line(error, "'half' is unknown", 'config.py')


def test_an_unknown_name_is_one_line(load):
  with pytest.raises(errors.UserError) as error:
    load(name='MNIST')
  assert_one_line(error, "'MNIST' is unknown", 'config.py')


def test_uci_digits_are_framed_as_mnist_frames_its_own():
  arrays = uci_digits.load()
  images = np.concatenate([arrays.train_images, arrays.test_images])
  assert images.shape == (1_797, 28, 28)
  assert (images.max(axis=(1, 2)) == 255).all()
  ink = images > 0
  height = ink.any(axis=2).sum(axis=1)
  width = ink.any(axis=1).sum(axis=1)
  assert np.maximum(height, width).max() == 20
  assert np.mean(np.maximum(height, width) >= 19) > 0.99
  mass = images.sum(axis=(1, 2))
  for axis in (1, 2):
    centre = images.sum(axis=3 - axis) @ np.arange(28) / mass
    assert np.abs(centre - 14.0).max() < 0.55


def test_a_framed_digit_does_not_depend_on_where_it_was_or_how_dark():
  digit = np.zeros((12, 12))
  digit[1:8, 2:4] = 1.0
  digit[6:8, 2:7] = 0.5
  moved = 3 * np.roll(digit, (3, 4), axis=(0, 1))
  framed = mnist_format.frame_digit(digit)
  np.testing.assert_array_equal(framed, mnist_format.frame_digit(moved))


@pytest.mark.parametrize(
  ('valid', 'num_valid'),
  [('writer_disjoint', 200), ('random', 200), ('none', 0)],
)
def test_the_last_497_rows_of_uci_digits_are_always_the_test_set(
  valid, num_valid
):
  dataset = load_uci(valid)
  assert (dataset.name, dataset.notice) == ('uci_digits', '')
  assert len(dataset.valid) == num_valid
  assert len(dataset.train) == 1_300 - num_valid
  assert len(dataset.test) == 497
  assert set(dataset.test.labels) == set(range(10))


def test_importing_datasets_imports_nothing_heavy():
  code = (
    'import sys; from mnist_jax.data import datasets, batches;'
    'heavy = {"jax", "tensorflow", "tensorflow_datasets", "sklearn", "PIL"};'
    'assert not heavy & set(sys.modules), heavy & set(sys.modules)'
  )
  done = subprocess.run(
    [sys.executable, '-c', code],
    capture_output=True,
    text=True,
    cwd=pathlib.Path(datasets.__file__).parents[2],
  )
  assert (done.returncode, done.stderr) == (0, '')


@pytest.fixture(scope='module')
def real(tmp_path_factory):
  if not REAL_MANUAL_DIR:
    pytest.skip('MNIST_JAX_MANUAL_DIR does not name the official files')
  return datasets.load_dataset(
    types.SimpleNamespace(
      name='auto',
      valid='writer_disjoint',
      manual_dir=REAL_MANUAL_DIR,
      data_dir=str(tmp_path_factory.mktemp('tfds')),
    )
  )


def test_mnist_has_its_known_counts(real):
  assert real.name == 'mnist'
  labels = np.concatenate([real.train.labels, real.valid.labels])
  assert list(np.bincount(labels)) == [
    5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
  ]  # fmt: skip
  assert list(np.bincount(real.test.labels)) == [
    980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
  ]  # fmt: skip
  assert list(real.test.labels[:5]) == [7, 2, 1, 0, 4]


def test_no_image_of_mnist_is_in_two_splits(real):
  parts = [
    {image.tobytes() for image in split.images}
    for split in (real.train, real.valid, real.test)
  ]
  assert [len(part) for part in parts] == [53_913, 6_087, 10_000]
  assert not parts[0] & parts[1]
  assert not parts[2] & (parts[0] | parts[1])


def test_the_writer_disjoint_classes_have_the_shares_of_the_whole(real):
  valid = np.bincount(real.valid.labels)
  whole = valid + np.bincount(real.train.labels)
  shares = valid / valid.sum() - whole / whole.sum()
  assert np.abs(shares).max() < 0.002
