"""Rows with lines, tilt and broken digits: found once each, and in order."""

import io

import numpy as np
import pytest
import samples
from PIL import Image

from mnist_jax.photos import layout, pipeline

HEIGHT, GAP = 60, 20


@pytest.fixture(scope='module')
def row(digits):
  """Ink of a row of five digits, and the column of each."""
  images, labels = digits
  parts, places, x = [], [], 0
  for label in (2, 5, 0, 3, 6):
    ink = samples.cut_out(images[labels == label][0], HEIGHT)
    parts.append(np.pad(ink, ((0, 0), (0, GAP))))
    places.append(x)
    x += parts[-1].shape[1]
  return np.hstack(parts), places


def boxes(ink, margin=50):
  picture = pipeline.read_picture(samples.on_paper(ink, margin=margin))
  return [digit.box for digit in picture.digits]


@pytest.mark.parametrize('first', [0, 40, 120])
@pytest.mark.parametrize('below', [6, 14])
def test_a_line_of_any_length_under_a_row_is_removed(row, first, below):
  ink = np.pad(row[0], ((0, 30), (0, 0)))
  ink[HEIGHT + below : HEIGHT + below + 2, first:] = 1
  found = boxes(ink)
  assert len(found) == 5
  np.testing.assert_allclose([box[0] - 50 for box in found], row[1], atol=8)


@pytest.mark.parametrize('degrees', [-18, -10, 10, 18])
def test_a_tilted_row_is_read_in_order(row, degrees):
  ink = np.pad(row[0], 80)
  turned = np.asarray(
    Image.fromarray(ink).rotate(degrees, Image.Resampling.BICUBIC)
  )
  found = boxes(turned)
  assert len(found) == 5
  assert [box[0] for box in found] == sorted(box[0] for box in found)
  rises = found[0][1] - found[-1][1]
  assert (rises > 0) == (degrees > 0)


def test_a_picture_is_turned_once_at_most(row, monkeypatch):
  # An estimate that is wrong each time must not turn it round and round.
  monkeypatch.setattr(layout, 'estimate_tilt', lambda parts: 10)
  assert boxes(row[0])


def test_a_level_row_is_not_turned():
  parts = [
    layout.Part([i], 60 * i, 5 * (i % 2), 60 * i + 40, 60) for i in range(5)
  ]
  assert layout.estimate_tilt(parts) == 0


def test_parts_above_each_other_are_one_digit(row):
  ink = row[0].copy()
  ink[HEIGHT // 2 : HEIGHT // 2 + 3] = 0
  assert len(boxes(ink)) == 5


def test_digits_of_a_row_in_which_all_are_broken_are_joined_each():
  # Also a narrow one, in three parts: no whole digit shows how tall they are.
  parts = [
    layout.Part([i], x, top, x + width, bottom)
    for i, (x, width, top, bottom) in enumerate(
      [(0, 30, 0, 30), (2, 25, 33, 60)]
      + [(50, 9, 1, 20), (49, 9, 22, 40), (48, 9, 43, 59)]
      + [(80, 40, 0, 25), (85, 30, 29, 60)]
    )
  ]
  joined = layout.join_broken(parts)
  assert sorted(sorted(part.labels) for part in joined) == [
    [0, 1],
    [2, 3, 4],
    [5, 6],
  ]


def test_the_parts_of_a_slanted_one_are_joined_although_none_is_below_another():
  parts = [
    layout.Part([0], 20, 0, 27, 28),
    layout.Part([1], 12, 31, 19, 60),
    layout.Part([2], 60, 0, 95, 60),
  ]
  joined = layout.join_broken(parts)
  assert sorted(part.labels for part in joined) == [[0, 1], [2]]


def random_parts(seed):
  rng = np.random.default_rng(seed)
  corners = rng.integers(0, 100, (rng.integers(20), 2))
  sizes = rng.integers(1, rng.choice([6, 16, 41]), corners.shape)
  return [
    layout.Part([i], *map(int, (*corner, *(corner + size))))
    for i, (corner, size) in enumerate(zip(corners, sizes, strict=True))
  ]


def join_from_the_start_each_time(parts):
  """Joins the first pair that is one digit, until there is none."""
  parts = sorted(parts, key=lambda part: part.y0)
  while True:
    pairs = (
      (above, below)
      for i, above in enumerate(parts)
      for below in parts[i + 1 :]
      if layout._is_cracked(above, below, parts)
    )
    above, below = next(pairs, (None, None))
    if above is None:
      return parts
    parts[parts.index(above)] = layout.join(above, below)
    parts.remove(below)


def test_after_a_part_is_joined_only_what_it_changes_is_looked_at_again():
  joined = 0
  for seed in range(300):
    parts = random_parts(seed)
    found = layout.join_broken(parts)
    assert found == join_from_the_start_each_time(parts)
    joined += len(parts) - len(found)
  assert joined > 100
  broken = [
    layout.Part([i], x, top, x + 8, top + 12)
    for i, (x, top) in enumerate(
      (x, y) for x in range(0, 720, 12) for y in (0, 13)
    )
  ]
  looks = []
  found = layout.join_broken(broken, lambda: looks.append(1))
  assert len(found) == 60
  assert len(looks) < 3 * len(broken)


def test_digits_above_each_other_stay_two(digits):
  images, labels = digits
  ink = samples.cut_out(images[labels == 2][0], HEIGHT)
  column = np.vstack([ink, np.zeros((15, ink.shape[1])), ink])
  assert len(boxes(column.astype(np.float32))) == 2


def test_a_comma_between_digits_is_left_out(row):
  ink = np.pad(row[0], ((0, 10), (0, 0)))
  x = row[1][2] - GAP // 2
  ink[HEIGHT - 8 : HEIGHT + 6, x - 4 : x] = 1
  assert len(boxes(ink)) == 5


def test_a_sheet_of_three_hundred_digits_is_read(digits):
  images = digits[0]
  inks = [samples.cut_out(images[i], 22)[:, :20] for i in range(300)]
  cells = [np.pad(ink, ((6, 6), (6, 26 - ink.shape[1]))) for ink in inks]
  rows = [np.hstack(cells[i : i + 20]) for i in range(0, 300, 20)]
  content = samples.on_paper(np.vstack(rows), margin=20)
  assert Image.open(io.BytesIO(content)).size == (680, 550)
  assert len(pipeline.read_picture(content).digits) == pytest.approx(300, abs=6)
