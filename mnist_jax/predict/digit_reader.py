"""Finds the digits in a picture and reads each with a network."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Literal

import numpy as np

from mnist_jax.photos import pipeline, segmentation
from mnist_jax.predict import classifier as classifier_lib

# Chosen on MNIST's validation digits and on drawings that training has not
# seen (experiments/non_digits): 98.1 % of the digits are surer, and 9.6 % of
# the drawings.
THRESHOLD = 0.9
# Below this confidence it is no digit: for such pictures weights trained by
# outlier exposure (Hendrycks et al., 2019) give all ten about the same share.
NO_DIGIT_CONFIDENCE = 0.4

_PAIR = 0.6  # Of its height: narrower ink is not two digits.
# Ink of a height's width, or of the widest digit's, is one digit when the
# confidence is higher.
_CERTAIN, _CERTAIN_WIDE, _WIDEST = 0.95, 0.99, 1.3
# What follows was fitted to the choosing pages of experiments/pages by maximum
# likelihood: 392 touching pairs, and 235 wide digits that are to stay whole.
_USUAL_WIDTH = 0.9  # Of its height: few digits are wider.
_USUAL_HEIGHT = 0.75  # Of the ink that is cut: few digits in it are lower.
# Log-likelihoods, for each height: of width too much, of height too little, and
# of ink that a cut goes through.
_TOO_WIDE, _TOO_LOW, _THROUGH = 2.2, 2.75, 5.0
# For ink as a whole its log-likelihood and its width count so many times.
_WHOLE, _WHOLE_WIDE = 2.2, 1.4

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
    errors.UserError: when it cannot be read as a picture.
  """
  picture = pipeline.read_picture(source)
  found = _read_all(picture.digits, classifier)
  parted = []
  for digit, probabilities in found:
    parted += _part(digit, probabilities, classifier)
  return picture, tuple(
    Prediction(
      digit=int(row.argmax()),
      confidence=float(row.max()),
      runner_up=int(row.argsort()[-2]),
      verdict=_judge_all(digit, float(row.max()), threshold),
      box=digit.box,
      probabilities=row,
      image=digit.image,
      touching=digit.touching,
    )
    for digit, row in parted
  )


def _judge_all(
  digit: pipeline.Digit, confidence: float, threshold: float
) -> Verdict:
  """Returns the verdict; pieces of a cut are never sure.

  Of many cuts the best was chosen, and half a letter can look like a digit.
  """
  verdict = judge(confidence, threshold)
  return 'unsure' if digit.touching and verdict == 'sure' else verdict


Read = tuple[pipeline.Digit, np.ndarray]  # With its probabilities [10].


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
  the largest product of confidences, less what is unlikely about its cuts.
  """
  height, width = digit.ink.shape
  confidence = float(probabilities.max())
  certain = _CERTAIN if width < height else _CERTAIN_WIDE
  is_one = width < _WIDEST * height and confidence > certain
  if width < _PAIR * height or is_one:
    return [(digit, probabilities)]
  cut = pipeline.cut(digit)
  read = _read_all([piece for _, piece in cut], classifier)
  best: dict[int, tuple[float, list[Read]]] = {0: (0.0, [])}
  for (piece, _), found in sorted(
    zip(cut, read, strict=True), key=lambda item: item[0][0][:2]
  ):
    if piece.start not in best:
      continue
    low = max(0.0, _USUAL_HEIGHT - _height(found[0]) / _height(digit))
    score = best[piece.start][0] + _score(*found)
    score -= _TOO_LOW * low + _THROUGH * piece.cost
    if piece.stop not in best or score > best[piece.stop][0]:
      best[piece.stop] = score, [*best[piece.start][1], found]
  end = max((piece.stop for piece, _ in cut), default=0)
  score, parts = best.get(end, (-np.inf, []))
  if len(parts) < 2 or score <= _score_whole(digit, probabilities):
    return [(digit, probabilities)]
  return parts


def _score(digit: pipeline.Digit, probabilities: np.ndarray) -> float:
  """Returns the log-likelihood that this is one digit: few are wide."""
  return float(np.log(probabilities.max())) - _TOO_WIDE * _excess(digit)


def _score_whole(digit: pipeline.Digit, probabilities: np.ndarray) -> float:
  """Returns the same for ink as it is, to be compared with its pieces."""
  likelihood = _WHOLE * float(np.log(probabilities.max()))
  return likelihood - _WHOLE_WIDE * _TOO_WIDE * _excess(digit)


def _excess(digit: pipeline.Digit) -> float:
  """Returns how much wider than usual a digit is, in its height."""
  x0, _, x1, _ = digit.box
  return max(0.0, (x1 - x0) / _height(digit) - _USUAL_WIDTH)


def _height(digit: pipeline.Digit) -> int:
  return digit.box[3] - digit.box[1]
