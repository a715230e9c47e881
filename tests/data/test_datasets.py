"""Data sets are loaded by name, from the folders that the user names."""

import pathlib
import subprocess
import sys
import types

import fake_mnist
import numpy as np
import pytest

from mnist_jax import errors
from mnist_jax.data import datasets, decoded, idx, registry, uci_digits
from mnist_jax.photos import mnist_format

NAMES = ('auto', 'mnist', 'uci_digits')


def load_uci(valid):
  return datasets.load_dataset(
    types.SimpleNamespace(
      name='uci_digits', valid=valid, manual_dir='', data_dir=''
    )
  )


def test_the_second_load_needs_no_tfds(load, fake, monkeypatch):
  load()
  monkeypatch.delattr(registry, '_import_tfds_mnist')
  fake_mnist.assert_is(load(manual_dir=''), fake)


@pytest.mark.parametrize(
  'damage',
  [
    fake_mnist.truncate,
    fake_mnist.flip_a_bit,
    fake_mnist.write_html,
    pathlib.Path.unlink,
  ],
)
@pytest.mark.parametrize('field', ['train_images', 'test_labels'])
def test_a_damaged_decoded_copy_is_rebuilt(load, fake, tmp_path, damage, field):
  load()
  path = tmp_path / 'data/mnist/decoded-3.0.1' / f'{field}.npy'
  damage(path)
  fake_mnist.assert_is(load(), fake)
  np.testing.assert_array_equal(np.load(path), getattr(fake, field))


@pytest.mark.parametrize('name', ['mnist', 'auto'])
@pytest.mark.parametrize(
  ('damage', 'words'),
  [
    (pathlib.Path.unlink, 'is missing'),
    (fake_mnist.truncate, 'is truncated'),
    (fake_mnist.write_html, 'is a web page'),
    (fake_mnist.flip_a_bit, 'is not the official file'),
  ],
)
def test_a_bad_file_in_manual_dir_is_one_line_even_when_not_needed(
  load, manual_dir, name, damage, words
):
  load()
  damage(manual_dir / 't10k-images-idx3-ubyte.gz')
  with pytest.raises(errors.UserError) as error:
    load(name=name)
  fake_mnist.assert_one_line(
    error, str(manual_dir), 't10k-images-idx3-ubyte.gz', words, 'get it from'
  )


@pytest.mark.parametrize('name', ['mnist', 'auto'])
def test_a_missing_manual_dir_is_one_line(load, name):
  with pytest.raises(errors.UserError) as error:
    load(name=name, manual_dir='/nowhere/at/all')
  fake_mnist.assert_one_line(
    error, '/nowhere/at/all is not a directory', 'manual_dir'
  )


def test_the_environment_variable_stands_in_for_manual_dir(
  load, fake, manual_dir, monkeypatch
):
  monkeypatch.setenv('MNIST_JAX_MANUAL_DIR', str(manual_dir))
  fake_mnist.assert_is(load(manual_dir=''), fake)


def test_tfds_data_dir_stands_in_for_data_dir(
  load, fake, tmp_path, monkeypatch
):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path / 'elsewhere'))
  fake_mnist.assert_is(load(data_dir=''), fake)
  assert (tmp_path / 'elsewhere/mnist/3.0.1/dataset_info.json').exists()


def test_saving_leaves_no_partial_files(tmp_path, fake):
  decoded.save(tmp_path / 'copy', fake)
  names = {path.name for path in (tmp_path / 'copy').iterdir()}
  assert names == {f'{field}.npy' for field in fake._fields}


@pytest.mark.parametrize('name', NAMES)
def test_every_name_that_a_config_may_have_is_loaded(load, name):
  assert load(name=name, valid='random').name in ('mnist', 'uci_digits')


@pytest.mark.parametrize('name', NAMES)
def test_an_unknown_valid_is_one_line(load, name):
  with pytest.raises(errors.UserError) as error:
    load(name=name, valid='half')
  fake_mnist.assert_one_line(error, "'half' is unknown", 'config.py')


def test_an_unknown_name_is_one_line(load):
  with pytest.raises(errors.UserError) as error:
    load(name='MNIST')
  fake_mnist.assert_one_line(error, "'MNIST' is unknown", 'auto, mnist')


