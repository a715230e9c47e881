"""A comparison as JSON, figures, a page, and a table for the console."""

import json
import pathlib
from collections.abc import Mapping, Sequence

from mnist_jax.analysis import figure_style, html_page, statistics, text_table
from mnist_jax.analysis.compare import comparison, figures
from mnist_jax.analysis.run import load
from mnist_jax.data import class_names, datasets
from mnist_jax.workdir import atomic_files

_SOMETIMES = ('agreement', 'everyone_wrong')
_NUM_PAIRS, _NUM_LISTED = 20, 100  # All others are in comparison.json alone.


def write_all(
  out: str | pathlib.Path,
  runs: Sequence[load.Run],
  compared: dict,
  dataset: datasets.Dataset,
) -> list[pathlib.Path]:
  """Write `figures/`, `comparison.json` and `comparison.html`.

  Args:
    out: the folder to write into; made where it is missing.
    runs: those compared.
    compared: what `comparison.compare` returned.
    dataset: the data set that the runs were tested on.

  Returns:
    The paths written; each file appears whole or not at all.

  Raises:
    errors.UserError: if the runs were tested on other images than these, or
      the folder cannot be written.
  """
  load.check_dataset(runs[0], dataset)
  out = pathlib.Path(out)
  caption = f'{runs[0].data_title} · {len(runs)} runs compared'
  drawn = {'accuracies': figures.accuracies(compared, caption)}
  if len(runs) > 2:
    drawn['agreement'] = figures.agreement(compared, caption)
  if compared['everyone_wrong']:
    images = dataset.test.images
    drawn['everyone_wrong'] = figures.everyone_wrong(images, compared, caption)
  pictures = {name: figure_style.to_png(fig) for name, fig in drawn.items()}
  page = _render(runs, compared, pictures, caption)
  contents = {f'figures/{name}.png': png for name, png in pictures.items()}
  contents['comparison.json'] = json.dumps(compared, indent=1).encode()
  contents['comparison.html'] = page.encode(errors='backslashreplace')
  paths = [
    atomic_files.write(out / name, data) for name, data in contents.items()
  ]
  for name in {*_SOMETIMES} - pictures.keys():
    # Left by an earlier comparison in the same folder.
    (out / f'figures/{name}.png').unlink(missing_ok=True)
  return paths


def _render(
  runs: Sequence[load.Run],
  compared: dict,
  pictures: Mapping[str, bytes],
  caption: str,
) -> str:
  environment = html_page.create_environment()
  environment.filters['tally'] = comparison.tally
  return environment.get_template('compare/comparison.html').render(
    finished=runs,
    compared=compared,
    caption=caption,
    data_title=runs[0].data_title,
    names=runs[0].class_names,
    word=class_names.word(runs[0].class_names),
    shown=class_names.images(runs[0].class_names),
    images={name: html_page.inline(png) for name, png in pictures.items()},
    threshold=statistics.LEVEL,
    num_listed=_NUM_LISTED,
  )


def to_text(compared: dict) -> str:
  """Write the runs and the paired tests as two aligned tables.

  Args:
    compared: what `comparison.compare` returned.

  Returns:
    Lines without a last line feed; of the pairs those 20 that differ most.
  """
  pairs = sorted(compared['pairs'], key=lambda pair: pair['p_value'])
  lines = [
    f'{len(compared["runs"])} runs on the same {compared["count"]:,} test '
    f'images of {compared["dataset"]}',
    '',
    *text_table.align(_list_runs(compared)),
    '',
    f'misread by every run: {len(compared["everyone_wrong"]):,}',
    '',
    *text_table.align(_list_pairs(pairs[:_NUM_PAIRS])),
    'p: exact McNemar test, adjusted for all pairs by Holm; shown below '
    f'{statistics.LEVEL}',
  ]
  if len(pairs) > _NUM_PAIRS:
    lines.append(f'{len(pairs) - _NUM_PAIRS:,} more pairs: comparison.json')
  return '\n'.join([*lines, ''])


def _list_runs(compared: dict) -> list[list[str]]:
  ensemble = compared['ensemble']
  rows = [['run', 'accuracy', '95% interval', 'errors', 'weights', 'training']]
  for row in compared['runs']:
    seconds = text_table.format_seconds(row['train_seconds'])
    score = _list_score(row['name'], row)
    rows.append([*score, f'{row["num_params"]:,}', seconds])
  rows.append(_list_score('ensemble', ensemble))
  return [*rows, ['mean of the runs', f'{ensemble["mean_accuracy"]:.2%}']]


def _list_score(name: str, row: Mapping) -> list[str]:
  interval = text_table.format_interval(row['accuracy_interval'])
  return [name, f'{row["accuracy"]:.2%}', interval, f'{row["num_errors"]:,}']


def _list_pairs(pairs: Sequence[dict]) -> list[list[str]]:
  return [
    ['A against B', 'only A right', 'only B right', 'adjusted p', 'better'],
    *(
      [
        f'{pair["a"]} against {pair["b"]}',
        f'{pair["only_a"]:,}',
        f'{pair["only_b"]:,}',
        text_table.format_p_value(pair['p_adjusted']),
        comparison.name_better(pair) or 'not shown',
      ]
      for pair in pairs
    ),
  ]
