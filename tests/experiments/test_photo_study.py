"""How experiments/photos.py cuts, counts and compares."""

import importlib.util
import shutil

import numpy as np
import pytest
from PIL import Image

from experiments import (
  photo_calibration,
  photo_peers,
  photo_views,
  photos,
  tables,
)
from mnist_jax.photos import pipeline
from mnist_jax.predict import classifier, weights

ONE, OTHER = ('weights', 'one'), ('weights', 'other')
PEER = ('peers', 'Peer')


@pytest.mark.parametrize(
  ('margin', 'shape'), [(0, (40, 20)), (0.1, (48, 28)), (1, (100, 100))]
)
def test_a_cut_keeps_the_box_and_a_margin_within_the_picture(margin, shape):
  pixels = np.zeros((100, 100), np.uint8)
  assert photo_views.cut(
    pixels, (40, 30, 60, 70), (100, 100), margin
  ).shape == (shape)


def test_a_box_of_a_large_original_is_cut_from_its_smaller_copy():
  pixels = np.zeros((50, 100), np.uint8)
  pixels[10:20, 30:60] = 1
  cut = photo_views.cut(pixels, (120, 40, 240, 80), (400, 200), 0)
  assert cut.shape == (10, 30)
  assert cut.all()


def test_views_are_cut_to_the_largest_digit(digits, tmp_path):
  images, _ = digits
  sheet = np.full((200, 200), 230, np.uint8)
  large = Image.fromarray(255 - images[0]).resize((84, 84))
  sheet[40:124, 60:144] = np.minimum(large, 230)
  Image.fromarray(sheet).save(tmp_path / 'digit.png')
  (digit,) = pipeline.read_picture(tmp_path / 'digit.png').digits
  x0, y0, x1, y1 = digit.box
  views = photo_views.look(tmp_path / 'digit.png')
  assert list(views) == photo_views.VIEWS
  np.testing.assert_array_equal(views['whole'], sheet)
  np.testing.assert_array_equal(views['margin 0%'], sheet[y0:y1, x0:x1])
  sizes = [view.size for view in views.values()]
  assert sizes[0] > sizes[3] > sizes[2] > sizes[1]


def test_an_empty_picture_is_not_cut(tmp_path):
  Image.new('L', (90, 80), 200).save(tmp_path / 'empty.png')
  for view in photo_views.look(tmp_path / 'empty.png').values():
    assert view.shape == (80, 90)


def make_right(with_peer=False):
  by_reader = {ONE: [True] * 8 + [False] * 2, OTHER: [False] * 6 + [True] * 4}
  by_reader |= {('plain_resize', name): [True] * 10 for _, name in by_reader}
  if with_peer:
    by_reader[PEER] = [True] * 5 + [False] * 5
  cropped = {who: right for who, right in by_reader.items() if who != PEER}
  views = {view: cropped for view in photo_views.VIEWS}
  views[photo_views.WHOLE] = by_reader
  return {'desks': views, 'walls': views}


def test_two_weights_are_compared_on_the_same_images():
  lines = photos.compare(make_right(), 'one', 'other').splitlines()
  assert len(lines) == len(photo_views.VIEWS)
  # 6 images of each set against 2: McNemar's exact p of 12 against 4.
  assert 'by one only: 12, by other only: 4, p = 0.0768' in lines[0]


def test_every_reader_has_its_score_on_every_set_and_view():
  found = photos.summarize(make_right(with_peer=True))
  score = {'accuracy': 0.8, 'num_errors': 2, 'count': 10}
  assert found['weights']['one'] == {'desks': score, 'walls': score}
  assert list(found['cropped']) == list(photo_views.MARGINS)
  assert found['peers']['Peer']['walls']['num_errors'] == 5
  for part in found['cropped'].values():  # Peers read whole images only.
    assert part['weights']['one']['walls']['num_errors'] == 2
    assert part['peers'] == {}
  assert '80.00% (2 of 10 wrong)' in photos.describe(found)


@pytest.mark.parametrize('with_peer', [False, True])
def test_the_table_has_a_column_for_each_reader(with_peer):
  found = photos.summarize(make_right(with_peer))
  head, _, *lines = tables.photos(found).splitlines()
  assert ('| Peer |' in head) == with_peer
  assert len(lines) == 2 * len(photo_views.VIEWS)
  assert all(line.count('|') == head.count('|') for line in lines)


def test_letters_that_look_like_digits_count_as_digits():
  assert photo_peers.to_digits('Ol2 Zq.\n\uff18x') == (0, 1, 2, 2, 9, 8)


def test_no_letter_looks_like_two_digits():
  letters = ''.join(photo_peers.LOOKALIKES)
  assert len(set(letters)) == len(letters)


def test_absent_peers_are_left_out_with_a_line_on_how_to_install(
  monkeypatch, capsys
):
  monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
  monkeypatch.setattr(shutil, 'which', lambda name: None)
  assert photo_peers.load_installed() == {}
  lines = capsys.readouterr().out.splitlines()
  assert len(lines) == 2
  assert 'requirements-bench.txt' in lines[0]
  assert 'apt-get install tesseract-ocr' in lines[1]


@pytest.mark.skipif(not shutil.which('tesseract'), reason='not installed')
def test_tesseract_finds_nothing_on_empty_paper():
  empty = np.full((80, 200), 250, np.uint8)
  assert photo_peers.read_by_tesseract(empty, 'row') == ()


def test_confidences_are_counted_where_one_digit_is_found(digits, tmp_path):
  images, labels = digits
  for i in range(8):
    paper = np.full((90, 90), 230, np.uint8)
    large = Image.fromarray(255 - images[i]).resize((56, 56))
    paper[17:73, 17:73] = np.minimum(large, 230)
    Image.fromarray(paper).save(tmp_path / f'{i}.png')
  Image.new('L', (90, 90), 230).save(tmp_path / 'empty.png')
  truth = {tmp_path / f'{i}.png': int(labels[i]) for i in range(8)}
  network = classifier.Classifier(weights.load_weights('improved'))
  found = photo_calibration.measure(
    {'desks': truth, 'walls': {tmp_path / 'empty.png': 0}}, network
  )
  assert found['images'] == 9
  assert 0 < found['found'] <= 8  # Not the empty one.
  assert sum(each['count'] for each in found['bins']) == found['found']
  wrong = {path: (label + 1) % 10 for path, label in truth.items()}
  other = photo_calibration.measure({'desks': wrong}, network)
  assert found['accuracy'] + other['accuracy'] <= 1
  assert found['confidence'] == pytest.approx(other['confidence'])
  assert photo_calibration.as_markdown(found).count('\n') > 2