def test_four_files_of_another_data_set_are_loaded_by_a_name_of_ones_own(
  load, fake, manual_dir, monkeypatch
):
  def read(config_data):
    return idx.read_folder(config_data.manual_dir).arrays

  monkeypatch.setitem(datasets.DATASETS, 'letters', read)
  dataset = load(name='letters')
  assert dataset.name == 'letters'
  fake_mnist.assert_is(dataset, fake)
  (manual_dir / 'train-labels-idx1-ubyte.gz').write_bytes(b'no gzip')
  with pytest.raises(errors.UserError) as error:
    load(name='letters')
  fake_mnist.assert_one_line(error, 'train-labels-idx1-ubyte.gz', 'IDX')


def test_lists_do_as_arrays(load, fake, monkeypatch):
  as_lists = decoded.Arrays(
    list(fake.train_images),
    fake.train_labels.tolist(),
    list(fake.test_images),
    fake.test_labels.tolist(),
  )
  monkeypatch.setitem(datasets.DATASETS, 'mine', lambda config_data: as_lists)
  fake_mnist.assert_is(load(name='mine'), fake)


def test_a_data_set_without_a_function_is_one_line(load, fake, monkeypatch):
  monkeypatch.setitem(datasets.DATASETS, 'mine', fake)
  with pytest.raises(errors.UserError) as error:
    load(name='mine')
  fake_mnist.assert_one_line(error, "'mine'", 'Arrays', 'must be a function')


@pytest.mark.parametrize(
  ('change', 'words'),
  [
    (lambda a: tuple(a), 'a tuple, not decoded.Arrays'),
    (lambda a: a._replace(train_images=a.train_images / 255), 'float64'),
    (lambda a: a._replace(test_images=a.test_images[..., None]), '28, 28'),
    (lambda a: a._replace(test_labels=a.test_labels[1:]), 'test_labels'),
    (lambda a: a._replace(train_labels=a.train_labels + 10), '0..9'),
  ],
)
def test_a_data_set_with_wrong_arrays_is_one_line(
  load, fake, monkeypatch, change, words
):
  monkeypatch.setitem(
    datasets.DATASETS, 'letters', lambda config_data: change(fake)
  )
  with pytest.raises(errors.UserError) as error:
    load(name='letters')
  fake_mnist.assert_one_line(error, "'letters'", words, 'DATASETS')


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


def test_added_images_follow_those_of_a_split_and_have_no_row():
  train = load_uci('random').train
  added = np.array([datasets.NON_DIGIT, 7, datasets.NON_DIGIT])
  both = train.followed_by(train.images[:3], added)
  assert (len(both), both.num_digits()) == (1_103, 1_101)
  np.testing.assert_array_equal(both.images[:-3], train.images)
  np.testing.assert_array_equal(both.labels[:-3], train.labels)
  np.testing.assert_array_equal(both.labels[-3:], added)
  assert (both.labels.dtype, both.indices.dtype) == (np.int32, np.int32)
  assert set(both.indices[-3:]) == {-1}
  assert train.num_digits() == len(train) == 1_100


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


@pytest.mark.parametrize('field', ['manual_dir', 'data_dir'])
def test_the_home_of_an_unknown_user_is_one_line(field):
  with pytest.raises(errors.UserError, match='unknown user'):
    datasets.load_dataset(
      types.SimpleNamespace(
        **{'name': 'mnist', 'valid': 'none', 'manual_dir': '', 'data_dir': ''}
        | {field: '~nobody-of-this-name/mnist'}
      )
    )


def test_a_split_that_cannot_be_made_is_refused_before_a_download(monkeypatch):
  def download(unused_config_data):
    raise AssertionError('downloaded')

  entry = registry.Entry(download, writers=None)
  monkeypatch.setitem(registry.DATASETS, 'kmnist', entry)
  config_data = types.SimpleNamespace(name='kmnist', valid='writer_disjoint')
  with pytest.raises(errors.UserError, match=r'data\.valid=random'):
    datasets.load_dataset(config_data)
