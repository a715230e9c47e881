"""Many seeds as rows of dots and intervals, as matplotlib figures."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import axes, figure, ticker

from mnist_jax.analysis import figure_style, html_page
from mnist_jax.analysis.compare import figures
from mnist_jax.analysis.sweep import significance, summary

MAX_ROWS = 40
_ROW, _LEFT, _ACROSS = 0.5, 2.0, 2.75  # Inches: a row, and the axes.
_SPLITS = {'test': 'test', 'valid': 'validation'}


@figure_style.applied
def distribution(
  rows: Sequence[tuple[str, Sequence[Mapping]]], split: str, caption: str
) -> figure.Figure:
  """Draw each seed's accuracy, and their mean with its interval.

  Args:
    rows: names and results, one row or more, each of one seed or more; the
      first 40 are drawn.
    split: 'test', or 'valid' where every result has one.
    caption: data set and sweep.

  Returns:
    A figure with one row per sweep, in the order given; a single seed has no
    interval.
  """
  shown = rows[:MAX_ROWS]
  row = _ROW if len(shown) <= 12 else 0.7 * _ROW
  height = row * len(shown) + 0.25
  more = (
    f', the first {MAX_ROWS} of {len(rows)}' if len(rows) > MAX_ROWS else ''
  )
  fig = figure_style.new_figure(
    height + 0.6,
    f'{_SPLITS[split].capitalize()} accuracy over seeds{more}',
    'dot: one seed; diamond and line: mean and its 95% interval over seeds',
    caption,
  )
  ax = figure_style.add_axes(fig, _LEFT, 0.5, _ACROSS, height)
  accuracies = [[r[split]['accuracy'] for r in results] for _, results in shown]
  _arrange(ax, len(shown), f'{_SPLITS[split]} accuracy')
  _set_range(ax, [_reach(values) for values in accuracies])
  for y, ((name, _), values) in enumerate(zip(shown, accuracies, strict=True)):
    _draw_seeds(ax, y, values)
    _write_row(ax, y, name, _format_mean(values), str(len(values)))
  _write_row(
    ax, -0.75, '', 'mean ± sd', 'seeds', color=figure_style.GREY, size=8
  )
  return fig


def _reach(values: Sequence[float]) -> list[float]:
  """List what of a row must be seen; an interval ends where accuracy does."""
  interval = summary.describe(values)['ci95'] or []
  return [*values, *np.clip(interval, 0, 1)]


def _arrange(ax: axes.Axes, num_rows: int, xlabel: str):
  ax.set(ylim=(num_rows - 0.4, -0.6), yticks=[], xlabel=xlabel)
  ax.spines['left'].set_visible(False)
  ax.grid(axis='x')
  ax.set_axisbelow(True)
  ax.xaxis.set_major_locator(ticker.MaxNLocator(4, steps=(1, 2, 5, 10)))
  ax.xaxis.set_major_formatter(lambda share, _: f'{100 * share:.6g}%')


def _set_range(ax: axes.Axes, reaches: Sequence[Sequence[float]]):
  values = np.concatenate(reaches)
  # One value alone needs a width as well: a few images of 10,000.
  room = max(0.06 * np.ptp(values), 2.5e-4)
  ax.set_xlim(values.min() - room, values.max() + room)


def _draw_seeds(ax: axes.Axes, y: float, values: Sequence[float]):
  described = summary.describe(values)
  centre = y if len(values) == 1 else y + 0.2
  heights = centre + 0.17 * _spread(values, np.ptp(ax.get_xlim()) / 45)
  dots = {'markersize': 4, 'alpha': 0.45, 'markeredgewidth': 0}
  ax.plot(values, heights, 'o', color=figure_style.BLUE, clip_on=False, **dots)
  if described['ci95']:
    ends = np.clip(described['ci95'], 0, 1)
    ax.plot(ends, [y - 0.17] * 2, color=figure_style.INK, linewidth=1.5)
    ax.plot(
      described['mean'], y - 0.17, 'D', color=figure_style.INK, markersize=5
    )


def _spread(values: Sequence[float], width: float) -> np.ndarray:
  """Move dots that would hide each other apart: heights in -1..1."""
  columns = np.round(np.asarray(values) / width)
  heights = np.zeros(len(values))
  for column in np.unique(columns):
    inside = np.flatnonzero(columns == column)
    reach = min(1, 0.3 * (len(inside) - 1))
    heights[inside] = np.linspace(-reach, reach, len(inside))
    if len(inside) == 1:
      heights[inside] = 0
  return heights


def _format_mean(values: Sequence[float]) -> str:
  described = summary.describe(values)
  if described['sd'] is None:
    return f'{described["mean"]:.2%}'
  return f'{100 * described["mean"]:.2f} ± {described["sd"]:.2%}'


def _write_row(
  ax: axes.Axes, y: float, name: str, first: str, second: str, **kwargs
):
  looks = {'color': figure_style.INK} | kwargs
  for x, text in ((-0.05, name), (1.47, first), (1.7, second)):
    short = figures.shorten(text)
    figures.write_beside(ax, x, y, short, **looks)


@figure_style.applied
def ablations(
  baseline: Mapping, variants: Sequence[tuple[str, Mapping]], caption: str
) -> figure.Figure:
  """Draw how far each variant is from the baseline.

  Args:
    baseline: a sweep of one point.
    variants: one or more names and sweeps, each of one point; the best 40 are
      drawn.
    caption: data set, baseline and number of seeds.

  Returns:
    A figure with one row per variant, the best at the top; filled where a
    difference is shown at 5 %, Holm's correction included.

  Raises:
    errors.UserError: if two sweeps cannot be compared.
  """
  table = significance.ablate(baseline, variants)
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
  _arrange(ax, len(rows), 'test accuracy less that of the baseline')
  ax.xaxis.set_major_formatter(_write_tick)
  _set_range(ax, [[0, row['difference'], *(row['ci95'] or ())] for row in rows])
  ax.axvline(0, color=figure_style.GREY, linestyle=':', zorder=0)
  for y, row in enumerate(rows):
    _draw_difference(ax, y, row)
  # Twice as high rows as there, in rows: the same distance in inches.
  _write_row(ax, -0.85, '', 'errors', 'p', color=figure_style.GREY, size=8)
  return fig


def _write_tick(share: float, _) -> str:
  return f'{100 * share:+.6g}%' if share else '0%'


def _count(number: int, what: str) -> str:
  return f'{number} {what}' if number == 1 else f'{number or "no"} {what}s'


def _draw_difference(ax: axes.Axes, y: float, row: Mapping):
  colour = figure_style.BLUE if row['differ'] else figure_style.GREY
  if row['ci95']:
    ax.plot(row['ci95'], [y, y], color=colour, linewidth=1.5)
  face = colour if row['differ'] else 'white'
  ax.plot(row['difference'], y, 'D', color=colour, mfc=face, markersize=5.5)
  p = row['p_adjusted']
  errors = f'{row["difference_errors"]:+.1f}'
  if math.isclose(row['difference_errors'], 0, abs_tol=0.05):
    errors = '0.0'
  p_text = '-' if p is None else html_page.format_p_value(p)
  _write_row(ax, y, row['name'], errors, p_text)
