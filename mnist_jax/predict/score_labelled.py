"""How many of the labelled pictures are read right."""

import pathlib

import numpy as np

from mnist_jax.analysis import statistics
from mnist_jax.analysis.run import classification
from mnist_jax.predict import digit_reader


class Tally:
  """Counts what was read, and holds it against the labels there are."""

  def __init__(self, labels: dict[pathlib.Path, int], threshold: float):
    self.num_opened = 0
    self._labels, self._threshold = labels, threshold
    self._seen: list[tuple[int, int, bool]] = []  # Label, read (or -1), sure.

  def add(
    self, path: pathlib.Path, reading: digit_reader.Reading | None
  ) -> None:
    """Takes in a picture; None is one that could not be opened."""
    self.num_opened += reading is not None
    if path not in self._labels:
      return
    answers = reading.answers if reading else ()
    read, sure = -1, False
    if len(answers) == 1:  # A labelled picture shows one digit.
      read = answers[0].digit
      sure = answers[0].confidence >= self._threshold
    self._seen.append((self._labels[path], read, sure))

  def text(self) -> str:
    """Returns the summary of the labelled pictures, '' without any."""
    if not self._seen:
      return ''
    label, read, sure = np.array(self._seen).T
    right, total = int((label == read).sum()), len(label)
    low, high = statistics.wilson_interval(right, total)
    sure = sure.astype(bool)
    lines = [
      f'\n{right:,} of {total:,} labelled pictures read right: '
      f'{right / total:.2%} (95 % interval {low:.2%} to {high:.2%})',
      f'  not exactly one digit found in {(read < 0).sum():,}, all counted as '
      'wrong',
      f'  not sure of {((read >= 0) & ~sure).sum():,}; of the other '
      f'{sure.sum():,} {((label == read) & sure).sum():,} right',
    ]
    one = read >= 0
    matrix = classification.confusion_matrix(label[one], read[one])
    confusions = ', '.join(
      f'{pair["true"]} read as {pair["predicted"]} ({pair["count"]} x)'
      for pair in classification.most_confused(matrix, 5)
    )
    if confusions:
      lines.append(f'  most often {confusions}')
    return '\n'.join([*lines, ''])
