"""Shows what each ingredient of a recipe is worth: the recipe without it.

  python -m experiments.ablations --num_seeds=3

Trains `improved` and one variant for each ingredient, all from the same seeds,
and tests the differences seed by seed. `--config.total_epochs=1.0` gives a
first impression in an eighth of the time, but of a shorter training.
"""

from mnist_jax.cli import interrupts

if __name__ == '__main__':
  interrupts.install()

import pathlib
import time

from absl import flags

import experiments
from experiments import sweep_flags
from mnist_jax import config as config_lib
from mnist_jax.cli import absl_flags
from mnist_jax.distributed import initialize
from mnist_jax.workdir import atomic_files, paths

WORKDIR = 'runs/ablations'

_CONFIG = absl_flags.define_config(str(config_lib.RECIPES / 'improved.py'))
_NUM_SEEDS = flags.DEFINE_integer(
  'num_seeds', 3, 'How many seeds of each variant.'
)
_WORKDIR = flags.DEFINE_string(
  'workdir', '', f'Folder of the sweep; {WORKDIR} when not given.'
)
_PUBLISH_AS = flags.DEFINE_string(
  'publish_as', '', 'Also keep the sweep in experiments/results/ by this name.'
)


def main() -> None:
  """Runs the variants, and writes a table and a figure of what they lose."""
  started = time.monotonic()
  sweep_flags.check(_NUM_SEEDS.value, _PUBLISH_AS.value)
  path = paths.expand(_WORKDIR.value or WORKDIR)
  # Imported here, so that --help and mistyped flags are answered at once.
  initialize.join(_CONFIG.value, num_trials=_NUM_SEEDS.value)
  from experiments.ablations import variants
  from mnist_jax.distributed import multihost
  from mnist_jax.sweep import sweep
  from mnist_jax.training import results

  config = _CONFIG.value
  name = absl_flags.config_name(flags.FLAGS['config'].config_filename)
  trial_command = absl_flags.command('mnist_jax.main', of_config=True)
  found = sweep.run(
    config,
    path,
    num_seeds=_NUM_SEEDS.value,
    rows=[{}, *variants.that_differ(config).values()],
    about=results.About(name, trial_command, started),
  )
  command = absl_flags.command('experiments.ablations')
  if found is None:
    print(f'stopped and saved; to go on: {command}')
  elif multihost.is_first():
    conclude(found | {'command': command}, path)


def conclude(found: dict, path: pathlib.Path) -> None:
  """Writes the numbers, the table and the figure of all variants.

  Args:
    found: what `sweep.run` returned, and the command.
    path: the sweep's folder.

  Raises:
    errors.UserError: when there is nothing to compare, a file cannot be
      written, or a trial of what is to be published has failed.
  """
  from experiments.ablations import variants
  from mnist_jax.analysis import figure_style

  found, figure, text = variants.compare(found)
  keep(path / 'sweep', found, figure_style.to_png(figure))
  print(text)
  if _PUBLISH_AS.value:
    sweep_flags.check_complete(found['failed'])
    target = experiments.RESULTS / _PUBLISH_AS.value
    keep(target, found, figure_style.to_png(figure))


def keep(place: pathlib.Path, found: dict, figure: bytes) -> None:
  """Writes the numbers and the figure beside each other."""
  atomic_files.write_json(f'{place}.json', found)
  print(atomic_files.write(f'{place}.png', figure))


if __name__ == '__main__':
  absl_flags.run(main)
