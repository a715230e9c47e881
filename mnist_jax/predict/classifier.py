"""Classifies 28x28 images with a trained network, quickly."""

import functools
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from mnist_jax.models import cnn, saliency
from mnist_jax.predict import weights as weights_lib

# Images are padded to the next of these sizes, so that only these are compiled;
# more images than the last size are read in parts. A digit that may be
# two is cut into 24 pieces or so (`touching.cut`).
BATCH_SIZES = (1, 8, 24, 64)
# Gradients take longer to compile, and are needed less often.
SALIENCY_SIZES = (8,)


def _find_device() -> jax.Device:
  """Returns a CPU, or an accelerator where JAX_PLATFORMS leaves the CPU out."""
  try:
    return jax.local_devices(backend='cpu')[0]
  except RuntimeError:
    return jax.local_devices()[0]


class Classifier:
  """A network for any number of images; threads may share it.

  It runs on one CPU, also beside an accelerator: reading a few digits takes
  less time than sending them there.
  """

  def __init__(self, weights: weights_lib.Weights):
    self.name = weights.name
    self.class_names = weights.class_names
    self._variables = jax.device_put(weights.variables, _find_device())
    network = {'model': weights.model, 'temperature': weights.temperature}
    self._probabilities = jax.jit(functools.partial(_probabilities, **network))
    self._slopes = jax.jit(functools.partial(_slopes, model=weights.model))

  def warm_up(self) -> None:
    """Compiles for all batch sizes, so that no later call has to wait."""
    for size in BATCH_SIZES:
      self.probabilities(np.zeros((size, 28, 28), np.uint8))
    for size in SALIENCY_SIZES:
      self.saliency(np.zeros((size, 28, 28), np.uint8))

  def probabilities(self, images: np.ndarray) -> np.ndarray:
    """Classifies images [N, 28, 28]; N may be 0.

    Args:
      images: uint8 from 0 to 255, or float32 from 0 to 1.

    Returns:
      [N, K] float32 for K classes, calibrated: the softmax of logits over the
      temperature.
    """
    parts = self._in_batches(self._probabilities, images, BATCH_SIZES)
    none = np.empty((0, len(self.class_names)), np.float32)
    return np.concatenate([none, *parts])

  def saliency(self, images: np.ndarray) -> np.ndarray:
    """Measures how each pixel influences the predictions for images.

    Args:
      images: [N, 28, 28] uint8; N may be 0.

    Returns:
      [N, 28, 28] float32 in [0, 1]: the absolute gradient of (the best logit
      minus the second), relative to the image's largest (`saliency.strengths`).
    """
    parts = self._in_batches(self._slopes, images, SALIENCY_SIZES)
    none = np.empty((0, 28, 28), np.float32)
    return saliency.strengths(np.concatenate([none, *parts]))

  def _in_batches(
    self,
    compiled: Callable[..., jax.Array],
    images: np.ndarray,
    sizes: tuple[int, ...],
  ) -> Iterator[np.ndarray]:
    """Yields what `compiled` returns for images [N, 28, 28], part by part."""
    for start in range(0, len(images), sizes[-1]):
      part = images[start : start + sizes[-1]]
      size = next(size for size in sizes if size >= len(part))
      padded = np.zeros((size, 28, 28), images.dtype)
      padded[: len(part)] = part
      yield np.asarray(compiled(self._variables, padded))[: len(part)]


def _probabilities(variables, images, *, model, temperature):
  logits = model.apply(variables, cnn.as_input(images), train=False)
  return jax.nn.softmax(logits.astype(jnp.float32) / temperature)


def _slopes(variables, images, *, model):
  logits = model.apply(variables, cnn.as_input(images), train=False)
  _, best = jax.lax.top_k(logits, 2)
  return saliency.slopes(model, variables, images, best[:, 0], best[:, 1])
