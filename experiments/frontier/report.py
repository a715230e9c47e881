"""The frontier as a table and as a figure."""

import pathlib
from collections.abc import Mapping

import experiments
from mnist_jax.analysis import figure_style
from mnist_jax.workdir import atomic_files


def as_markdown(found: Mapping) -> str:
  """Returns the table, from the quickest contender to the slowest."""
  lines = [
    '| | weights | training | whole process | test errors | seeds |',
    '|---|--:|--:|--:|--:|--:|',
  ]
  for row in sorted(found['rows'], key=lambda row: row['train_seconds']):
    errors = row['test_errors']
    spread = '' if errors['sd'] is None else f' ± {errors["sd"]:.1f}'
    seconds = (f'{row[f"{w}_seconds"]:,.1f} s' for w in ('train', 'total'))
    lines.append(
      f'| {row["name"]} | {row["num_params"]:,} | {" | ".join(seconds)} | '
      f'**{errors["mean"]:.1f}**{spread} | {row["seeds"]} |'
    )
  return '\n'.join([*lines, '', conditions(found)])


def conditions(found: Mapping) -> str:
  """Returns a paragraph on how it was measured."""
  timed = max(row['timed'] for row in found['rows'])
  swept = [row['name'] for row in found['rows'] if row['errors_from']]
  source = f'; those of {", ".join(swept)} are of their sweeps' if swept else ''
  return (
    f'Seconds are medians of {timed} runs in turn on {found["device"]}, with a '
    f'load average of {found["load_average"][0]:.1f} at the start; those of '
    'an ensemble are the sum over its sweep, and not timed in turn. Errors are '
    f'means over the seeds, with their standard deviation{source}.'
  )


@figure_style.applied
def draw(found: Mapping) -> bytes:
  """Draws test errors against training seconds; returns a PNG."""
  fig = figure_style.new_figure(
    3.6,
    'What more training time buys',
    'Each point is a recipe; the line is one standard deviation over seeds.',
    f'{found["device"]}, {found["date"]}',
  )
  axes = figure_style.add_axes(fig, 0.7, 0.5, 5.4, 3.0)
  axes.set_xscale('log')
  axes.set_yscale('log')
  for row in found['rows']:
    color = figure_style.BLUE if row['is_ours'] else figure_style.VERMILLION
    seconds, errors = row['train_seconds'], row['test_errors']
    spread = errors['sd'] or 0
    axes.errorbar(seconds, errors['mean'], spread, fmt='o', color=color)
    axes.annotate(
      row['name'],
      (seconds, errors['mean']),
      xytext=(7, 4),
      textcoords='offset points',
      color=figure_style.INK,
      fontsize=8,
    )
  axes.margins(x=0.25, y=0.15)
  axes.set_xlabel('seconds of training')
  axes.set_ylabel('test errors')
  axes.yaxis.set_major_formatter('{x:.0f}')
  axes.yaxis.set_minor_formatter('{x:.0f}')
  return figure_style.to_png(fig)


def keep(found: Mapping, folder: str) -> None:
  """Writes frontier.json and frontier.png.

  Raises:
    errors.UserError: when they cannot be written.
  """
  target = pathlib.Path(folder or experiments.RESULTS)
  atomic_files.write_json(target / 'frontier.json', dict(found))
  print(atomic_files.write(target / 'frontier.png', draw(found)))
