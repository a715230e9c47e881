"""Pictures in a folder for each class are a data set."""

import types

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnist_jax import errors
from mnist_jax.data import datasets, folders

KINDS = ('cross', 'ring', 'stroke')


def draw(kind, number, paper=240, ink=20):
  """Returns a drawing of 60x60, a little different for each number."""
  image = Image.new('L', (60, 60), paper)
  pen = ImageDraw.Draw(image)
  low, high = 12 + number % 4, 48 - number % 3
  if kind == 'ring':
    pen.ellipse((low, low, high, high), outline=ink, width=5)
  if kind != 'ring':
    pen.line((low, low, high, high), fill=ink, width=5)
  if kind == 'cross':
    pen.line((low, high, high, low), fill=ink, width=5)
  return image


def fill(root, count=12, **looks):
  for kind in KINDS:
    (root / kind).mkdir(parents=True, exist_ok=True)
    for number in range(count):
      draw(kind, number, **looks).save(root / kind / f'{number:02d}.png')
  return root


@pytest.fixture
def root(tmp_path):
  return fill(tmp_path / 'shapes')


def load(root, framing='plain', valid='random'):
  return datasets.load_dataset(
    types.SimpleNamespace(
      name='folders',
      valid=valid,
      manual_dir=str(root),
      data_dir='',
      framing=framing,
    )
  )


def refused(root, **kwargs):
  with pytest.raises(errors.UserError) as error:
    load(root, **kwargs)
  assert '\n' not in str(error.value)
  return str(error.value)


def test_the_classes_are_the_folders_in_order(root):
  (root / '.hidden').mkdir()
  (root / 'a file').write_text('no class')
  dataset = load(root)
  assert dataset.class_names == KINDS
  assert dataset.notice == ''
  assert len(dataset.train) + len(dataset.valid) == 30
  assert list(np.bincount(dataset.test.labels)) == [2, 2, 2]


def test_the_split_is_the_same_every_time_and_by_name(root, tmp_path):
  first, second = load(root), load(fill(tmp_path / 'elsewhere'))
  for name in ('train', 'valid', 'test'):
    one, other = getattr(first, name), getattr(second, name)
    np.testing.assert_array_equal(one.images, other.images)
    np.testing.assert_array_equal(one.labels, other.labels)


def test_folders_called_train_and_test_are_those_splits(tmp_path):
  fill(tmp_path / 'train', 10)
  fill(tmp_path / 'test', 4, paper=230)
  dataset = load(tmp_path, valid='none')
  assert dataset.class_names == KINDS
  assert (len(dataset.train), len(dataset.test)) == (30, 12)


def test_a_class_in_only_one_of_train_and_test_is_named(tmp_path):
  fill(tmp_path / 'train')
  fill(tmp_path / 'test')
  (tmp_path / 'test' / 'spiral').mkdir()
  assert "'spiral' is in only one of train and test" in refused(tmp_path)


@pytest.mark.parametrize(
  'names',
  [
    *('train val', 'testing training', 'Test Train', 'train'),
    *('test train valid', 'ring test train'),
  ],
)
def test_other_folders_of_splits_are_no_classes(tmp_path, names):
  for name in names.split():
    fill(tmp_path / name, 2)
  message = refused(tmp_path)
  assert f'has the folders {names.replace(" ", ", ")};' in message
  assert 'call two of them train and test' in message


def test_a_class_may_have_the_name_of_a_split(root):
  (root / 'ring').rename(root / 'train')
  assert load(root).class_names == ('cross', 'stroke', 'train')


@pytest.mark.parametrize('form', ['png', 'jpg', 'gif'])
def test_plain_pictures_are_resized_as_ink_on_a_dark_ground(tmp_path, form):
  for kind in KINDS:
    (tmp_path / kind).mkdir()
    for number in range(3):
      path = tmp_path / kind / f'{number}.{form}'
      draw(kind, number).convert('RGB').save(path)
  images = load(tmp_path).test.images
  assert images.shape == (3, 28, 28) and images.dtype == np.uint8
  assert (images[:, 0].astype(int) < 30).all()
  assert (images.max(axis=(1, 2)) > 150).all()


def test_pictures_of_28x28_on_a_dark_ground_keep_every_pixel(tmp_path, digits):
  images, labels = digits
  for index in range(100):
    folder = tmp_path / str(labels[index])
    folder.mkdir(exist_ok=True)
    Image.fromarray(images[index]).save(folder / f'{index}.png')
  dataset = load(tmp_path, valid='none')
  assert dataset.class_names == tuple('0123456789')
  found = {image.tobytes() for image in dataset.train.images}
  found |= {image.tobytes() for image in dataset.test.images}
  assert found == {image.tobytes() for image in images[:100]}


def test_the_photo_pipeline_frames_what_is_drawn(root):
  images = load(root, framing='photo').test.images
  ink = images > 0
  tall, wide = ink.any(axis=2).sum(axis=1), ink.any(axis=1).sum(axis=1)
  assert (np.maximum(tall, wide) == 20).all()


def test_files_that_cannot_be_used_are_counted_and_named(root):
  (root / 'ring' / 'Thumbs.db').write_bytes(b'\0' * 100)
  (root / 'ring' / 'empty.png').write_bytes(b'')
  for number in range(5):
    (root / 'stroke' / f'z{number}.png').write_bytes(b'no picture')
  notice = load(root).notice
  assert notice.startswith('7 of 43 pictures could not be used')
  assert 'ring/Thumbs.db (is not an image' in notice
  assert 'ring/empty.png (is empty' in notice
  assert notice.endswith('and 2 more')
  assert notice.isprintable()


def test_a_page_without_one_shape_is_left_out_by_the_pipeline(root):
  Image.new('L', (60, 60), 240).save(root / 'ring' / 'blank.png')
  notice = load(root, framing='photo').notice
  assert 'ring/blank.png (0 shapes found in it)' in notice


def test_a_class_of_which_nothing_can_be_read_is_one_line(root):
  for path in (root / 'ring').iterdir():
    path.write_bytes(b'no picture')
  message = refused(root)
  assert "no picture of the class 'ring' is left" in message
  (root / 'empty').mkdir()
  assert "'empty'" in refused(root)


@pytest.mark.parametrize(
  ('names', 'words'),
  [(['one'], '1 classes'), ([f'{n}' for n in range(101)], '101 classes')],
)
def test_too_few_or_too_many_folders_are_one_line(tmp_path, names, words):
  for name in names:
    (tmp_path / name).mkdir()
  assert words in refused(tmp_path)


def test_a_folder_with_too_many_files_is_one_line(root, monkeypatch):
  monkeypatch.setattr(folders, 'MAX_FILES', 30)
  assert 'more than 30 files' in refused(root)


def test_no_folder_is_one_line(tmp_path):
  assert 'needs a folder' in refused('')
  assert 'cannot be read' in refused(tmp_path / 'nope')
  assert 'unknown user' in refused('~nobody-of-this-name/leaves')
