"""Scores what was read in labelled pictures."""

import pathlib
from collections.abc import Sequence

import numpy as np

from mnist_jax.analysis import statistics
from mnist_jax.analysis.run import classification
from mnist_jax.predict import digit_reader


class Score:
  """Counts the labelled pictures that are read correctly."""

  def __init__(self, labels: dict[pathlib.Path, int]):
    self._labels = labels
    # Label, digit (-1 unless exactly one is found), whether it is sure.
    self._rows: list[tuple[int, int, bool]] = []

  def add(
    self, path: pathlib.Path, predictions: Sequence[digit_reader.Prediction]
  ) -> None:
    """Adds a picture, if it has a label; labelled pictures show one digit.

    What the network calls no digit does not count as one.
    """
    if path not in self._labels:
      return
    digit, sure = -1, False
    digits = [each for each in predictions if each.verdict != 'no digit']
    if len(digits) == 1:
      digit, sure = digits[0].digit, digits[0].verdict == 'sure'
    self._rows.append((self._labels[path], digit, sure))

  def summary(self) -> str:
    """Returns some lines of text; '' where no picture has a label."""
    if not self._rows:
      return ''
    label, digit, sure = np.array(self._rows).T
    right, total = int((label == digit).sum()), len(label)
    low, high = statistics.wilson_interval(right, total)
    sure = sure.astype(bool)
    lines = [
      f'\n{right:,} of {total:,} labelled pictures read right: '
      f'{right / total:.2%} (95 % interval {low:.2%} to {high:.2%})',
      f'  not exactly one digit found in {(digit < 0).sum():,}, all counted as '
      'wrong',
      f'  not sure of {((digit >= 0) & ~sure).sum():,}; of the other '
      f'{sure.sum():,} {((label == digit) & sure).sum():,} right',
    ]
    found = digit >= 0
    matrix = classification.confusion_matrix(label[found], digit[found])
    confusions = ', '.join(
      f'{pair["true"]} read as {pair["predicted"]} ({pair["count"]} x)'
      for pair in classification.most_confused(matrix, 5)
    )
    if confusions:
      lines.append(f'  most often {confusions}')
    return '\n'.join([*lines, ''])
