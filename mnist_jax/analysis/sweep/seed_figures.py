"""Many seeds as rows of dots and intervals, as matplotlib figures."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import axes, figure

from mnist_jax.analysis import figure_style, statistics, text_table
from mnist_jax.analysis.sweep import significance, summary

MAX_ROWS = 40
_ROW, _LEFT, _ACROSS = 0.5, 2.0, 2.75  # Inches: a row, and the axes.


@figure_style.applied
def distribution(
  rows: Sequence[tuple[str, Sequence[Mapping]]], split: str, caption: str
) -> figure.Figure:
  """Draw each seed's accuracy, and their mean with its interval.

  Args:
    rows: names and trials, one row or more, each of one trial or more; the
      first 40 are drawn, in the order given.
    split: 'test', or 'valid' where every trial has one.
  """
  shown = rows[:MAX_ROWS]
  height = (_ROW if len(shown) <= 12 else 0.7 * _ROW) * len(shown) + 0.25
  more = f', the first {MAX_ROWS} of {len(rows)}' * (len(rows) > MAX_ROWS)
  fig = figure_style.new_figure(
    height + 0.6,
    f'{summary.SPLITS[split].capitalize()} accuracy over seeds{more}',
    'dot: one seed; diamond and line: mean and its 95% interval over seeds',
    caption,
  )
  ax = figure_style.add_axes(fig, _LEFT, 0.5, _ACROSS, height)
  accuracies = [[t[split]['accuracy'] for t in trials] for _, trials in shown]
  described = [statistics.describe(values) for values in accuracies]
  xlabel = f'{summary.SPLITS[split]} accuracy'
  figure_style.arrange_rows(ax, len(shown) - 0.4, -0.6, xlabel, 4)
  # Intervals are cut at 0 and 100 %.
  ends = [np.clip(d['ci95'] or [], 0, 1) for d in described]
  _set_range(ax, np.concatenate([*accuracies, *ends]))
  for y, (name, _) in enumerate(shown):
    _draw_seeds(ax, y, accuracies[y], described[y]['mean'], ends[y])
    count = str(len(accuracies[y]))
    _write_row(ax, y, name, _format_mean(described[y]), count)
  grey = {'color': figure_style.GREY, 'size': 8}
  _write_row(ax, -0.75, '', 'mean ± sd', 'seeds', **grey)
  return fig


def _set_range(ax: axes.Axes, values: np.ndarray):
  # A single value needs some width, too: a few images of 10,000.
  room = max(0.06 * np.ptp(values), 2.5e-4)
  ax.set_xlim(values.min() - room, values.max() + room)


def _draw_seeds(
  ax: axes.Axes, y: float, values: Sequence[float], mean: float, ends
):
  centre = y if len(values) == 1 else y + 0.2
  heights = centre + 0.17 * _spread(values, np.ptp(ax.get_xlim()) / 45)
  dots: figure_style.Looks = {
    'markersize': 4,
    'alpha': 0.45,
    'markeredgewidth': 0,
  }
  ax.plot(values, heights, 'o', color=figure_style.BLUE, clip_on=False, **dots)
  if len(ends):
    ink: figure_style.Looks = {'color': figure_style.INK}
    ax.plot(ends, [y - 0.17] * 2, linewidth=1.5, **ink)
    ax.plot(mean, y - 0.17, 'D', markersize=5, **ink)


def _spread(values: Sequence[float], width: float) -> np.ndarray:
  """Move dots that would hide each other apart: heights in -1..1."""
  columns = np.round(np.asarray(values) / width)
  heights = np.zeros(len(values))
  for column in np.unique(columns):
    inside = np.flatnonzero(columns == column)
    reach = min(1, 0.3 * (len(inside) - 1))
    heights[inside] = np.linspace(-reach, reach, len(inside))
  return heights


def _format_mean(described: Mapping) -> str:
  if described['sd'] is None:
    return f'{described["mean"]:.2%}'
  return f'{100 * described["mean"]:.2f} ± {described["sd"]:.2%}'


def _write_row(ax: axes.Axes, y: float, *texts: str, **looks):
  for x, text in zip((-0.05, 1.47, 1.7), texts, strict=True):
    figure_style.write_cell(ax, x, y, text, **looks)


@figure_style.applied
def ablations(
  baseline: Mapping,
  variants: Sequence[tuple[str, Mapping]],
  caption: str,
  split: str = 'test',
) -> figure.Figure:
  """Draw how far each variant is from the baseline; see `significance.ablate`.

  The best 40 are drawn, the best at the top; filled where a difference is shown
  at 5 %, Holm's correction included.
  """
  table = significance.ablate(baseline, variants, split)
  rows = sorted(table, key=lambda row: -row['difference'])[:MAX_ROWS]
  height = 0.64 * _ROW * (len(rows) + 0.5)
  shown = sum(row['differ'] for row in rows)
  fig = figure_style.new_figure(
    height + 0.6,
    f'{_count(len(table), "variant")} against the baseline: '
    f'{_count(shown, "difference")} shown',
    'line: 95% interval of the difference over seeds; filled: shown at 5% '
    '(p adjusted by Holm)',
    caption,
  )
  ax = figure_style.add_axes(fig, _LEFT, 0.5, _ACROSS, height)
  xlabel = f'{summary.SPLITS[split]} accuracy minus that of the baseline'
  figure_style.arrange_rows(ax, len(rows) - 0.4, -0.6, xlabel, 4)
  ax.xaxis.set_major_formatter(_write_tick)
  reach = [[0, row['difference'], *(row['ci95'] or ())] for row in rows]
  _set_range(ax, np.concatenate(reach))
  ax.axvline(0, color=figure_style.GREY, linestyle=':', zorder=0)
  for y, row in enumerate(rows):
    _draw_difference(ax, y, row)
  # In rows, which are lower here: the same distance as in `distribution`.
  grey = {'color': figure_style.GREY, 'size': 8}
  _write_row(ax, -0.85, '', 'errors', 'p', **grey)
  return fig


def _write_tick(share: float, _) -> str:
  return f'{100 * share:+.6g}%' if share else '0%'


def _count(number: int, what: str) -> str:
  return f'{number} {what}' if number == 1 else f'{number or "no"} {what}s'


def _draw_difference(ax: axes.Axes, y: float, row: Mapping):
  color = figure_style.BLUE if row['differ'] else figure_style.GREY
  if row['ci95']:
    ax.plot(row['ci95'], [y, y], color=color, linewidth=1.5)
  face = color if row['differ'] else 'white'
  ax.plot(row['difference'], y, 'D', color=color, mfc=face, markersize=5.5)
  p = row['p_adjusted']
  errors = f'{row["difference_errors"]:+.1f}'
  if math.isclose(row['difference_errors'], 0, abs_tol=0.05):
    errors = '0.0'
  p_text = '-' if p is None else text_table.format_p_value(p)
  _write_row(ax, y, row['name'], errors, p_text)
