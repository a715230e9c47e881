"""Finds the digits in a picture and reads each with a network."""

import dataclasses
import pathlib

import numpy as np

from mnist_jax.photos import pipeline, segmentation
from mnist_jax.predict import classifier as classifier_lib

# Of MNIST's validation images about 1 in 100 is read with less confidence, and
# half of all errors are among them (counted in the model cards).
THRESHOLD = 0.8


@dataclasses.dataclass(frozen=True)
class Prediction:
  """One digit of a picture, as the network reads it."""

  digit: int
  confidence: float  # In [0, 1], calibrated.
  runner_up: int
  box: segmentation.Box  # In pixels of the upright original.
  probabilities: np.ndarray  # [10] float32.
  image: np.ndarray  # [28, 28] uint8, what the network saw.


def read(
  source: bytes | str | pathlib.Path, classifier: classifier_lib.Classifier
) -> tuple[pipeline.Picture, tuple[Prediction, ...]]:
  """Finds the digits in a picture, and reads them.

  Args:
    source: the content of an image file, or its path.
    classifier: the network.

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
      box=digit.box,
      probabilities=row,
      image=digit.image,
    )
    for row, digit in zip(probabilities, picture.digits, strict=True)
  )
