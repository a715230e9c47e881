"""What a network reads in a picture, digit by digit."""

import dataclasses
import pathlib

import numpy as np

from mnist_jax.photos import pipeline
from mnist_jax.predict import classifier as classifier_lib

# Of MNIST's validation images about one in a hundred is read with less
# confidence, and these hold about half of all errors (the model cards count).
THRESHOLD = 0.8


@dataclasses.dataclass(frozen=True)
class Answer:
  """One digit of a picture."""

  digit: int
  confidence: float  # In [0, 1], calibrated.
  runner_up: int
  box: tuple[int, int, int, int]  # x0, y0, x1, y1 in the upright picture.
  probabilities: np.ndarray  # [10] float32.
  image: np.ndarray  # [28, 28] uint8, what the network saw.


@dataclasses.dataclass(frozen=True)
class Reading:
  """A picture with its answers, in the order of reading."""

  picture: pipeline.Picture
  answers: tuple[Answer, ...]
  note: str  # Why there are no answers, or ''.


def read(
  source: bytes | str | pathlib.Path, classifier: classifier_lib.Classifier
) -> Reading:
  """Finds the digits in a picture, and reads them.

  Args:
    source: the content of an image file, or its path.
    classifier: the network.

  Raises:
    errors.UserError: when there is no picture to be had from it.
  """
  picture = pipeline.read_picture(source)
  images = np.zeros((len(picture.digits), 28, 28), np.uint8)
  for place, digit in enumerate(picture.digits):
    images[place] = digit.image
  answers = tuple(
    Answer(
      digit=int(row.argmax()),
      confidence=float(row.max()),
      runner_up=int(row.argsort()[-2]),
      box=tuple(int(edge) for edge in digit.box),
      probabilities=row,
      image=digit.image,
    )
    for row, digit in zip(
      classifier.probabilities(images), picture.digits, strict=True
    )
  )
  return Reading(picture, answers, picture.note)
