"""Any four IDX files are a data set, and wrong ones are one line."""

import gzip
import struct
import types

import numpy as np
import pytest

from mnist_jax import errors
from mnist_jax.data import datasets, decoded, idx

PARTS = ('train', 'train', 't10k', 't10k')
KINDS = ('images-idx3', 'labels-idx1') * 2
NAMES = [
  f'{part}-{kind}-ubyte' for part, kind in zip(PARTS, KINDS, strict=True)
]


def encode(array):
  sizes = struct.pack(f'>{array.ndim}I', *array.shape)
  return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


@pytest.fixture
def arrays():
  rng = np.random.default_rng(0)
  return decoded.Arrays(
    rng.integers(0, 256, (30, 28, 28), np.uint8),
    np.arange(30, dtype=np.uint8) % 3,
    rng.integers(0, 256, (6, 28, 28), np.uint8),
    np.arange(6, dtype=np.uint8) % 3,
  )


@pytest.fixture
def folder(tmp_path, arrays):
  for name, array in zip(NAMES, arrays, strict=True):
    (tmp_path / name).write_bytes(encode(array))
  return tmp_path


def load(folder):
  return datasets.load_dataset(
    types.SimpleNamespace(
      name='idx', valid='random', manual_dir=str(folder), data_dir=''
    )
  )


def assert_same(found, arrays):
  for one, other in zip(found, arrays, strict=True):
    np.testing.assert_array_equal(one, other)


def refused(folder):
  with pytest.raises(errors.UserError) as error:
    load(folder)
  assert '\n' not in str(error.value)
  return str(error.value)


def test_plain_files_are_a_data_set_of_numbered_classes(folder, arrays):
  dataset = load(folder)
  assert dataset.name == 'idx'
  assert dataset.class_names == ('class 0', 'class 1', 'class 2')
  assert (len(dataset.train), len(dataset.valid)) == (27, 3)
  np.testing.assert_array_equal(dataset.test.images, arrays.test_images)


@pytest.mark.parametrize(
  'rename',
  [
    lambda name: f'{name}.gz',
    lambda name: f'letters-{name.replace("t10k", "test")}.gz',
    lambda name: name.replace('-idx', '.idx'),
  ],
)
def test_any_names_with_the_usual_ends_do_gzipped_or_not(
  tmp_path, arrays, rename
):
  for name, array in zip(map(rename, NAMES), arrays, strict=True):
    data = encode(array)
    packed = gzip.compress(data) if name.endswith('.gz') else data
    (tmp_path / name).write_bytes(packed)
  assert_same(idx.read_folder(tmp_path).arrays, arrays)


def test_the_images_of_emnists_files_are_turned_upright(tmp_path, arrays):
  for name, array in zip(NAMES, arrays, strict=True):
    (tmp_path / f'emnist-mine-{name}').write_bytes(encode(array))
  found = idx.read_folder(tmp_path)
  for turned, image in zip(
    found.arrays.train_images, arrays.train_images, strict=True
  ):
    np.testing.assert_array_equal(turned, image.T)
  assert found.arrays.test_images[0, 0, 27] == arrays.test_images[0, 27, 0]
  assert 'turned upright' in found.notice


def test_a_file_beside_them_names_the_classes(folder):
  (folder / 'classes.txt').write_text('Ärmel\nsock\n\nshoe \n', 'utf-8')
  assert load(folder).class_names == ('Ärmel', 'sock', 'shoe')


@pytest.mark.parametrize(
  ('text', 'words'),
  [(b'a\nb\n', '2 names for 3'), (b'a\nb\nb', 'two'), (b'\xff\n', 'UTF-8')],
)
def test_wrong_names_are_one_line(folder, text, words):
  (folder / 'classes.txt').write_bytes(text)
  assert words in refused(folder)


def test_a_missing_and_a_second_file_are_named(folder):
  (folder / 'x-train-images-idx3-ubyte').write_bytes(b'')
  message = refused(folder)
  assert '2 files of train images' in message
  assert 'x-train-images-idx3-ubyte' in message
  (folder / 'x-train-images-idx3-ubyte').unlink()
  (folder / 't10k-labels-idx1-ubyte').unlink()
  assert 'no file of test labels' in refused(folder)


@pytest.mark.parametrize(
  ('data', 'words'),
  [
    (b'', 'starts with'),
    (b'\x89PNG0000', 'starts with'),
    (b'\0\0\x0d\x01\0\0\0\0', 'starts with'),
    (b'\0\0\x08\x03\0\0', 'within its header'),
    (b'\0\0\x08\x03' + b'\xff' * 12, 'too many'),
    (b'\0\0\x08\x01\0\0\0\x05abc', '3, not the 5 bytes'),
    (b'\0\0\x08\x01\0\0\0\x01abc', 'more than the 1 bytes'),
    (b'\x1f\x8bnothing', 'cannot be read'),
    (gzip.compress(bytes(10_000), mtime=0)[:-9], 'starts with'),
  ],
)
def test_a_file_that_is_none_is_named_in_one_line(folder, data, words):
  (folder / NAMES[0]).write_bytes(data)
  message = refused(folder)
  assert NAMES[0] in message and words in message


def test_no_more_is_unpacked_than_the_header_promises():
  bomb = gzip.compress(b'\0\0\x08\x01\0\0\0\x02' + bytes(10_000_000))
  with pytest.raises(ValueError, match='more than the 2 bytes'):
    idx.parse(bomb)


@pytest.mark.parametrize(
  ('place', 'change', 'words'),
  [
    (0, lambda a: a[:, :20, :20], 'holds 30 x 20 x 20 bytes'),
    (1, lambda a: a[1:], 'holds 29 labels for the 30 images'),
    (1, lambda a: a + 1, '3 different labels from 1 to 3'),
    (1, lambda a: a * 2, '3 different labels from 0 to 4'),
    (3, lambda a: a + 1, 'has a label 3'),
    (1, lambda a: a * 0, '1 classes; there must be 2 to 100'),
  ],
)
def test_arrays_of_the_wrong_kind_are_one_line(
  folder, arrays, place, change, words
):
  (folder / NAMES[place]).write_bytes(encode(change(arrays[place])))
  if place == 1 and words.startswith('1 classes'):
    (folder / NAMES[3]).write_bytes(encode(arrays[3] * 0))
  assert words in refused(folder)


def test_no_folder_is_one_line(tmp_path):
  assert 'needs a folder' in refused('')
  assert 'cannot be read' in refused(tmp_path / 'nope')
  assert 'cannot be read' in refused('a\0b')
  nobodys = '~nobody-of-this-name/letters'
  assert 'unknown user' in refused(nobodys)
  with pytest.raises(errors.UserError, match='cannot be read'):
    idx.read_folder(nobodys)  # As a recipe calls it.
