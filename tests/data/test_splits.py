"""Which rows are held out, and that no image is in two splits."""

import os
import types

import fake_mnist
import numpy as np
import pytest

from mnist_jax import config_rules, errors
from mnist_jax.data import datasets, decoded, splits

REAL_MANUAL_DIR = os.environ.get('MNIST_JAX_MANUAL_DIR', '')


def test_every_training_row_is_either_in_train_or_in_valid(load, fake):
  dataset = load(valid='random')
  assert len(dataset.valid) == fake_mnist.NUM_VALID
  rows = np.concatenate([dataset.train.indices, dataset.valid.indices])
  assert sorted(rows) == list(range(fake_mnist.NUM_TRAIN))
  for split in (dataset.train, dataset.valid):
    np.testing.assert_array_equal(
      split.images, fake.train_images[split.indices]
    )
    np.testing.assert_array_equal(
      split.labels, fake.train_labels[split.indices]
    )


SETS = {
  'mnist': (60_000, splits.MNIST),
  'uci_digits': (1_300, splits.UCI_DIGITS),
}


@pytest.mark.parametrize('name', SETS)
@pytest.mark.parametrize('valid', config_rules.CHOICES['data.valid'])
def test_validation_rows_are_distinct_rows_of_the_training_set(name, valid):
  num_train, writers = SETS[name]
  rows = splits.choose_valid_rows(name, valid, num_train, writers)
  assert rows.dtype == np.int32
  assert len(rows) == (0 if valid == 'none' else writers.num_valid)
  assert (np.diff(rows) > 0).all()
  assert ((rows >= 0) & (rows < num_train)).all()


def test_the_random_rows_are_the_same_on_every_machine():
  rows = splits.choose_valid_rows('mnist', 'random', *SETS['mnist'])
  assert list(rows[:4]) == [9, 24, 49, 60]


def test_the_writer_disjoint_rows_are_the_published_ones():
  rows = splits.choose_valid_rows('mnist', 'writer_disjoint', *SETS['mnist'])
  assert decoded.fingerprint(rows)[:16] == 'fc516b13a01163a9'


def test_of_another_data_set_a_tenth_is_held_out_by_chance():
  assert len(splits.choose_valid_rows('letters', 'random', 55, None)) == 5
  with pytest.raises(errors.UserError, match=r'data\.valid=random'):
    splits.choose_valid_rows('letters', 'writer_disjoint', 55, None)


def test_a_small_set_holds_out_one_image_and_a_set_of_one_is_refused():
  for count in (2, 9, 19):
    assert len(splits.choose_valid_rows('few', 'random', count, None)) == 1
  with pytest.raises(errors.UserError, match=r'data\.valid=none'):
    splits.choose_valid_rows('few', 'random', 1, None)


@pytest.fixture(scope='module')
def real(tmp_path_factory):
  if not REAL_MANUAL_DIR:
    pytest.skip('MNIST_JAX_MANUAL_DIR does not name the official files')
  return datasets.load_dataset(
    types.SimpleNamespace(
      name='auto',
      valid='writer_disjoint',
      manual_dir=REAL_MANUAL_DIR,
      data_dir=str(tmp_path_factory.mktemp('tfds')),
    )
  )


def test_mnist_has_its_known_counts(real):
  assert real.name == 'mnist'
  labels = np.concatenate([real.train.labels, real.valid.labels])
  assert list(np.bincount(labels)) == [
    5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
  ]  # fmt: skip
  assert list(np.bincount(real.test.labels)) == [
    980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
  ]  # fmt: skip
  assert list(real.test.labels[:5]) == [7, 2, 1, 0, 4]


def test_no_image_of_mnist_is_in_two_splits(real):
  parts = [
    {image.tobytes() for image in split.images}
    for split in (real.train, real.valid, real.test)
  ]
  assert [len(part) for part in parts] == [53_913, 6_087, 10_000]
  assert not parts[0] & parts[1]
  assert not parts[2] & (parts[0] | parts[1])


def test_the_writer_disjoint_classes_have_the_shares_of_the_whole(real):
  valid = np.bincount(real.valid.labels)
  whole = valid + np.bincount(real.train.labels)
  shares = valid / valid.sum() - whole / whole.sum()
  assert np.abs(shares).max() < 0.002
