"""What a finished run stored about its model, read back and checked."""

import dataclasses
import pathlib

import numpy as np

from mnist_jax import errors

_SIDE = 28


@dataclasses.dataclass(frozen=True)
class Explanations:
  """What `explanations.npz` holds.

  Attributes:
    filters: [k, k, F] float32, finite, k in 1..28 and F at least 1.
    saliency: [M, 28, 28] float32 in [0, 1], M at least 1.
    indices: [M] int32, the test images that `saliency` is of, each once.
  """

  filters: np.ndarray
  saliency: np.ndarray
  indices: np.ndarray


def load(workdir: str | pathlib.Path, num_test: int) -> Explanations | None:
  """Read what a run stored about its model.

  Args:
    workdir: the folder that the training loop wrote.
    num_test: how many test images the run has.

  Returns:
    The explanations, or None where the run is older than they are; everything
    that `Explanations` promises has been checked.

  Raises:
    errors.UserError: if the file is damaged, or holds what no run would write.
  """
  path = pathlib.Path(workdir) / 'explanations.npz'
  if not path.exists():
    return None
  try:
    # Without pickle: a workdir from somebody else must not run code here.
    with np.load(path, allow_pickle=False) as arrays:
      names = ('filters', 'saliency', 'saliency_indices')
      explanations = Explanations(*(arrays[name] for name in names))
  except Exception as error:  # Whatever a damaged file makes numpy raise.
    raise errors.UserError(
      f'{path} does not give filters, saliency and saliency_indices; delete '
      'it to do without, or train again into a fresh workdir'
    ) from error
  if problem := _find_problem(explanations, num_test):
    raise errors.UserError(
      f'{path}: {problem}; delete it to do without, or train again into a '
      'fresh workdir'
    )
  return explanations


def _find_problem(explanations: Explanations, num_test: int) -> str:
  """Say what is wrong with the arrays; '' if nothing is."""
  filters, saliency = explanations.filters, explanations.saliency
  indices = explanations.indices
  dtypes = [str(a.dtype) for a in (filters, saliency, indices)]
  if dtypes != ['float32', 'float32', 'int32']:
    return f'arrays of {", ".join(dtypes)} must be float32, float32, int32'
  if filters.ndim != 3 or not filters.size or not _is_square(filters):
    return f'filters {list(filters.shape)} must be [k, k, F], k at most {_SIDE}'
  if indices.ndim != 1 or saliency.shape != (indices.size, _SIDE, _SIDE):
    return (
      f'saliency {list(saliency.shape)} and its indices {list(indices.shape)} '
      f'must be [M, {_SIDE}, {_SIDE}] and [M]'
    )
  if not np.isfinite(filters).all():
    return 'filters are not all finite'
  # Asked so, because NaN is neither.
  if not ((saliency >= 0) & (saliency <= 1)).all():
    return 'saliency is not all between 0 and 1'
  if not indices.size or len(np.unique(indices)) < indices.size:
    return 'saliency_indices must name one test image or more, each once'
  if indices.min() < 0 or indices.max() >= num_test:
    return f'saliency_indices must lie below {num_test:,}, the test images'
  return ''


def _is_square(filters: np.ndarray) -> bool:
  return filters.shape[0] == filters.shape[1] <= _SIDE
