"""MNIST is prepared and read by TFDS without TensorFlow."""

import json
import pathlib
import struct
import sys

import fake_mnist
import numpy as np
import pytest
from array_record.python import array_record_module

from mnist_jax import errors
from mnist_jax.data import decoded, official, tfds_mnist


def test_the_builder_gives_back_the_files_in_their_own_order(load, fake):
  dataset = load()
  fake_mnist.assert_is(dataset, fake)
  assert (dataset.name, dataset.notice) == ('mnist', '')
  for split in (dataset.train, dataset.valid, dataset.test):
    assert split.images.dtype == np.uint8
    assert split.labels.dtype == split.indices.dtype == np.int32
  np.testing.assert_array_equal(
    dataset.test.indices, np.arange(fake_mnist.NUM_TEST)
  )


def test_a_prepared_directory_needs_no_network_and_no_files(
  load, fake, manual_dir
):
  tfds_mnist.prepare('mnist', manual_dir.parent / 'data', manual_dir)
  fake_mnist.assert_is(load(manual_dir=''), fake)


def test_preparing_says_so_in_one_line(load, capfd):
  load()
  fake_mnist.assert_says_one_line(capfd)


def test_the_builder_knows_a_checksum_for_every_file_on_every_mirror():
  for source in official.SOURCES.values():
    for mirror in source.mirrors:
      for file in source.files.values():
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
  tfds_mnist.prepare('mnist', tmp_path / 'data', manual_dir)
  rewrite_as_tfrecord(tmp_path / 'data/mnist/3.0.1')
  fake_mnist.assert_is(load(manual_dir=''), fake)
  assert 'tensorflow' not in sys.modules


def test_a_prepared_directory_of_other_images_is_refused(
  load, tmp_path, manual_dir, monkeypatch
):
  tfds_mnist.prepare('mnist', tmp_path / 'data', manual_dir)
  monkeypatch.setattr(decoded, 'MNIST_FINGERPRINTS', ('other',) * 4)
  with pytest.raises(errors.UserError) as error:
    load(name='auto')
  fake_mnist.assert_one_line(error, 'mnist/3.0.1 does not hold', 'move it away')


@pytest.mark.parametrize('damage', [fake_mnist.truncate, pathlib.Path.unlink])
def test_a_damaged_prepared_directory_is_one_line(
  load, tmp_path, manual_dir, damage
):
  tfds_mnist.prepare('mnist', tmp_path / 'data', manual_dir)
  for path in (tmp_path / 'data/mnist/3.0.1').glob('mnist-*'):
    damage(path)
  with pytest.raises(errors.UserError) as error:
    load()
  fake_mnist.assert_one_line(
    error, 'mnist/3.0.1 cannot be read', 'move it away'
  )


def test_a_data_dir_that_cannot_be_made_is_one_line(load, tmp_path):
  (tmp_path / 'data').write_text('a file where a directory should be')
  with pytest.raises(errors.UserError) as error:
    load(name='auto')
  fake_mnist.assert_one_line(
    error, f'{tmp_path / "data"} cannot be written', 'data_dir'
  )


def test_a_prepared_directory_that_takes_no_copy_is_decoded_in_memory(
  load, fake, tmp_path, manual_dir
):
  tfds_mnist.prepare('mnist', tmp_path / 'data', manual_dir)
  (tmp_path / 'data/mnist/decoded-3.0.1').write_text('in the way')
  fake_mnist.assert_is(load(), fake)


def test_losing_the_race_to_prepare_is_no_error(
  load, fake, tmp_path, manual_dir, monkeypatch
):
  generate = tfds_mnist.Mnist._generate_examples

  def generate_while_another_process_finishes(self, *paths):
    monkeypatch.setattr(tfds_mnist.Mnist, '_generate_examples', generate)
    tfds_mnist.prepare('mnist', tmp_path / 'data', manual_dir)
    yield from generate(self, *paths)

  monkeypatch.setattr(
    tfds_mnist.Mnist,
    '_generate_examples',
    generate_while_another_process_finishes,
  )
  fake_mnist.assert_is(load(), fake)
  assert not list((tmp_path / 'data/mnist').glob('*incomplete*'))
