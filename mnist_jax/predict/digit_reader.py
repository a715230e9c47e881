"""Finds the digits in a picture and reads each with a network."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Literal

import numpy as np

from mnist_jax.photos import deadline as deadline_lib
from mnist_jax.photos import pipeline, segmentation, touching
from mnist_jax.predict import classifier as classifier_lib

# Set by hand. Of MNIST's validation digits 98.2 % are surer, and of drawings
# of kinds that training has not seen 8.9 % (experiments/non_digits).
THRESHOLD = 0.9
# Below this confidence it is no digit: for such pictures weights trained by
# outlier exposure (Hendrycks et al., 2019) give all ten about the same share.
NO_DIGIT_CONFIDENCE = 0.4

_PAIR = 0.6  # Of its height: narrower ink is not two digits.
_WIDEST = 1.3  # Of its height: wider ink is several digits.
_WHOLE = 0.9  # Narrower ink is not cut where it is read with more confidence.
# Chosen on pairs, single digits and rows of the choosing pages of
# experiments/pages: so many log-likelihoods count against a cut for each height
# of ink it goes through.
_THROUGH = 1.5

Verdict = Literal['sure', 'unsure', 'no digit']


@dataclasses.dataclass(frozen=True)
class Prediction:
  """One digit of a picture, as the network reads it."""

  digit: int
  confidence: float  # In [0, 1], calibrated.
  runner_up: int
  verdict: Verdict
  box: segmentation.Box  # In pixels of the upright original.
  probabilities: np.ndarray  # [10] float32.
  image: np.ndarray  # [28, 28] uint8, what the network saw.
  touching: bool = False  # Whether it was cut from a neighbour it touches.

  def as_json(self) -> dict:
    """Returns all but the two arrays, for JSON."""
    return {
      'digit': self.digit,
      'confidence': round(self.confidence, 6),
      'runner_up': self.runner_up,
      'sure': self.verdict == 'sure',
      'verdict': self.verdict,
      'touching': self.touching,
      'box': list(self.box),
    }


def judge(confidence: float, threshold: float = THRESHOLD) -> Verdict:
  """Returns what a confidence in [0, 1] means; below `threshold`, not sure."""
  if confidence < NO_DIGIT_CONFIDENCE:
    return 'no digit'
  return 'sure' if confidence >= threshold else 'unsure'


def read(
  source: bytes | str | pathlib.Path,
  classifier: classifier_lib.Classifier,
  threshold: float = THRESHOLD,
) -> tuple[pipeline.Picture, tuple[Prediction, ...]]:
  """Finds the digits in a picture, and reads them.

  Args:
    source: the content of an image file, or its path.
    classifier: the network.
    threshold: the confidence in [0, 1] from which a digit is sure.

  Returns:
    The picture, and one prediction for each of its digits.

  Raises:
    errors.UserError: when it cannot be read as a picture, or takes too long.
  """
  picture = pipeline.read_picture(source)
  found = _read_all(picture.digits, classifier)
  parted = []
  deadline = deadline_lib.Deadline()  # Of its own, for the cuts alone.
  for digit, probabilities in found:
    deadline.check('cutting touching digits')
    parted += _part(digit, probabilities, classifier)
  verdicts = _judge_all(parted, threshold)
  return picture, tuple(
    Prediction(
      digit=int(row.argmax()),
      confidence=float(row.max()),
      runner_up=int(row.argsort()[-2]),
      verdict=verdict,
      box=digit.box,
      probabilities=row,
      image=digit.image,
      touching=digit.touching,
    )
    for (digit, row), verdict in zip(parted, verdicts, strict=True)
  )


Read = tuple[pipeline.Digit, np.ndarray]  # With its probabilities [10].


def _judge_all(found: Sequence[Read], threshold: float) -> list[Verdict]:
  """Returns the verdict on each digit of a picture.

  Two kinds are never sure. Pieces of a cut: of many cuts the best was chosen,
  and half a letter can look like a digit. And digits of a row of which most are
  not sure: they are likely to be the letters of a word.
  """
  verdicts = [judge(float(row.max()), threshold) for _, row in found]
  for i, (digit, _) in enumerate(found):
    if digit.touching and verdicts[i] == 'sure':
      verdicts[i] = 'unsure'
  boxes = [digit.box for digit, _ in found]
  is_sure = np.array([verdict == 'sure' for verdict in verdicts])
  return [
    'unsure'
    if verdict == 'sure' and is_sure[_row_of(box, boxes)].mean() < 0.5
    else verdict
    for box, verdict in zip(boxes, verdicts, strict=True)
  ]


def _row_of(box: segmentation.Box, boxes: list[segmentation.Box]) -> np.ndarray:
  """Returns which boxes [N] are in one row with a box: bool [N]."""
  tops, bottoms = np.array(boxes)[:, [1, 3]].T
  overlap = np.minimum(bottoms, box[3]) - np.maximum(tops, box[1])
  return overlap > 0.5 * np.minimum(bottoms - tops, box[3] - box[1])


def _read_all(
  digits: Sequence[pipeline.Digit], classifier: classifier_lib.Classifier
) -> list[Read]:
  images = np.array([digit.image for digit in digits], np.uint8)
  probabilities = classifier.probabilities(images.reshape(-1, 28, 28))
  return list(zip(digits, probabilities, strict=True))


def _part(
  digit: pipeline.Digit,
  probabilities: np.ndarray,
  classifier: classifier_lib.Classifier,
) -> list[Read]:
  """Returns what reads best: the digit as it is, or the pieces of a cut.

  The best way from the left end to the right end of all pieces is the one with
  the largest product of confidences, less the ink that its cuts go through.
  """
  height, width = digit.ink.shape
  confidence = float(probabilities.max())
  is_one = width < _WIDEST * height and confidence > _WHOLE
  if width < _PAIR * height or is_one:
    return [(digit, probabilities)]
  # Through more ink than this no cut can win.
  most = min(-np.log(confidence) / _THROUGH, touching.MOST_INK)
  cut = pipeline.cut(digit, most)
  read = _read_all([piece for _, piece in cut], classifier)
  best: dict[int, tuple[float, list[Read]]] = {0: (0.0, [])}
  for (piece, _), found in sorted(
    zip(cut, read, strict=True), key=lambda item: item[0][0][:2]
  ):
    if piece.start not in best:
      continue
    likelihood, parts = best[piece.start]
    likelihood += float(np.log(found[1].max())) - _THROUGH * piece.cost
    if piece.stop not in best or likelihood > best[piece.stop][0]:
      best[piece.stop] = likelihood, [*parts, found]
  end = max((piece.stop for piece, _ in cut), default=0)
  likelihood, parts = best.get(end, (-np.inf, []))
  if len(parts) < 2 or likelihood <= np.log(confidence):
    return [(digit, probabilities)]
  return parts
