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

from experiments import readme
from experiments.variants import VARIANTS
from mnist_jax import command_line, files, joining

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
  joining.join(_CONFIG.value)
  from mnist_jax import hosts, outcome, sweep

  config, path = _CONFIG.value, pathlib.Path(_WORKDIR.value)
  source = flags.FLAGS['config'].config_filename
  name = command_line.config_name(source)
  found = sweep.run(
    config,
    path,
    num_seeds=_NUM_SEEDS.value,
    rows=[{}, *VARIANTS.values()],
    about=outcome.About(name, main_command(), started),
  )
  if found is None:
    print('stopped and saved; the same command goes on')
    return
  found['command'] = command_line.command('experiments.ablations')
  if hosts.is_first():
    conclude(found, path)


def main_command() -> str:
  """Returns what runs one seed of the recipe itself."""
  return command_line.command('mnist_jax.main', of_config=True)


def conclude(found: dict, path: pathlib.Path) -> None:
  """Writes the numbers, the table and the figure of all variants."""
  from mnist_jax.analysis import (
    seed_tests,
    seeds,
    style,
    sweep_charts,
    sweep_text,
  )

  baseline, *variants = split(found)
  rows = seed_tests.ablate(baseline[1], variants)
  found |= {'summary': seeds.summarize(found['seeds']), 'ablations': rows}
  caption = f'{found["dataset"]} · {found["config_name"]}'
  figure = sweep_charts.ablations(baseline[1], variants, caption)
  for folder, stem in ((path, 'sweep'), (readme.RESULTS, _PUBLISH_AS.value)):
    if stem:
      files.write_json(folder / f'{stem}.json', found)
      files.write(folder / f'{stem}.png', style.to_png(figure))
  print(sweep_text.describe_ablations(rows, found['config_name']))


def split(found: dict) -> list[tuple[str, dict]]:
  """Returns the baseline and each variant that has results, with its name."""
  named = {'': {}} | VARIANTS
  parts = [
    (
      name,
      {
        **found,
        'seeds': [r for r in found['seeds'] if r['overrides'] == overrides],
        'failed': [],
      },
    )
    for name, overrides in named.items()
  ]
  return [part for part in parts if part[1]['seeds']]


if __name__ == '__main__':
  command_line.run(main)
