"""`load`: a trained network that classifies arrays and reads pictures."""

import functools
import os
import pathlib
from typing import Any

import numpy as np

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.distributed import devices
from mnist_jax.predict import classifier as classifier_lib
from mnist_jax.predict import digit_reader
from mnist_jax.predict import weights as weights_lib


class Model:
  """A trained network; threads may share it."""

  def __init__(self, weights: weights_lib.Weights):
    """Takes weights from `weights.load_weights`; see `load`."""
    self.name = weights.name
    self.config = weights.config
    self.variables = weights.variables  # 'params' and 'batch_stats', float32.
    self.class_names = weights.class_names  # In the order of the labels.
    self._weights = weights

  def __repr__(self) -> str:
    return f'<mnist_jax model {self.name}: {self.config.model.name}>'

  @functools.cached_property
  def _classifier(self) -> classifier_lib.Classifier:
    return classifier_lib.Classifier(self._weights)

  def predict(self, images: Any) -> np.ndarray:
    """Returns the most probable digits [N] int64 of `images`.

    For other classes than digits these are places in `class_names`.

    Args:
      images: as in `predict_proba`.

    Raises:
      errors.UserError: as in `predict_proba`.
    """
    return self.predict_proba(images).argmax(axis=1)

  def predict_proba(self, images: Any) -> np.ndarray:
    """Returns calibrated probabilities [N, K] float32 of `images`.

    K is 10, or the number of `class_names`.

    Args:
      images: [N, 28, 28] or [N, 28, 28, 1], as MNIST has them: 0 is background
        and the largest value is ink. Integers from 0 to 255, or floats from 0
        to 1. `read` takes pictures of other sizes and kinds.

    Raises:
      errors.UserError: the array has another shape, type or range.
    """
    return self._classifier.probabilities(as_images(images))

  def read(
    self, picture: bytes | bytearray | memoryview | str | os.PathLike
  ) -> tuple[digit_reader.Prediction, ...]:
    """Finds the digits in a picture, and reads them, in reading order.

    Args:
      picture: the path of an image file, or its content.

    Returns:
      A prediction for each digit, with its `digit`, `confidence`, `verdict`
      ('sure', 'unsure' or 'no digit'), and `box` in the picture's pixels.

    Raises:
      errors.UserError: when it cannot be read as a picture, or this network is
        for other classes than digits.
    """
    weights_lib.check_digits(self._weights)
    if isinstance(picture, bytes | bytearray | memoryview):
      source: bytes | pathlib.Path = bytes(picture)
    elif isinstance(picture, str | os.PathLike):
      source = pathlib.Path(picture)
    else:
      raise errors.UserError(
        f'a {type(picture).__name__} is not read as a picture; give the path '
        'of an image file or its bytes (predict() takes arrays)'
      )
    return digit_reader.read(source, self._classifier)[1]


def load(name_or_path: str | os.PathLike = weights_lib.DEFAULT) -> Model:
  """Loads a trained network.

  Args:
    name_or_path: the name of weights that come with this package, such as
      'robust' (the default) or 'improved'; the workdir of a finished run; or a
      .safetensors file with its .json beside it.

  Raises:
    errors.UserError: when there is nothing of that name, or it is damaged.
  """
  if not isinstance(name_or_path, str | os.PathLike):
    raise errors.UserError(
      f'a {type(name_or_path).__name__} is neither the name nor the path of '
      f'weights; give one, as in load({weights_lib.DEFAULT!r})'
    )
  # JAX settles its devices when it is first used, and `train` may come later.
  devices.configure(config_lib.default())
  return Model(weights_lib.load_weights(os.fspath(name_or_path)))


def as_images(images: Any) -> np.ndarray:
  """Returns images [N, 28, 28] as uint8, or as float32 from 0 to 1.

  Args:
    images: as in `Model.predict_proba`.

  Raises:
    errors.UserError: the array has another shape, type or range.
  """
  try:
    array = np.asarray(images)
  except Exception as error:  # Arrays of other libraries can raise anything.
    raise errors.UserError(
      f'images of type {type(images).__name__} make no array ({error}); give '
      '[N, 28, 28], all of the same size'
    ) from error
  if array.shape[1:] == (28, 28, 1):
    array = array[..., 0]
  if array.shape[1:] != (28, 28):
    raise errors.UserError(
      f'images of shape {list(array.shape)} cannot be classified; give '
      '[N, 28, 28], as images[None] is for a single one, or read() a picture'
    )
  if array.dtype.kind not in 'iuf':
    raise errors.UserError(
      f'images of type {array.dtype} cannot be classified; give uint8 from 0 '
      'to 255, or floats from 0 to 1'
    )
  largest = 1 if array.dtype.kind == 'f' else 255
  # Written so that NaN fails too.
  if not np.all((array >= 0) & (array <= largest)):
    raise errors.UserError(
      f'images of type {array.dtype} must be from 0 (background) to {largest} '
      f'(ink); these reach from {array.min()} to {array.max()}'
    )
  return array.astype(np.float32 if largest == 1 else np.uint8)
