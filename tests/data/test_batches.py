import numpy as np
import pytest

from mnist_jax import errors
from mnist_jax.data import batches


def test_an_epoch_is_full_batches_without_repeats():
  indices = batches.epoch_indices(103, 10, seed=0, epoch=0)
  assert indices.shape == (10, 10)
  assert indices.dtype == np.int32
  assert len(np.unique(indices)) == 100
  assert indices.min() >= 0 and indices.max() < 103


def test_the_order_follows_from_seed_and_epoch_alone():
  first = batches.epoch_indices(50, 5, seed=3, epoch=7)
  np.random.default_rng().random(10)
  np.testing.assert_array_equal(
    first, batches.epoch_indices(50, 5, seed=3, epoch=7)
  )
  for seed, epoch in ((3, 8), (4, 7), (7, 3)):
    other = batches.epoch_indices(50, 5, seed=seed, epoch=epoch)
    assert not np.array_equal(first, other)


def test_every_example_is_seen_within_a_few_epochs():
  seen = [batches.epoch_indices(19, 10, seed=0, epoch=e) for e in range(20)]
  assert set(np.concatenate(seen).ravel()) == set(range(19))


@pytest.mark.parametrize('batch_size', [-1, 0, 11])
def test_a_batch_size_that_gives_no_batch_is_a_user_error(batch_size):
  with pytest.raises(errors.UserError, match=f'batch_size {batch_size} '):
    batches.epoch_indices(10, batch_size, seed=0, epoch=0)


@pytest.mark.parametrize(
  ('num_examples', 'batch_size'), [(10, 3), (9, 3), (1, 8), (10_000, 512)]
)
def test_padding_keeps_every_example_once_and_in_order(
  num_examples, batch_size
):
  indices, mask = batches.pad_to_batches(num_examples, batch_size)
  assert indices.shape == mask.shape
  assert indices.shape[1] == batch_size
  assert (indices.dtype, mask.dtype) == (np.int32, np.bool_)
  np.testing.assert_array_equal(indices[mask], np.arange(num_examples))
  assert not indices[~mask].any()
  assert mask.any(axis=1).all()


def test_an_empty_split_has_no_batches():
  indices, mask = batches.pad_to_batches(0, 4)
  assert indices.shape == mask.shape == (0, 4)


def test_padding_to_batches_of_nothing_is_a_user_error():
  with pytest.raises(errors.UserError, match='batch_size 0 '):
    batches.pad_to_batches(10, 0)
