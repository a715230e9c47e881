"""Random keys that belong to an image's place in the whole batch."""

import jax
import jax.numpy as jnp


def per_example(
  rng: jax.Array, num_local: int, axis_name: str | None = None
) -> jax.Array:
  """Derives one key for each image that this device holds.

  A key depends on the image's place in the whole batch and not on the device
  that holds it, so one device and eight draw the same numbers.

  Args:
    rng: [] typed key of the step.
    num_local: how many images this device holds.
    axis_name: mapped axis the batch is split over, or None when it is whole.

  Returns:
    [num_local] typed keys.
  """
  places = jnp.arange(num_local)
  if axis_name is not None:
    places += jax.lax.axis_index(axis_name) * num_local
  return jax.vmap(jax.random.fold_in, (None, 0))(rng, places)
