"""MNIST's relatives come from their servers, stood in for by 127.0.0.1.

Their files are not here: small ones of the same names and kinds are served, and
the checksums are set to match.
"""

import hashlib
import pathlib
import shutil
import zipfile

import fake_mnist
import numpy as np
import pytest

from mnist_jax import errors
from mnist_jax.data import datasets, decoded, official, registry

RELATIVES = ('fashion_mnist', 'kmnist', 'emnist_digits')
SIZES = fake_mnist.NUM_TRAIN, fake_mnist.NUM_TEST


def pack(folder, fake):
  """Writes the archive of EMNIST, whose images are transposed."""
  turned = fake._replace(
    train_images=fake.train_images.transpose(0, 2, 1),
    test_images=fake.test_images.transpose(0, 2, 1),
  )
  folder.mkdir()
  plain = folder / 'plain'
  plain.mkdir()
  fake_mnist.write_files(plain, turned)
  archive = folder / 'gzip.zip'
  with zipfile.ZipFile(archive, 'w') as files:
    files.writestr('gzip/emnist-letters-mapping.txt', 'not read')
    for path in plain.iterdir():
      name = path.name.replace('t10k', 'test')
      files.write(path, f'gzip/emnist-digits-{name}')
  shutil.rmtree(plain)
  data = archive.read_bytes()
  sha256 = hashlib.sha256(data).hexdigest()
  return {'gzip.zip': official.File('gzip.zip', len(data), sha256)}


@pytest.fixture(params=RELATIVES)
def name(request):
  return request.param


@pytest.fixture
def files_dir(name, tmp_path, monkeypatch, manual_dir, fake):
  """A folder with the small files of one relative."""
  folder = tmp_path / name
  if name == 'emnist_digits':
    files = pack(folder, fake)
  else:
    files = official.SOURCES['mnist'].files
    shutil.copytree(manual_dir, folder)
  fake_mnist.set_source(monkeypatch, name, files=files, num_images=SIZES)
  fake_mnist.set_mirrors(monkeypatch, fake_mnist.NOBODY, name=name)
  return folder


def test_a_relative_is_downloaded_checked_and_kept(
  load, fake, name, files_dir, monkeypatch, serve, capfd
):
  fake_mnist.set_mirrors(monkeypatch, serve(files_dir), name=name)
  dataset = load(name=name, manual_dir='')
  assert dataset.name == name
  fake_mnist.assert_is(dataset, fake)
  line = capfd.readouterr().err
  assert line.startswith(f'preparing {official.SOURCES[name].title} in ')
  assert line.count('\n') == 1
  fake_mnist.set_mirrors(monkeypatch, fake_mnist.NOBODY, name=name)
  monkeypatch.delattr(registry, '_import_tfds_mnist')
  fake_mnist.assert_is(load(name=name, manual_dir=''), fake)


def test_a_folder_with_its_files_stands_in_for_the_network(
  load, fake, name, files_dir
):
  fake_mnist.assert_is(load(name=name, manual_dir=str(files_dir)), fake)


@pytest.mark.parametrize(
  'damage',
  [fake_mnist.truncate, fake_mnist.flip_a_bit, pathlib.Path.unlink],
)
def test_a_damaged_decoded_copy_is_made_again(
  load, fake, name, files_dir, tmp_path, damage
):
  load(name=name, manual_dir=str(files_dir))
  (copy,) = (tmp_path / 'data').rglob('train_images.npy')
  damage(copy)
  fake_mnist.assert_is(load(name=name, manual_dir=''), fake)
  assert copy.exists()


def test_a_wrong_file_and_no_network_are_one_line(load, name, files_dir):
  with pytest.raises(errors.UserError) as error:
    load(name=name, manual_dir='')
  title = official.SOURCES[name].title
  fake_mnist.assert_one_line(error, title, 'data.manual_dir', '127.0.0.1')
  path = max(files_dir.iterdir(), key=lambda path: path.stat().st_size)
  fake_mnist.flip_a_bit(path)
  with pytest.raises(errors.UserError) as error:
    load(name=name, manual_dir=str(files_dir))
  fake_mnist.assert_one_line(error, path.name, 'is not the official file')


@pytest.mark.parametrize('name', ['emnist_digits'], indirect=True)
def test_a_large_archive_of_another_size_is_not_downloaded(
  load, files_dir, monkeypatch, serve, name
):
  file = official.SOURCES[name].files['gzip.zip']._replace(size=2**29)
  changed = {'gzip.zip': file}
  fake_mnist.set_source(monkeypatch, name, files=changed)
  fake_mnist.set_mirrors(monkeypatch, serve(files_dir), name=name)
  with pytest.raises(errors.UserError, match=r'bytes, not 536,870,912'):
    load(name=name, manual_dir='')


def test_the_variable_of_mnists_folder_is_for_mnist_alone(
  load, name, files_dir, manual_dir, monkeypatch
):
  monkeypatch.setenv('MNIST_JAX_MANUAL_DIR', str(manual_dir))
  with pytest.raises(errors.UserError, match='not available'):
    load(name=name, manual_dir='')


def test_another_number_of_images_is_refused(
  load, name, files_dir, monkeypatch
):
  fake_mnist.set_source(monkeypatch, name, num_images=(60_000, 10_000))
  with pytest.raises(errors.UserError, match='does not hold the'):
    load(name=name, manual_dir=str(files_dir))


def test_every_entry_has_names_a_title_and_a_known_way_to_be_split():
  for name in registry.DATASETS:
    entry = registry.find(name)
    assert entry.title
    assert len(entry.class_names) in (0, 10)
    assert (entry.writers is None) == (name not in ('mnist', 'uci_digits'))
  assert registry.title('mnist') == 'MNIST'
  assert registry.title('emnist_digits') == 'EMNIST Digits (not MNIST)'
  assert registry.title('fashion_mnist') == 'Fashion-MNIST'
  assert registry.title('letters') == 'letters (not MNIST)'


def test_a_recipes_entry_names_its_own_classes(load, fake, monkeypatch):
  names = tuple('abcdefghij')
  entry = datasets.Entry(lambda _: fake, 'Letters', names)
  monkeypatch.setitem(datasets.DATASETS, 'letters', entry)
  assert load(name='letters').class_names == names
  assert registry.title('letters') == 'Letters'
  entry = datasets.Entry(lambda _: decoded.Named(fake, names, 'Said.'))
  monkeypatch.setitem(datasets.DATASETS, 'letters', entry)
  assert load(name='letters').class_names == names
  assert load(name='letters').notice == 'Said.'
  few = datasets.Entry(lambda _: fake, 'Letters', names[:3])
  monkeypatch.setitem(datasets.DATASETS, 'letters', few)
  with pytest.raises(errors.UserError, match=r'not all in 0\.\.2'):
    load(name='letters')


def test_a_record_of_other_arrays_is_no_decoded_copy(tmp_path, fake):
  decoded.save(tmp_path, fake, record=True)
  assert decoded.load(tmp_path, None) is not None
  (tmp_path / 'fingerprints.json').write_text('["a", "b", "c", "d"]')
  assert decoded.load(tmp_path, None) is None
  assert np.load(tmp_path / 'test_labels.npy').shape == (fake_mnist.NUM_TEST,)
