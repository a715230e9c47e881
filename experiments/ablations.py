"""What each ingredient of a recipe is worth: the recipe without it.

  python -m experiments.ablations --num_seeds=3

Trains `improved` and one variant per ingredient, each for the same seeds, and
tests the differences seed by seed. `--config.total_epochs=4.0` gives a first
impression in a tenth of the time, of a shorter training.
"""

import pathlib
import time

from absl import flags
from ml_collections import config_flags

from experiments import readme, variants
from mnist_jax.cli import absl_flags
from mnist_jax.distributed import initialize
from mnist_jax.workdir import atomic_files

_CONFIG = config_flags.DEFINE_config_file(
  'config', 'configs/improved.py', 'Path of the recipe.'
)
_NUM_SEEDS = flags.DEFINE_integer('num_seeds', 3, 'How many, of each variant.')
_WORKDIR = flags.DEFINE_string(
  'workdir', 'runs/ablations', 'Folder of the sweep; a second call goes on.'
)
_PUBLISH_AS = flags.DEFINE_string(
  'publish_as', '', 'Name under which experiments/results/ keeps it as well.'
)


def main() -> None:
  """Runs the variants, and writes a table and a figure of what they lose."""
  started = time.monotonic()
  # Imported here, so that --help and typing errors answer at once.
  initialize.join(_CONFIG.value)
  from mnist_jax.distributed import multihost
  from mnist_jax.sweep import sweep
  from mnist_jax.training import results

  config, path = _CONFIG.value, pathlib.Path(_WORKDIR.value)
  source = flags.FLAGS['config'].config_filename
  name = absl_flags.config_name(source)
  found = sweep.run(
    config,
    path,
    num_seeds=_NUM_SEEDS.value,
    rows=[{}, *variants.VARIANTS.values()],
    about=results.About(name, main_command(), started),
  )
  if found is None:
    print('stopped and saved; the same command goes on')
    return
  found['command'] = absl_flags.command('experiments.ablations')
  if multihost.is_first():
    conclude(found, path)


def main_command() -> str:
  """Returns what runs one seed of the recipe itself."""
  return absl_flags.command('mnist_jax.main', of_config=True)


def conclude(found: dict, path: pathlib.Path) -> None:
  """Writes the numbers, the table and the figure of all variants."""
  from mnist_jax.analysis import figure_style

  found, figure, text = variants.compare(found)
  for folder, stem in ((path, 'sweep'), (readme.RESULTS, _PUBLISH_AS.value)):
    if stem:
      atomic_files.write_json(folder / f'{stem}.json', found)
      print(
        atomic_files.write(folder / f'{stem}.png', figure_style.to_png(figure))
      )
  print(text)


if __name__ == '__main__':
  absl_flags.run(main)
