"""Finds the digits in a picture and reads each with a network."""

import dataclasses
import pathlib
from typing import Literal

import numpy as np

from mnist_jax.photos import pipeline, segmentation
from mnist_jax.predict import classifier as classifier_lib

# Of MNIST's validation images about 1 in 100 is read with less confidence, and
# half of all errors are among them (counted in the model cards).
THRESHOLD = 0.8
# Below this confidence it is no digit: for such pictures weights trained by
# outlier exposure (Hendrycks et al., 2019) give all ten about the same share.
NO_DIGIT_CONFIDENCE = 0.4

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
  images = np.array([digit.image for digit in picture.digits], np.uint8)
  probabilities = classifier.probabilities(images.reshape(-1, 28, 28))
  return picture, tuple(
    Prediction(
      digit=int(row.argmax()),
      confidence=float(row.max()),
      runner_up=int(row.argsort()[-2]),
      verdict=judge(float(row.max()), threshold),
      box=digit.box,
      probabilities=row,
      image=digit.image,
      touching=digit.touching,
    )
    for row, digit in zip(probabilities, picture.digits, strict=True)
  )
