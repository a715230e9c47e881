"""The same models as a Keras user writes them: Sequential, compile and fit.

The backend is TensorFlow. All images are one float32 array, normalised before
the clock starts. A block is one call of `fit` on as many images as it has
steps, two where it goes on into the next epoch: the time of a block includes
what `fit` does once for each call (it copies the images into a tensor, builds
the pipeline that shuffles and batches them, and calls its callbacks), which a
user pays once for all epochs. The first, unmeasured steps make the graph; later
calls use it again. JAX is not imported.
"""

import os

os.environ['KERAS_BACKEND'] = 'tensorflow'

import keras
import numpy as np

from experiments.benchmark.peers import contender, tensorflow_graph, work
from mnist_jax.data import datasets


def create_model(doing: work.Work) -> keras.Sequential:
  """Creates the model of `doing.layers`: images [B, 28, 28, 1] to logits."""
  layers = keras.layers
  stack = [keras.Input((28, 28, 1))]
  for layer in doing.layers:
    match layer:
      case 'conv', features, size, padding:
        stack.append(layers.Conv2D(features, size, padding=padding.lower()))
      case ('norm',):
        stack.append(layers.BatchNormalization(momentum=0.9, epsilon=1e-5))
      case ('relu',):
        stack.append(layers.ReLU())
      case ('pool',):
        stack.append(layers.MaxPooling2D(2))
      case ('dropout',):
        stack.append(layers.Dropout(doing.dropout))
      case ('flatten',):
        stack.append(layers.Flatten())
      case 'dense', features:
        stack.append(layers.Dense(features))
  return keras.Sequential(stack)


def compile_model(doing: work.Work, model: keras.Sequential, jit: bool) -> None:
  """Sets the optimizer and the loss.

  Args:
    doing: the work.
    model: from `create_model`.
    jit: whether Keras decides on XLA, as by default, or may not use it.
  """
  kinds = {'sgd': keras.optimizers.SGD, 'adam': keras.optimizers.Adam}
  model.compile(
    optimizer=kinds[doing.optimizer](work.LEARNING_RATE),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    jit_compile='auto' if jit else False,
  )


def as_input(images: np.ndarray) -> np.ndarray:
  """Normalises uint8 images [N, 28, 28]; returns float32 [N, 28, 28, 1]."""
  x = images[..., None].astype(np.float32)
  return (x - 255 * work.MEAN) / np.float32(255 * work.STD)


def create(
  name: str, dataset: datasets.Dataset, *, jit: bool
) -> contender.Contender:
  """Creates the contender on all cores."""
  runs_on = tensorflow_graph.use_all_cores()
  keras.utils.set_random_seed(0)
  doing, train = work.WORKS[name], dataset.train
  model = create_model(doing)
  compile_model(doing, model, jit)
  x, y, size = as_input(train.images), train.labels, doing.batch_size
  epochs = contender.Epochs(lambda epoch: None, len(train) // size)

  def take(num_steps: int) -> float:
    loss_sum = 0.0
    for _, start, stop in epochs.pieces(num_steps):
      rows = slice(start * size, stop * size)
      fitted = model.fit(x[rows], y[rows], batch_size=size, verbose=0)
      loss_sum += fitted.history['loss'][0] * (stop - start)
    return loss_sum / num_steps

  num_params = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
  return contender.Contender(take, num_params, runs_on)
