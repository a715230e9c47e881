"""The folder of an export."""

import errno
import pathlib

import pytest

from mnist_jax import errors
from mnist_jax.export import folder

FILES = {
  'model.safetensors': b'1',
  'config.json': b'{"sha256": "", "operations": [], "temperature": 1.0}',
  'README.md': b'3',
}


def content_of(path):
  return {file.name: file.read_bytes() for file in path.iterdir()}


def test_a_new_folder_is_made_only_when_files_are_written(tmp_path):
  out = tmp_path / 'below' / 'out'
  folder.check(out)
  assert not out.exists()
  assert folder.write(out, FILES) == [out / name for name in FILES]
  assert content_of(out) == FILES


def test_an_earlier_export_is_replaced_with_all_of_its_files(tmp_path):
  folder.write(tmp_path, FILES | {'model.onnx': b'old'})
  folder.check(tmp_path)
  newer = dict.fromkeys(FILES, b'new')
  folder.write(tmp_path, newer)
  assert content_of(tmp_path) == newer


def test_what_a_killed_export_left_is_no_obstacle(tmp_path):
  half = tmp_path / '.export.tmp'
  half.mkdir()
  (half / 'README.md').write_bytes(b'ha')
  folder.check(tmp_path)
  folder.write(tmp_path, FILES)
  assert content_of(tmp_path) == FILES


@pytest.mark.parametrize('names', [['notes.txt'], [*FILES, 'x'], ['README.md']])
def test_a_folder_with_files_of_others_is_left_alone(tmp_path, names):
  for name in names:
    (tmp_path / name).write_bytes(b'mine')
  with pytest.raises(errors.UserError, match='choose another OUT_DIR'):
    folder.check(tmp_path)
  assert content_of(tmp_path) == dict.fromkeys(names, b'mine')


@pytest.mark.parametrize('config', [b'{"model_type": "bert"}', b'[]', b'{'])
def test_the_model_of_another_library_is_left_alone(tmp_path, config):
  theirs = FILES | {'config.json': config}
  for name, content in theirs.items():
    (tmp_path / name).write_bytes(content)
  with pytest.raises(errors.UserError, match='choose another OUT_DIR'):
    folder.check(tmp_path)
  assert content_of(tmp_path) == theirs


def test_a_file_is_no_folder(tmp_path):
  (tmp_path / 'out').write_text('x')
  for out in (tmp_path / 'out', tmp_path / 'out' / 'below'):
    with pytest.raises(errors.UserError, match='choose another OUT_DIR'):
      folder.check(out)


def test_a_full_disk_leaves_everything_as_it_was(tmp_path, monkeypatch):
  old = tmp_path / 'old'
  folder.write(old, FILES)

  def fill_disk(path, content):
    if path.name == 'README.md':
      raise OSError(errno.ENOSPC, 'No space left on device')
    path.touch()

  monkeypatch.setattr(pathlib.Path, 'write_bytes', fill_disk)
  for out in (old, tmp_path / 'new'):
    with pytest.raises(errors.UserError, match='No space left'):
      folder.write(out, FILES)
  assert content_of(old) == FILES
  assert not (tmp_path / 'new').exists()
