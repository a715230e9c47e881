"""An .npz file is read with bounded memory; a bad one becomes one line."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from mnist_jax import errors
from mnist_jax.workdir import array_files

SCHEMA = {'logits': ('float32', 'N', 10), 'labels': ('int32', 'N')}
LIMIT = 2**24  # Lower than it is, so that files over it are quickly made.
HUGE = 4 * LIMIT


def read(path):
  return array_files.read_arrays(path, SCHEMA, way_out='train again')


def refuse(path):
  """Return the one line that a file is refused with, read in little memory."""
  tracemalloc.start()
  try:
    with pytest.raises(errors.UserError) as caught:
      read(path)
    assert tracemalloc.get_traced_memory()[1] < 2 * LIMIT
  finally:
    tracemalloc.stop()
  message = str(caught.value)
  assert message.startswith(str(path)) and message.endswith('; train again')
  assert '\n' not in message and len(message) < 400
  return message


def arrays(count=3):
  logits = np.arange(10 * count, dtype=np.float32).reshape(count, 10)
  return {'logits': logits, 'labels': np.arange(count, dtype=np.int32)}


@pytest.fixture
def path(tmp_path, monkeypatch):
  monkeypatch.setattr(array_files, 'MAX_BYTES', LIMIT)
  return tmp_path / 'predictions.npz'


@pytest.mark.parametrize('save', [np.savez, np.savez_compressed])
def test_what_numpy_saved_is_read_back(save, path):
  stored = arrays()
  stored['logits'] = np.asfortranarray(stored['logits'])
  save(path, **stored, others=np.zeros(3))
  found = read(path)
  assert found.keys() == stored.keys()
  for name, array in stored.items():
    np.testing.assert_array_equal(found[name], array)


def test_the_logits_of_the_largest_test_set_are_read(tmp_path):
  schema = {'logits': ('float32', 'N', 62)}  # EMNIST by class.
  logits = np.zeros((116_323, 62), np.float32)
  np.savez_compressed(tmp_path / 'a.npz', logits=logits)
  found = array_files.read_arrays(tmp_path / 'a.npz', schema, way_out='')
  assert found['logits'].shape == logits.shape


def test_no_file_and_a_file_of_other_arrays_give_none(path):
  assert read(path) == {}
  np.savez(path, others=np.zeros(3))
  assert read(path) == {}


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    ({'labels': np.zeros(2, np.int32)}, 'labels is int32 [2]'),
    ({'labels': np.zeros(2, np.int32)}, 'must be int32 [3]'),
    ({'labels': np.zeros((3, 1), np.int32)}, 'labels is int32 [3, 1]'),
    ({'labels': np.zeros(3)}, 'labels is float64 [3]'),
    ({'logits': np.zeros((0, 10), np.float32)}, 'must be float32 [N, 10]'),
    ({'labels': np.array([{}] * 3, object)}, 'holds Python objects'),
  ],
)
def test_arrays_that_do_not_fit_are_one_line(changes, words, path):
  np.savez(path, **arrays() | changes)
  assert words in refuse(path)


def test_a_missing_array_is_one_line(path):
  np.savez(path, logits=arrays()['logits'])
  assert 'it has no labels' in refuse(path)


@pytest.mark.parametrize('content', [b'', b'not a zip', b'PK\x03\x04' * 9])
def test_a_damaged_file_is_one_line(content, path):
  path.write_bytes(content)
  refuse(path)


def test_a_file_in_a_folder_that_cannot_be_entered_is_one_line(no_entry):
  assert 'Permission denied' in refuse(no_entry / 'predictions.npz')


def test_a_folder_and_a_file_of_gigabytes_are_one_line(path):
  path.mkdir()
  assert 'not a file of at most 16 MB' in refuse(path)
  path.rmdir()
  with path.open('wb') as file:
    file.truncate(3 * 2**30)
  assert 'not a file of at most 16 MB' in refuse(path)


def test_every_cut_of_a_file_is_one_line(path):
  np.savez_compressed(path, **arrays())
  content = path.read_bytes()
  for end in range(0, len(content), 7):
    path.write_bytes(content[:end])
    refuse(path)


def read_members(path):
  with zipfile.ZipFile(path) as archive:
    return {name: archive.read(name) for name in archive.namelist()}


def write_members(path, members, method=zipfile.ZIP_STORED):
  with zipfile.ZipFile(path, 'w', method) as archive:
    for name, content in members.items():
      archive.writestr(name, content)


def test_a_header_that_promises_terabytes_is_one_line(path):
  np.savez(path, **arrays())
  stored = read_members(path)
  header = stored['logits.npy']
  lied = header.replace(b'(3, 10), }' + b' ' * 15, b'(1000000000000, 10), }   ')
  assert lied != header and len(lied) == len(header)
  write_members(path, stored | {'logits.npy': lied})
  assert 'not as large as its header says' in refuse(path)


def test_an_encrypted_file_is_one_line(path):
  np.savez(path, **arrays())
  content = bytearray(path.read_bytes())
  for signature, place in ((b'PK\x03\x04', 6), (b'PK\x01\x02', 8)):
    start = -1
    while (start := content.find(signature, start + 1)) >= 0:
      content[start + place] |= 1
  path.write_bytes(content)
  assert 'encrypted' in refuse(path)


def write_bomb(path):
  """Write labels.npy of zeros that are many times as large as the file."""
  buffer = io.BytesIO()
  np.save(buffer, arrays()['logits'])
  with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('logits.npy', buffer.getvalue())
    with archive.open('labels.npy', 'w') as file:
      for _ in range(HUGE // 2**20):
        file.write(bytes(2**20))
  assert path.stat().st_size < HUGE / 500


def test_a_file_that_unpacks_to_far_more_is_one_line(path):
  write_bomb(path)
  assert 'labels.npy is above 16 MB' in refuse(path)


def test_a_file_that_hides_what_it_unpacks_to_is_one_line(path):
  write_bomb(path)
  content, size = path.read_bytes(), struct.pack('<I', HUGE)
  assert content.count(size) >= 1
  path.write_bytes(content.replace(size, struct.pack('<I', 1_000)))
  refuse(path)


@pytest.mark.parametrize('method', [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_method_that_numpy_does_not_use_is_one_line(method, path):
  np.savez(path, **arrays())
  write_members(path, read_members(path), method)
  assert 'compressed in another way' in refuse(path)
