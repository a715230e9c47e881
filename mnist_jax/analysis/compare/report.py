"""A comparison, written: JSON, figures, a page, and a table for the console."""

import json
import pathlib
from collections.abc import Mapping, Sequence

from mnist_jax.analysis import figure_style, html_page
from mnist_jax.analysis.compare import comparison
from mnist_jax.analysis.compare import figures as figures_lib
from mnist_jax.analysis.run import load
from mnist_jax.data import datasets
from mnist_jax.workdir import atomic_files

_SOMETIMES = ('agreement', 'everyone_wrong')
_NUM_PAIRS, _NUM_LISTED = 20, 100  # Beyond these only comparison.json goes.


def write_all(
  out: str | pathlib.Path,
  finished: Sequence[load.Run],
  compared: dict,
  dataset: datasets.Dataset,
) -> list[pathlib.Path]:
  """Write `figures/`, `comparison.json` and `comparison.html`.

  Args:
    out: the folder to write into; made where it is missing.
    finished: the runs.
    compared: what `comparison.compare` returned for them.
    dataset: the data set that the runs were tested on.

  Returns:
    The paths written; each file appears whole or not at all.

  Raises:
    errors.UserError: if the runs were tested on other images than these, or
      the folder cannot be written.
  """
  load.check_dataset(finished[0], dataset)
  out = pathlib.Path(out)
  pictures = _draw(finished, compared, dataset)
  contents = {f'figures/{name}.png': png for name, png in pictures.items()}
  contents['comparison.json'] = json.dumps(compared, indent=1).encode()
  contents['comparison.html'] = _render(finished, compared, pictures).encode()
  paths = [
    atomic_files.write(out / name, data) for name, data in contents.items()
  ]
  for name in {*_SOMETIMES} - pictures.keys():
    # Left by an earlier comparison in the same folder.
    (out / f'figures/{name}.png').unlink(missing_ok=True)
  return paths


def _caption(finished: Sequence[load.Run]) -> str:
  return f'{finished[0].data_title} · {len(finished)} runs compared'


def _draw(
  finished: Sequence[load.Run], compared: dict, dataset: datasets.Dataset
) -> dict[str, bytes]:
  caption = _caption(finished)
  figures = {'accuracies': figures_lib.accuracies(compared, caption)}
  if len(finished) > 2:
    figures['agreement'] = figures_lib.agreement(compared, caption)
  if compared['everyone_wrong']:
    figures['everyone_wrong'] = figures_lib.everyone_wrong(
      dataset.test.images, compared, caption
    )
  return {name: figure_style.to_png(fig) for name, fig in figures.items()}


def _render(
  finished: Sequence[load.Run], compared: dict, pictures: Mapping[str, bytes]
) -> str:
  environment = html_page.create_environment()
  environment.filters |= {
    'interval': _format_interval,
    'tally': comparison.tally,
  }
  return environment.get_template('compare/comparison.html').render(
    finished=finished,
    compared=compared,
    caption=_caption(finished),
    data_title=finished[0].data_title,
    images={name: html_page.inline(png) for name, png in pictures.items()},
    level=f'{comparison.LEVEL:.0%}',
    threshold=comparison.LEVEL,
    num_listed=_NUM_LISTED,
  )


def _format_interval(interval: Sequence[float]) -> str:
  low, high = interval
  return f'{100 * low:.2f}\N{EN DASH}{high:.2%}'


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
    *align(_list_runs(compared)),
    '',
    f'misread by every run: {len(compared["everyone_wrong"]):,}',
    '',
    *align(_list_pairs(pairs[:_NUM_PAIRS])),
    'p: exact McNemar test, adjusted for all pairs by Holm; shown below '
    f'{comparison.LEVEL}',
  ]
  if len(pairs) > _NUM_PAIRS:
    lines.append(f'{len(pairs) - _NUM_PAIRS:,} more pairs: comparison.json')
  return '\n'.join([*lines, ''])


def _list_runs(compared: dict) -> list[list[str]]:
  ensemble = compared['ensemble']
  return [
    ['run', 'accuracy', '95% interval', 'errors', 'weights', 'training'],
    *(
      [
        *_list_score(row['name'], row),
        f'{row["num_params"]:,}',
        html_page.format_seconds(row['train_seconds']),
      ]
      for row in compared['runs']
    ),
    _list_score('ensemble', ensemble),
    ['mean of the runs', f'{ensemble["mean_accuracy"]:.2%}'],
  ]


def _list_score(name: str, row: Mapping) -> list[str]:
  interval = _format_interval(row['accuracy_interval'])
  return [name, f'{row["accuracy"]:.2%}', interval, f'{row["num_errors"]:,}']


def _list_pairs(pairs: Sequence[Mapping]) -> list[list[str]]:
  return [
    ['A against B', 'only A right', 'only B right', 'adjusted p', 'better'],
    *(
      [
        f'{pair["a"]} against {pair["b"]}',
        f'{pair["only_a"]:,}',
        f'{pair["only_b"]:,}',
        html_page.format_p_value(pair['p_adjusted']),
        comparison.name_better(pair) or 'not shown',
      ]
      for pair in pairs
    ),
  ]


def align(rows: Sequence[Sequence[str]]) -> list[str]:
  """Pad the columns of a table; the first to the left, others to the right."""
  widths = [
    max(len(row[i]) for row in rows if i < len(row))
    for i in range(len(rows[0]))
  ]
  return [
    '  '.join(
      text.rjust(width) if i else text.ljust(width)
      for i, (text, width) in enumerate(zip(row, widths, strict=False))
    ).rstrip()
    for row in rows
  ]
