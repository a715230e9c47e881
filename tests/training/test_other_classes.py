"""A run on classes that are no digits, from its files to its report."""

import html
import json
import re

import numpy as np
import pytest
from PIL import Image

import mnist_jax
from mnist_jax import errors
from mnist_jax.analysis import __main__ as analysis
from mnist_jax.analysis.run import load
from mnist_jax.demo import __main__ as demo
from mnist_jax.predict import __main__ as predict

NAMES = ('<b>oak</b>', 'birch & co', 'larch')


def make_images(count, seed):
  """Returns noise [count, 28, 28] with a bright third, and which third."""
  rng = np.random.default_rng(seed)
  labels = np.arange(count) % 3
  images = rng.integers(0, 60, (count, 28, 28), np.uint8)
  for image, label in zip(images, labels, strict=True):
    image[2:26, 2 + 8 * label : 10 + 8 * label] += 150
  return images, labels


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
  """A folder of pictures of three classes, one of them not readable."""
  root = tmp_path_factory.mktemp('pictures')
  images, labels = make_images(120, 0)
  # No folder's name can have a slash, but that of a class can.
  folders = ('birch & co', 'larch', 'oak $1$')
  for number, (image, label) in enumerate(zip(images, labels, strict=True)):
    folder = root / folders[label]
    folder.mkdir(exist_ok=True)
    Image.fromarray(image).save(folder / f'{number}.png')
  (root / 'larch' / 'broken.jpg').write_bytes(b'no picture')
  return root


def write_idx(path, array):
  sizes = np.array(array.shape, '>i4').tobytes()
  path.write_bytes(
    bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()
  )


@pytest.fixture(scope='module')
def idx_files(tmp_path_factory):
  """Four IDX files of three classes, with names."""
  root = tmp_path_factory.mktemp('idx')
  for part, count in (('train', 90), ('t10k', 30)):
    images, labels = make_images(count, count)
    if part == 't10k':
      labels[:6] = (labels[:6] + 1) % 3  # Mistakes, for the report to show.
    write_idx(root / f'{part}-images-idx3-ubyte', images)
    write_idx(root / f'{part}-labels-idx1-ubyte', labels)
  (root / 'classes.txt').write_text('\n'.join(NAMES))
  return root


def train(workdir, name, folder, **overrides):
  fields = {
    'data.name': name,
    'data.manual_dir': str(folder),
    'data.valid': 'random',
    'data.batch_size': 16,
    'total_epochs': 1.0,
    'optim.warmup_epochs': 0.0,
    'num_devices': 1,
  }
  return mnist_jax.train('fast', workdir=workdir, overrides=fields | overrides)


@pytest.fixture(scope='module')
def of_pictures(pictures, tmp_path_factory):
  workdir = tmp_path_factory.mktemp('runs') / 'pictures'
  return train(workdir, 'folders', pictures)


@pytest.fixture(scope='module')
def of_idx(idx_files, tmp_path_factory):
  workdir = tmp_path_factory.mktemp('runs') / 'idx'
  return train(workdir, 'idx', idx_files)


def text_of(page):
  """Returns what one reads of a page, but for its config."""
  hidden = r'(?s)data:image[^"]*|<details.*|<style.*?</style>'
  page = re.sub(hidden, '', page)
  return html.unescape(re.sub(r'<[^>]*>', ' ', page))


def test_a_report_names_the_classes_and_speaks_of_no_digit(of_idx):
  page = (of_idx.workdir / 'report.html').read_text()
  text = text_of(page)
  for name in NAMES:
    assert name in text
  assert '<b>oak</b>' not in page.replace(html.escape('<b>oak</b>'), '')
  assert 'Class by class' in text
  assert re.search(r'(oak|birch|larch)\S* (& co )?read as ', text)
  assert 'digit' not in text.lower()
  assert 'not MNIST' not in text


def test_what_a_run_leaves_names_the_classes(of_pictures):
  names = ['birch & co', 'larch', 'oak $1$']
  for file in ('result.json', 'analysis.json'):
    content = json.loads((of_pictures.workdir / file).read_text())
    assert content['class_names'] == names
  assert [row['class'] for row in content['per_class']] == [0, 1, 2]
  assert of_pictures.model.class_names == tuple(names)
  with np.load(of_pictures.workdir / 'predictions.npz') as arrays:
    assert arrays['test_logits'].shape[1] == 3


def test_a_picture_that_is_left_out_is_named_in_result_and_report(of_pictures):
  assert 'larch/broken.jpg' in of_pictures.result['notice']
  page = (of_pictures.workdir / 'report.html').read_text()
  assert 'larch/broken.jpg' in text_of(page)


def test_its_weights_classify_arrays(of_idx):
  images, labels = make_images(9, 5)
  model = mnist_jax.load(of_idx.workdir)
  probabilities = model.predict_proba(images)
  assert probabilities.shape == (9, 3)
  np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
  assert model.predict_proba(images[:0]).shape == (0, 3)
  assert set(model.predict(images)) <= set(labels)


def test_what_reads_digits_says_that_these_are_none(of_idx, pictures):
  picture = next(pictures.rglob('*.png'))
  weights = f'--weights={of_idx.workdir}'
  for read in (
    lambda: mnist_jax.load(of_idx.workdir).read(picture),
    lambda: predict.main([weights, str(picture)]),
    lambda: demo.load_classifiers(str(of_idx.workdir)),
  ):
    with pytest.raises(errors.UserError, match=r'no digits .*birch') as error:
      read()
    assert '\n' not in str(error.value)


def test_the_analysis_is_drawn_again_and_compares(
  of_idx, idx_files, tmp_path, capsys
):
  (of_idx.workdir / 'report.html').unlink()
  assert analysis.main([str(of_idx.workdir)]) == 0
  assert (of_idx.workdir / 'report.html').exists()
  other = train(tmp_path / 'other', 'idx', idx_files, seed=1)
  out = tmp_path / 'compared'
  assert (
    analysis.main([str(of_idx.workdir), str(other.workdir), f'--out={out}'])
    == 0
  )
  text = text_of((out / 'comparison.html').read_text())
  assert 'same class' in text and 'read as' in text
  assert 'digit' not in text.lower()


def test_the_same_command_resumes_and_another_folder_is_refused(
  of_idx, idx_files, tmp_path
):
  again = train(of_idx.workdir, 'idx', idx_files)
  assert again.result == of_idx.result
  with pytest.raises(errors.UserError, match=r'data\.manual_dir'):
    train(of_idx.workdir, 'idx', tmp_path)


@pytest.mark.parametrize(
  'names', [['a', 'b'], ['a'] * 3, list('0123456789'), [1, 2, 3]]
)
def test_names_that_do_not_fit_the_predictions_are_one_line(of_idx, names):
  path = of_idx.workdir / 'result.json'
  before = path.read_text()
  path.write_text(json.dumps(json.loads(before) | {'class_names': names}))
  with pytest.raises(errors.UserError):
    load.load_run(of_idx.workdir)
  path.write_text(before)


@pytest.mark.parametrize('field', ['data.non_digits', 'data.pieces'])
def test_drawings_beside_digits_are_for_digits(idx_files, tmp_path, field):
  with pytest.raises(errors.UserError, match=field):
    train(tmp_path / 'run', 'idx', idx_files, **{field: 0.5})
