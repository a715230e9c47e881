"""Which examples make up each batch, as index arrays.

The images stay where they are (on the device); a batch is a row of indices.
"""

import numpy as np

from mnist_jax import errors


def epoch_indices(
  num_examples: int, batch_size: int, *, seed: int, epoch: int
) -> np.ndarray:
  """Shuffle the examples of one epoch into full batches.

  The order follows from `seed` and `epoch` alone, so a resumed run needs no
  iterator state. What is left over after the last full batch is dropped; in
  the next epoch that falls on other examples.

  Args:
    num_examples: size of the training set.
    batch_size: 1..num_examples.
    seed: non-negative.
    epoch: non-negative.

  Returns:
    int32 [num_examples // batch_size, batch_size], no index twice.

  Raises:
    UserError: `batch_size` is not in 1..num_examples.
  """
  if not 1 <= batch_size <= num_examples:
    raise errors.UserError(
      f'batch_size {batch_size} must be from 1 to the {num_examples} training '
      f'examples; try {min(128, num_examples)}'
    )
  order = np.random.default_rng((seed, epoch)).permutation(num_examples)
  steps = num_examples // batch_size
  return order[: steps * batch_size].reshape(steps, -1).astype(np.int32)


def pad_to_batches(
  num_examples: int, batch_size: int
) -> tuple[np.ndarray, np.ndarray]:
  """Cut the examples, in order, into batches of one size without losing any.

  Args:
    num_examples: size of the split; 0 gives no batches.
    batch_size: at least 1.

  Returns:
    Indices int32 [num_batches, batch_size] and a mask bool of the same shape.
    The last batch is filled up with index 0 where the mask is False.

  Raises:
    UserError: `batch_size` is below 1.
  """
  if batch_size < 1:
    raise errors.UserError(f'batch_size {batch_size} must be at least 1')
  num_batches = -(-num_examples // batch_size)
  positions = np.arange(num_batches * batch_size).reshape(-1, batch_size)
  mask = positions < num_examples
  return np.where(mask, positions, 0).astype(np.int32), mask
