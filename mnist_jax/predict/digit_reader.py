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

_PAIR = 0.75  # Of its height: narrower ink is not two digits.
_USUAL_WIDTH = 0.9  # Of its height: few digits are wider.
_FURTHER = 0.25  # What each digit after the first costs, as a log-likelihood.
_TOO_WIDE = 1.5  # What each further width of a height costs, likewise.
_CERTAIN = 0.95  # Confidence in ink of a usual width: it is one digit.

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
  the largest product of confidences; each further digit costs `_FURTHER`.
  """
  height, width = digit.ink.shape
  confidence = float(probabilities.max())
  if width < _PAIR * height or (width < height and confidence > _CERTAIN):
    return [(digit, probabilities)]
  pieces = pipeline.cut(digit)
  read = _read_all([piece for _, _, piece in pieces], classifier)
  best: dict[int, tuple[float, list[Read]]] = {0: (0.0, [])}
  for (start, stop, _), found in sorted(
    zip(pieces, read, strict=True), key=lambda item: item[0][:2]
  ):
    if start not in best:
      continue
    score = best[start][0] + _score(*found) - _FURTHER
    if stop not in best or score > best[stop][0]:
      best[stop] = score, [*best[start][1], found]
  end = max((stop for _, stop, _ in pieces), default=0)
  score, parts = best.get(end, (-np.inf, []))
  if len(parts) < 2 or score + _FURTHER <= _score(digit, probabilities):
    return [(digit, probabilities)]
  return parts


def _score(digit: pipeline.Digit, probabilities: np.ndarray) -> float:
  """Returns the log-likelihood that this is one digit: few are wide."""
  x0, y0, x1, y1 = digit.box
  excess = (x1 - x0) / (y1 - y0) - _USUAL_WIDTH
  return float(np.log(probabilities.max())) - _TOO_WIDE * max(0.0, excess)
