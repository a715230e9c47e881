"""Shows what more training time buys: seconds against test errors.

  pip install -r requirements-bench.txt
  python -m experiments.reproduce --names=improved  # For the ensemble.
  python -m experiments.frontier

Trains our recipes and two known PyTorch recipes from a few seeds, as whole
processes in turn, on a machine that does nothing else. For our recipes the
errors are those of the sweeps in experiments/results/, where there are some;
the ensemble is the plain mean of the probabilities of a sweep's seeds, read
from its workdirs. The numbers become experiments/results/frontier.json and
.png, anew after each seed, of which one takes about a quarter of an hour.
--quick shows within a minute that our part runs, and keeps nothing.
"""

import pathlib

from absl import flags

from mnist_jax import errors
from mnist_jax.cli import absl_flags

_NUM_SEEDS = flags.DEFINE_integer('num_seeds', 3, 'Timed runs of each.')
_ENSEMBLE = flags.DEFINE_string(
  'ensemble',
  'runs/improved-seeds',
  "Folder of the ensemble's sweep; --ensemble= leaves the ensemble out.",
)
_QUICK = flags.DEFINE_bool('quick', False, 'A smoke test of some seconds.')
_OUT = flags.DEFINE_string('out', '', 'Folder for frontier.json and .png.')


def main() -> None:
  """Trains everything, prints a table, and keeps it.

  Raises:
    errors.UserError: for a wrong flag, or when a contender fails.
  """
  if _NUM_SEEDS.value < 1:
    raise errors.UserError(
      f'num_seeds {_NUM_SEEDS.value} is out of range; it must be at least 1'
    )
  # Imported here, so that --help answers at once.
  from experiments.frontier import measure, report

  if _QUICK.value:
    rounds = measure.measure(1, ensemble=None, quick=True)
  else:
    folder = pathlib.Path(_ENSEMBLE.value) if _ENSEMBLE.value else None
    rounds = measure.measure(_NUM_SEEDS.value, folder)
  for found in rounds:
    print(f'\n{report.as_markdown(found)}')
    if _OUT.value or not _QUICK.value:
      report.keep(found, _OUT.value)


if __name__ == '__main__':
  absl_flags.run(main)
