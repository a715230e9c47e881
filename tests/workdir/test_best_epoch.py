"""One rule says which evaluation was the best."""

import pytest

from mnist_jax.workdir import best_epoch


def make_row(epoch, num_errors, loss):
  return {'epoch': epoch, 'valid/num_errors': num_errors, 'valid/loss': loss}


def test_fewest_errors_win_and_the_lower_loss_breaks_a_tie():
  scores = [
    best_epoch.score(make_row(1.0, *row))
    for row in ((3, 0.1), (3, 0.2), (3, 50.0), (4, 0.0))
  ]
  assert scores == sorted(scores)
  assert len(set(scores)) == 4


@pytest.mark.parametrize(
  ('evaluated', 'expected'),
  [
    ([(9, 0.1), (7, 0.9), (8, 0.1)], 2.0),
    ([(7, 0.3), (7, 0.2), (7, 0.2)], 2.0),
    ([(7, -1.0), (8, 0.2)], 1.0),
    ([], None),
  ],
)
def test_the_best_epoch_is_the_first_of_the_lowest_score(evaluated, expected):
  rows = [make_row(float(i), *row) for i, row in enumerate(evaluated, 1)]
  assert best_epoch.find(rows) == expected


def test_without_validation_no_epoch_is_the_best():
  assert best_epoch.score({'epoch': 1.0}) is None
  assert best_epoch.find([{'epoch': 1.0}]) is None
  with_one = [{'epoch': 1.0}, make_row(2.0, 5, 0.5)]
  assert best_epoch.find(with_one) == 2.0
