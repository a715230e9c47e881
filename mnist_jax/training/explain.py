"""What a model looks for, and where: first filters and saliency maps."""

import functools

import jax
import numpy as np

from mnist_jax.analysis.run import classification, load
from mnist_jax.models import saliency

NUM_IMAGES = 16


def explain(
  model, variables, images: np.ndarray, labels: np.ndarray, logits: np.ndarray
) -> load.Explanations:
  """Explains the answers to up to 16 test images, those that `choose` chooses.

  Args:
    model: from `cnn.create_model`, made without an axis name.
    variables: 'params' and 'batch_stats'.
    images: [N, 28, 28] uint8, N at least 1.
    labels: [N] integers, below the number of classes K.
    logits: [N, K] float32, the model's answers.

  Returns:
    The filters of the first convolution, if there is one, and how strongly
    each pixel sways the model between its answer and the other class; the
    largest of an image is 1.
  """
  variables = jax.device_get(variables)  # One device is enough for 16 images.
  indices = choose(logits, labels)
  chosen = images[indices], *margin_classes(logits[indices], labels[indices])
  slopes = jax.jit(functools.partial(saliency.slopes, model))
  return load.Explanations(
    filters=saliency.first_filters(variables['params']),
    saliency=saliency.strengths(np.asarray(slopes(variables, *chosen))),
    saliency_indices=indices,
  )


def choose(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
  """Returns [M] int32: surest errors first, then the least sure right ones."""
  probabilities = classification.softmax(logits)
  wrong = classification.errors_by_confidence(probabilities, labels)
  by_doubt = np.argsort(probabilities.max(axis=1), kind='stable')
  right = by_doubt[~np.isin(by_doubt, wrong)]
  return np.concatenate([wrong, right])[:NUM_IMAGES].astype(np.int32)


def margin_classes(
  logits: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the predicted classes [M] and those they are weighed against [M].

  That is the true class, and the strongest other one where the answer is right.
  """
  predicted = logits.argmax(axis=1)
  classes = np.arange(logits.shape[1])
  others = np.where(classes == predicted[:, None], -np.inf, logits)
  return predicted, np.where(predicted == labels, others.argmax(axis=1), labels)
