"""The digits that ship with scikit-learn, framed as MNIST frames its own.

1,797 handwritten digits of 8x8 pixels by 43 people (E. Alpaydin and C. Kaynak,
Optical Recognition of Handwritten Digits, UCI Machine Learning Repository).
"""

import numpy as np

from mnist_jax.data import decoded
from mnist_jax.photos import mnist_format

_NUM_TRAIN = 1_300


def load() -> decoded.Arrays:
  """Loads the digits; needs no network.

  Returns:
    The first 1,300 rows as the training set, the last 497 as the test set.
  """
  # Imported here because importing scikit-learn takes a second.
  from sklearn import datasets

  digits = datasets.load_digits()
  images = np.stack(
    [mnist_format.frame_digit(image) for image in digits.images]
  )
  labels = digits.target.astype(np.uint8)
  return decoded.Arrays(
    images[:_NUM_TRAIN],
    labels[:_NUM_TRAIN],
    images[_NUM_TRAIN:],
    labels[_NUM_TRAIN:],
  )
