r"""Which settings of `improved` matter: twelve rows that screen eleven of them.

  python -m experiments.seed_sweep --config=experiments/screen.py --settings \
    --num_seeds=2 --publish_as=improved-screen

A design of Plackett and Burman (Biometrika 33:305, 1946). Each setting has its
second level in six rows and its first one in six, and any two settings have
each combination of levels in three rows. So the effect of every setting is a
difference of means over all runs. What two settings do together is mixed into
the effects; `sweep` of configs/improved.py tries the neighbours of the choice.
No run looks at the test set.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from experiments import recipe_table
from mnist_jax import config as config_lib
from mnist_jax.analysis.sweep import summary

Settings = Mapping[str, tuple[dict, dict]]

ROW = '++-+++---+-'  # The others are its rotations, and one of '-' alone.
SETTINGS: Settings = {
  'rate 0.004 instead of 0.002': ({'optim.lr': 2e-3}, {'optim.lr': 4e-3}),
  'one cycle instead of a cosine': (
    {'optim.schedule': 'cosine'},
    {'optim.schedule': 'one_cycle'},
  ),
  'dropout 0.1 instead of 0.3': (
    {'model.dropout': 0.3},
    {'model.dropout': 0.1},
  ),
  'label smoothing 0.1 instead of 0.05': (
    {'optim.label_smoothing': 0.05},
    {'optim.label_smoothing': 0.1},
  ),
  'affine distortions 2/3 as large': (
    {
      'augment.rotate': 12.0,
      'augment.shear': 8.0,
      'augment.scale': 0.1,
      'augment.shift': 2.0,
    },
    {
      'augment.rotate': 8.0,
      'augment.shear': 6.0,
      'augment.scale': 0.07,
      'augment.shift': 1.4,
    },
  ),
  'elastic distortion 1.0 instead of 0.7': (
    {'augment.elastic': 0.7},
    {'augment.elastic': 1.0},
  ),
  'no erasing instead of a tenth': (
    {'augment.erase_probability': 0.1},
    {'augment.erase_probability': 0.0},
  ),
  'average of weights 0.995 instead of 0.999': (
    {'optim.ema_decay': 0.999},
    {'optim.ema_decay': 0.995},
  ),
  'batch size 128 instead of 64': (
    {'data.batch_size': 64},
    {'data.batch_size': 128},
  ),
  'weight decay 0.1 instead of 0.01': (
    {'optim.weight_decay': 0.01},
    {'optim.weight_decay': 0.1},
  ),
  'distortions that fade to 0.3': (
    {'augment.final_strength': 1.0},
    {'augment.final_strength': 0.3},
  ),
}


def get_config(mode: str = 'full'):
  """Returns `improved` with 8 epochs and without the test set."""
  config = config_lib.load('improved')
  config.total_epochs = 8.0
  config.early_stop.patience = 0
  config.augment.erase_area = 0.15  # Of the published screen.
  config.data.valid = 'writer_disjoint'
  config.evaluate_test = False
  return config_lib.for_mode(config, mode)


def sweep(add: Callable[..., None]) -> None:
  """Adds the rows of the design."""
  for overrides in design():
    add(**overrides)


def design() -> list[dict]:
  """Returns the 12 rows, each as overrides of all the settings."""
  return [
    {
      field: value
      for sign, levels in zip(signs, SETTINGS.values(), strict=True)
      for field, value in levels[sign == '+'].items()
    }
    for signs in sign_rows()
  ]


def sign_rows() -> list[str]:
  """Returns a string for each row: '+' where a setting has its second level."""
  rotations = [ROW[-i:] + ROW[:-i] for i in range(len(ROW))]
  return [*rotations, '-' * len(ROW)]


def effects(
  trials: Sequence[Mapping], settings: Settings = SETTINGS
) -> tuple[dict[str, float], float]:
  """Returns what the second level of each setting does.

  Args:
    trials: of a sweep with 2 or more seeds of each row, whose design has each
      level in half of the rows, and any two levels together equally often.
    settings: by name, the overrides of the first and of the second level.

  Returns:
    The difference of the mean validation errors by name of a setting, and the
    standard error that all of them have.
  """
  found = {
    name: _mean_errors(trials, second) - _mean_errors(trials, first)
    for name, (first, second) in settings.items()
  }
  rows: dict[str, list[int]] = {}
  for trial in trials:
    row = rows.setdefault(str(trial['overrides']), [])
    row.append(trial['valid']['num_errors'])
  within = statistics.fmean(map(statistics.variance, rows.values()))
  return found, 2 * math.sqrt(within / len(trials))


def _mean_errors(trials: Sequence[Mapping], level: Mapping) -> float:
  """Returns the mean validation errors of the trials with a level."""
  return statistics.fmean(
    trial['valid']['num_errors']
    for trial in trials
    if level.items() <= trial['overrides'].items()
  )


def as_markdown(sweep: Mapping, settings: Settings = SETTINGS) -> str:
  """Returns the effects as a table, from the most useful to the worst.

  Args:
    sweep: the content of improved-screen.json, or of a sweep like it.
    settings: those of its design.
  """
  found, error = effects(sweep['seeds'], settings)
  mean = statistics.fmean(t['valid']['num_errors'] for t in sweep['seeds'])
  lines = ['| setting | validation errors |', '|---|--:|']
  for name, effect in sorted(found.items(), key=lambda item: item[1]):
    lines.append(f'| {name} | {effect:+.1f} |')
  first = sweep['seeds'][0]
  lines += [
    '',
    f'{len(sweep["seeds"])} runs of {first["epochs"]:.0f} epochs, '
    f'{mean:.1f} errors of {first["valid"]["count"]:,} in the mean; the '
    f'standard error of an effect is {error:.1f} '
    f'(commit {recipe_table.commits(sweep["seeds"])}).',
  ]
  return '\n'.join(lines)


def neighbours(sweep: Mapping) -> str:
  """Returns what the neighbours of the choice came out at, as a sentence.

  Args:
    sweep: the content of improved-neighbours.json, the choice itself first.
  """
  chosen, *others = summary.list_settings(sweep['seeds'])
  parts = [
    f'{one["valid_errors"]["mean"]:.1f} with '
    + ', '.join(f'{k} {v:g}' for k, v in one['overrides'].items())
    for one in others
  ]
  commit = recipe_table.commits(sweep['seeds'])
  return (
    f'Mean validation errors of {chosen["n"]} other seeds: '
    f'{chosen["valid_errors"]["mean"]:.1f} for the choice; {"; ".join(parts)} '
    f'(commit {commit}).'
  )
