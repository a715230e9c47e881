"""The rules that `seed_sweep` and `ablations` share."""

import re

from mnist_jax import errors

MAX_SEEDS = 1000


def check(num_seeds: int, publish_as: str) -> None:
  """Checks the number of seeds and the name in experiments/results/.

  Args:
    num_seeds: from --num_seeds.
    publish_as: from --publish_as; '' publishes nothing.

  Raises:
    errors.UserError: when one of them breaks its rule.
  """
  if not 1 <= num_seeds <= MAX_SEEDS:
    raise errors.UserError(
      f'num_seeds {num_seeds} is out of range; it must be from 1 to {MAX_SEEDS}'
    )
  if publish_as and not re.fullmatch(r'[\w-]+', publish_as):
    raise errors.UserError(
      f'publish_as {publish_as!r} cannot be the name of a file; use letters, '
      'digits, - and _ only'
    )


def check_complete(failed: list[dict]) -> None:
  """Checks that a mean leaves no trial out, before it is published.

  Raises:
    errors.UserError: one of the trials has failed.
  """
  if failed:
    raise errors.UserError(
      f'the sweep is not published, because {failed[0]["workdir"]} failed: '
      f'{failed[0]["reason"]}; delete that folder and try again'
    )
