"""Drawn pages show what their truth says, and are counted as it says."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from experiments.pages import (
  crops,
  glyphs,
  kinds,
  page,
  report,
  rows,
  score,
  sheets,
  table,
)
from mnist_jax import config, errors
from mnist_jax.predict import classifier, digit_reader, weights

WITH_DIGITS = [name for name, k in kinds.KINDS.items() if k.right == 'digits']
IN_A_ROW = [name for name in WITH_DIGITS if kinds.KINDS[name].layout == 'row']


@pytest.fixture(scope='module')
def handwritten(digits):
  return glyphs.Digits(*digits, 'uci_digits')


@pytest.fixture(scope='module')
def shapes():
  """Digits that any program can tell apart: 1 is a bar, 0 is a square."""
  images = np.zeros((2, 28, 28), np.uint8)
  images[0, 4:24, 4:24] = 255
  images[1, 4:24, 11:16] = 255
  return glyphs.Digits(images, np.array([0, 1]), 'shapes')


def count_parts(drawn: page.Page) -> int:
  """Counts the connected parts of the ink; the corner shows the paper."""
  off = np.abs(drawn.pixels.astype(float) - drawn.pixels[0, 0])
  parts, count = ndimage.label(off > off.max() / 2, np.ones((3, 3)))
  sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
  return int((sizes > 20).sum())


@pytest.mark.parametrize('name', kinds.KINDS)
def test_a_page_depends_on_its_half_and_number_alone(name, handwritten):
  first, again, next_one, other_half = (
    kinds.draw(name, handwritten, half, index)
    for half, index in [
      ('choose', 0),
      ('choose', 0),
      ('choose', 1),
      ('report', 0),
    ]
  )
  assert first.pixels.dtype == np.uint8
  np.testing.assert_array_equal(first.pixels, again.pixels)
  assert (first.labels, first.boxes) == (again.labels, again.boxes)
  for other in (next_one, other_half):
    assert not np.array_equal(first.pixels, other.pixels)


@pytest.mark.parametrize('name', WITH_DIGITS)
def test_each_digit_has_a_box_on_the_page_with_ink_in_it(name, handwritten):
  for index in range(1 if name == 'many' else 5):
    drawn = kinds.draw(name, handwritten, 'choose', index)
    assert len(drawn.boxes) == len(drawn.labels) > 0
    height, width = drawn.pixels.shape
    for x0, y0, x1, y1 in drawn.boxes:
      assert 0 <= x0 < x1 <= width
      assert 0 <= y0 < y1 <= height
      assert np.ptp(drawn.pixels[y0:y1, x0:x1].astype(int)) > 25


@pytest.mark.parametrize('name', ['empty', 'non_digits'])
def test_a_page_without_digits_has_no_labels(name, handwritten):
  drawn = kinds.draw(name, handwritten, 'choose', 0)
  assert drawn.labels == drawn.boxes == ()


@pytest.mark.parametrize('name', sorted({*IN_A_ROW} - {'tilted'}))
def test_labels_of_a_row_go_with_their_boxes_from_left_to_right(name, shapes):
  for index in range(8):
    drawn = kinds.draw(name, shapes, 'choose', index)
    boxes = np.array(drawn.boxes)
    narrow = boxes[:, 2] - boxes[:, 0] < 0.5 * (boxes[:, 3] - boxes[:, 1])
    np.testing.assert_array_equal(narrow, drawn.labels)
    assert (np.diff(boxes[:, [0, 2]].mean(axis=1)) > 0).all()


def test_a_tilted_row_rises_or_falls_by_up_to_20_degrees(shapes):
  angles = []
  for index in range(30):
    boxes = np.array(kinds.draw('tilted', shapes, 'choose', index).boxes)
    x, y = (boxes[:, [i, i + 2]].mean(axis=1) for i in (0, 1))
    assert (np.diff(x) > 0).all()
    angles.append(np.degrees(np.arctan2(y[0] - y[-1], x[-1] - x[0])))
  # The digits of a row do not stand exactly on its line.
  assert -26 < min(angles) < -8
  assert 8 < max(angles) < 26


def test_labels_of_a_sheet_go_row_by_row(shapes):
  drawn = sheets.many(shapes, np.random.default_rng(0))
  assert 130 <= len(drawn.labels) <= 400
  boxes = np.array(drawn.boxes)
  narrow = boxes[:, 2] - boxes[:, 0] < 0.5 * (boxes[:, 3] - boxes[:, 1])
  np.testing.assert_array_equal(narrow, drawn.labels)
  starts = np.flatnonzero(np.diff(boxes[:, 0]) < 0) + 1
  ends = [row[:, 3].max() for row in np.split(boxes, starts)]
  tops = [row[:, 1].min() for row in np.split(boxes, starts)]
  assert (np.array(ends[:-1]) <= tops[1:]).all()


def test_the_box_of_a_digit_is_that_of_its_visible_ink(handwritten):
  rng = np.random.default_rng(0)
  sheet = page.Sheet(100, 90)
  sheet.put(glyphs.draw(handwritten, rng, 40, 10), 31, 22)
  assert glyphs.box(sheet.ink) == sheet.boxes[0]
  assert sheet.boxes[0][:2] == (31, 22)


def test_neighbours_touch_only_on_pages_of_touching_digits(shapes):
  for index in range(8):
    rng = np.random.default_rng(index)
    apart = rows.plain(shapes, rng)
    assert count_parts(apart) == len(apart.labels)
    assert count_parts(rows.touching_pair(shapes, rng)) == 1
    mixed = rows.touching_in_row(shapes, rng)
    assert count_parts(mixed) == len(mixed.labels) - 1


def test_a_broken_digit_has_two_or_three_parts_above_each_other(shapes):
  rng = np.random.default_rng(0)
  for _ in range(30):
    bar = crops.break_apart(shapes.images[1], rng)
    inked = bar.any(axis=1)[4:24]
    _, count = ndimage.label(inked)
    gaps, num_gaps = ndimage.label(~inked)
    assert count - 1 == num_gaps
    assert num_gaps in (1, 2)
    assert set(np.bincount(gaps)[1:]) <= {1, 2, 3}
    assert inked[:4].all()
    assert inked[-4:].all()


@pytest.mark.parametrize('height', [16, 32, 120])
def test_a_crop_ends_at_its_margin_in_dark_and_light_ink(height, handwritten):
  variants, dark = set(), set()
  for index in range(40):
    drawn = kinds.draw(f'crop_{height}', handwritten, 'choose', index)
    x0, y0, x1, y1 = drawn.boxes[0]
    assert abs(y1 - y0 - height) <= 0.1 * height
    margin = float(drawn.variant.split()[1].rstrip('%')) / 100
    room = round(margin * max(x1 - x0, y1 - y0))
    assert drawn.pixels.shape == (y1 + room, x1 + room)
    assert x0 == y0 == room
    variants.add(drawn.variant)
    dark.add(bool(np.median(drawn.pixels) < 127))
  assert len(variants) == len(crops.MARGINS)
  assert dark == {True, False}


def test_specks_beside_a_digit_are_not_drawn(shapes):
  image = shapes.images[0].copy()
  image[1, 1] = 255
  np.testing.assert_array_equal(glyphs.without_specks(image), shapes.images[0])


def test_the_halves_share_no_digit(monkeypatch):
  small = config.default()
  small.data.name = 'uci_digits'
  monkeypatch.setattr(config, 'default', lambda: small)
  choose, report_half = (
    {image.tobytes() for image in glyphs.load(half).images}
    for half in kinds.HALVES
  )
  assert choose
  assert report_half
  assert not choose & report_half


@pytest.mark.parametrize(
  ('truth', 'read', 'edits'),
  [
    ('', '', 0),
    ('123', '123', 0),
    ('123', '', 3),
    ('', '12', 2),
    ('123', '13', 1),
    ('13', '123', 1),
    ('123', '173', 1),
    ('1234', '2341', 2),
  ],
)
def test_edits_are_the_digits_missed_added_or_changed(truth, read, edits):
  assert score.num_edits([*map(int, truth)], [*map(int, read)]) == edits


def test_what_is_right_depends_on_the_kind_of_page():
  empty = page.Page(np.zeros((9, 9), np.uint8), (), ())
  sure, unsure = score.Reading((4,), num_sure=1), score.Reading((4,))
  non_digits, blank = kinds.KINDS['non_digits'], kinds.KINDS['empty']
  assert score.is_right(non_digits, empty, unsure)
  assert not score.is_right(non_digits, empty, sure)
  assert not score.is_right(blank, empty, unsure)
  assert score.is_right(blank, empty, score.Reading(()))


def test_counts_are_of_pages_digits_and_variants():
  pixels = np.zeros((9, 9), np.uint8)
  pages = [
    page.Page(pixels, (1, 2), (), 'a'),
    page.Page(pixels, (3, 4), (), 'a'),
    page.Page(pixels, (5,), (), 'b'),
  ]
  readings = [score.Reading((1, 2), 2), score.Reading((3, 7), 1)]
  readings.append(score.Reading((9, 9, 9, 9)))
  assert score.count(kinds.KINDS['plain'], pages, readings) == {
    'pages': 3,
    'right': 1,
    'digits': 5,
    'digits_right': 3,
    'found': 8,
    'sure': 3,
    'variants': {'a': [1, 2], 'b': [0, 1]},
  }


def test_a_page_is_read_as_predict_reads_a_file(handwritten, tmp_path):
  network = classifier.Classifier(weights.load_weights(weights.DEFAULT))
  drawn = kinds.draw('alone', handwritten, 'choose', 0)
  reading = score.with_network(network)(drawn, kinds.KINDS['alone'])
  path = tmp_path / 'page.png'
  Image.fromarray(drawn.pixels).save(path)
  _, found = digit_reader.read(path.read_bytes(), network)
  assert reading.labels == tuple(digit.digit for digit in found) != ()


def test_a_page_that_cannot_be_read_is_never_right(monkeypatch):
  def refuse(*args):
    raise errors.UserError('takes too long')

  monkeypatch.setattr(digit_reader, 'read', refuse)
  empty = page.Page(np.zeros((9, 9), np.uint8), (), ())
  reading = score.read(empty.pixels, None)
  assert not score.is_right(kinds.KINDS['empty'], empty, reading)


def test_a_reader_that_knows_the_truth_is_right_and_one_that_is_blind_is_not(
  handwritten, tmp_path
):
  found = report.measure(
    ['plain', 'empty', 'non_digits'],
    handwritten,
    {
      'blind': lambda drawn, kind: score.Reading(()),
      'true': lambda drawn, kind: score.Reading(drawn.labels),
    },
    half='choose',
    count=3,
    save=str(tmp_path),
  )
  plain = found['rows']['plain']
  assert (plain['true']['right'], plain['blind']['right']) == (3, 0)
  assert plain['true']['digits_right'] == plain['true']['digits'] >= 12
  assert found['rows']['empty']['blind']['right'] == 3
  assert 'true' not in found['rows']['non_digits']  # It has no 'sure'.
  assert len(list(tmp_path.glob('plain-*.png'))) == 3
  for lines in (table.as_text(found), table.as_markdown(found)):
    line = next(line for line in lines.splitlines() if 'plain' in line)
    assert '0.0%' in line
    assert '100.0%' in line
