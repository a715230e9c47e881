"""The examples of each batch, as index arrays.

The images stay on the device; a batch is a row of indices into them.
"""

import numpy as np

from mnist_jax import errors


def epoch_indices(
  num_examples: int, batch_size: int, *, seed: int, epoch: int
) -> np.ndarray:
  """Shuffles the examples of one epoch into full batches.

  The order depends on `seed` and `epoch` alone, so a resumed run needs no
  iterator state. The examples left over after the last full batch are dropped;
  in the next epoch these are others.

  Args:
    num_examples: size of the training set.
    batch_size: 1..num_examples.
    seed: non-negative.
    epoch: non-negative.

  Returns:
    int32 [num_examples // batch_size, batch_size]; no index occurs twice.

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
  """Cuts the examples, in order, into batches of one size; drops none.

  Args:
    num_examples: size of the split; 0 gives no batches.
    batch_size: at least 1.

  Returns:
    Indices int32 [num_batches, batch_size] and a mask bool of the same shape.
    The last batch is padded with index 0; the mask is False there.

  Raises:
    UserError: `batch_size` is below 1.
  """
  if batch_size < 1:
    raise errors.UserError(f'batch_size {batch_size} must be at least 1')
  num_batches = -(-num_examples // batch_size)
  positions = np.arange(num_batches * batch_size).reshape(-1, batch_size)
  mask = positions < num_examples
  return np.where(mask, positions, 0).astype(np.int32), mask
