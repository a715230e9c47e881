"""From 28x28 images to probabilities, at once: a `Classifier`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from mnist_jax.models import cnn, saliency
from mnist_jax.predict import weights as weights_lib

# Images are padded to the next of these, so that no number of them compiles
# anew; more than the last are read in parts.
BATCH_SIZES = (1, 8, 64)
# Gradients take longer to compile, and are asked for less.
SALIENCY_SIZES = (8,)


class Classifier:
  """A network that answers for any number of images; safe in many threads.

  It runs on one CPU, whatever else is here: a few digits are read sooner than
  they are sent elsewhere.
  """

  def __init__(self, weights: weights_lib.Weights):
    self.name = weights.name
    self._variables = jax.device_put(
      weights.variables, jax.local_devices(backend='cpu')[0]
    )
    network = {'model': weights.model, 'temperature': weights.temperature}
    self._probabilities = jax.jit(functools.partial(_probabilities, **network))
    self._saliency = jax.jit(functools.partial(_saliency, model=weights.model))

  def warm_up(self) -> None:
    """Compiles all that will be asked, so that nobody waits for it later."""
    for size in BATCH_SIZES:
      self.probabilities(np.zeros((size, 28, 28), np.uint8))
    for size in SALIENCY_SIZES:
      self.saliency(np.zeros((size, 28, 28), np.uint8))

  def probabilities(self, images: np.ndarray) -> np.ndarray:
    """Reads images [N, 28, 28] uint8, N may be 0.

    Returns:
      [N, 10] float32, calibrated: the softmax of logits over the temperature.
    """
    parts = self._in_batches(self._probabilities, images, BATCH_SIZES)
    return np.concatenate([np.empty((0, 10), np.float32), *parts])

  def saliency(self, images: np.ndarray) -> np.ndarray:
    """Shows what sways the answers to images [N, 28, 28] uint8.

    Returns:
      [N, 28, 28] float32 in [0, 1]: the size of each pixel's slope on the way
      from the runner-up to the answer, relative to the image's largest
      (`saliency.slopes`).
    """
    parts = self._in_batches(self._saliency, images, SALIENCY_SIZES)
    return np.concatenate([np.empty((0, 28, 28), np.float32), *parts])

  def _in_batches(self, run, images, sizes):
    for start in range(0, len(images), sizes[-1]):
      part = images[start : start + sizes[-1]]
      size = next(size for size in sizes if size >= len(part))
      padded = np.zeros((size, 28, 28), np.uint8)
      padded[: len(part)] = part
      yield np.asarray(run(self._variables, padded))[: len(part)]


def _probabilities(variables, images, *, model, temperature):
  logits = model.apply(variables, cnn.as_input(images), train=False)
  return jax.nn.softmax(logits / temperature)


def _saliency(variables, images, *, model):
  logits = model.apply(variables, cnn.as_input(images), train=False)
  _, best = jax.lax.top_k(logits, 2)
  sizes = jnp.abs(
    saliency.slopes(model, variables, images, best[:, 0], best[:, 1])
  )
  largest = sizes.max(axis=(1, 2), keepdims=True)
  return sizes / jnp.where(largest > 0, largest, 1)
