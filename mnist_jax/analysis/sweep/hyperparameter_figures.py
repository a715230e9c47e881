"""What hyperparameters do to validation accuracy, as matplotlib figures.

None of them shows the test split: settings are chosen by validation.
Throughout, `listed` is what `summary.list_settings` returned, two or more.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import axes, axis, colormaps, figure, patches, ticker

from mnist_jax.analysis import figure_style, text_table
from mnist_jax.analysis.sweep import summary

_MAX_CELLS = 12  # Along a side of a heat map; beyond, numbers do not fit.
_NO_VALIDATION = (
  'This sweep has no validation split, and the test split must not choose',
  'settings. Sweep again with --config.data.valid=writer_disjoint (or random);',
  'then this figure shows validation accuracy. The test accuracies are in the',
  'table that python -m mnist_jax.analysis prints.',
)


def draw(listed: Sequence[Mapping], caption: str) -> figure.Figure | None:
  """Draw what fits the number of hyperparameters that vary.

  Returns:
    A line for one, a heat map for two, an explanation where there is no
    validation; None for more than two, which do not fit on a page.
  """
  varied = _find_varied(listed)
  if len(varied) not in (1, 2):
    return None
  title = f'Validation accuracy by {" and ".join(varied)}'
  title = text_table.shorten(title, 58)  # Its width varies by version.
  if (best := summary.find_best(listed)) is None:
    return _explain(title, caption)
  if len(varied) == 1:
    return _draw_line(listed, best, varied[0], title, caption)
  return _draw_heat_map(listed, best, varied[0], varied[1], title, caption)


def _find_varied(listed: Sequence[Mapping]) -> list[str]:
  """List the hyperparameters with several values; "not set" is one, too."""
  names = {name: None for settings in listed for name in settings['overrides']}
  return [name for name in names if len(_list_values(listed, name)) > 1]


def _list_values(listed: Sequence[Mapping], name: str) -> list[Any]:
  """List the values of a hyperparameter, each once; numbers are sorted."""
  # By repr: 1, 1.0 and True are equal, and not the same hyperparameter.
  values = [settings['overrides'].get(name) for settings in _sort(listed, name)]
  return list({repr(value): value for value in values}.values())


def _are_numbers(values: Sequence[Any]) -> bool:
  return all(map(text_table.is_number, values))


def _sort(listed: Sequence[Mapping], name: str) -> list[Mapping]:
  """Sort by a hyperparameter of numbers; words keep the order of the sweep."""
  if not _are_numbers([one['overrides'].get(name) for one in listed]):
    return list(listed)
  return sorted(listed, key=lambda one: one['overrides'][name])


def _write_label(value: Any, length: int) -> str:
  text = 'default' if value is None else text_table.format_value(value)
  return text_table.shorten(text, length)


def _describe_best(best: Mapping) -> str:
  test = best['test_accuracy']
  text = (
    f'best by validation: {text_table.format_overrides(best["overrides"])}, '
    f'with {best["valid_accuracy"]["mean"]:.2%}'
    + (f' (its test accuracy: {test["mean"]:.2%})' if test else '')
  )
  return text_table.shorten(text, 90, keep_end=45)


@figure_style.applied
def _explain(title: str, caption: str) -> figure.Figure:
  subtitle = 'nothing to choose by: no validation split'
  fig = figure_style.new_figure(1.3, title, subtitle, caption)
  ax = figure_style.add_blank_axes(fig, 0, 1.3)
  text = '\n'.join(_NO_VALIDATION)
  ax.text(0, 0.9, text, va='top', color=figure_style.INK, linespacing=1.5)
  return fig


@figure_style.applied
def _draw_line(
  listed: Sequence[Mapping], best: Mapping, name: str, title: str, caption: str
) -> figure.Figure:
  """Draw means, 95 % intervals over seeds and the range of the seeds."""
  fig = figure_style.new_figure(
    3.0,
    title,
    'thick: 95% interval of the mean over seeds; thin: from the worst seed to '
    'the best',
    caption,
  )
  x = figure_style.MARGIN / figure_style.WIDTH
  y = (figure_style.FOOTER + 0.1) / fig.get_figheight()
  looks: figure_style.Looks = {'size': 9, 'color': figure_style.INK}
  fig.text(x, y, _describe_best(best), parse_math=False, **looks)
  ax = figure_style.add_axes(fig, 0.85, 0.75, 5.9, 2.15)
  listed = _sort(listed, name)
  values = [settings['overrides'].get(name) for settings in listed]
  places = _place(ax, values)
  for place, settings in zip(places, listed, strict=True):
    _draw_settings(ax, place, settings['valid_accuracy'], settings is best)
  if _are_numbers(values):  # A line between words would mean nothing.
    means = [settings['valid_accuracy']['mean'] for settings in listed]
    ax.plot(places, means, color=figure_style.BLUE, linewidth=1, zorder=1)
  ax.set_xlabel(text_table.shorten(name, 60), parse_math=False)
  ax.yaxis.set_major_locator(ticker.MaxNLocator(5))
  ax.yaxis.set_major_formatter(figure_style.percent_tick)
  ax.grid(axis='y')
  ax.set_axisbelow(True)
  return fig


def _place(ax: axes.Axes, values: Sequence[Any]) -> np.ndarray:
  """Scale the x axis for these values and return where they stand.

  Numbers that span ten times or more stand on a log scale.
  """
  if not _are_numbers(values):
    ax.set_xlim(-0.5, len(values) - 0.5)
    x = position = np.arange(len(values))
  else:
    x = position = np.array(values, float)
    if min(values) > 1e-100 and max(values) >= 10 * min(values):
      ax.set_xscale('log')
      position = np.log10(x)
  shown = _thin(position)
  ax.set_xticks(x[shown], [_write_label(values[i], 14) for i in shown])
  ax.xaxis.set_minor_locator(ticker.NullLocator())
  for label in ax.get_xticklabels():
    label.set_parse_math(False)
  return x


def _thin(position: np.ndarray) -> list[int]:
  """Choose labels that stand at least a ninth of the axis apart."""
  shown: list[int] = []
  for i, x in enumerate(position):
    if not shown or x - position[shown[-1]] >= np.ptp(position) / 9:
      shown.append(i)
  return shown


def _draw_settings(ax: axes.Axes, x: float, accuracy: Mapping, best: bool):
  ends, blue = [accuracy['min'], accuracy['max']], figure_style.BLUE
  if ends[0] < ends[1]:
    ax.plot([x, x], ends, '_-', color=blue, linewidth=1, markersize=7)
  if accuracy['ci95'] and accuracy['sd']:
    interval = np.clip(accuracy['ci95'], 0, 1)
    ax.plot([x, x], interval, color=blue, linewidth=4, alpha=0.4)
  color, marker = (figure_style.VERMILLION, 'D') if best else (blue, 'o')
  ax.plot(x, accuracy['mean'], marker, color=color, markersize=6, zorder=3)


@figure_style.applied
def _draw_heat_map(
  listed: Sequence[Mapping],
  best: Mapping,
  across: str,
  down: str,
  title: str,
  caption: str,
) -> figure.Figure:
  """Draw one cell per pair of values, the mean written into it.

  The best by validation has a frame, and a pair that was not tried is a dash.
  """
  columns, rows = (_list_values(listed, name) for name in (across, down))
  width, height = (min(0.62 * len(v), 5.2) for v in (columns, rows))
  fig = figure_style.new_figure(
    height + 0.65, title, _describe_best(best), caption
  )
  ax = figure_style.add_axes(fig, 1.35, 0.6, width, height)
  ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
  _label(ax.xaxis, columns, across, width)
  _label(ax.yaxis, rows, down, height)
  ax.spines[:].set_visible(False)
  places = [
    {repr(v): i for i, v in enumerate(side)} for side in (rows, columns)
  ]
  means = np.full((len(rows), len(columns)), np.nan)
  for settings in listed:
    chosen = (repr(settings['overrides'].get(name)) for name in (down, across))
    cell = tuple(place[one] for place, one in zip(places, chosen, strict=True))
    means[cell] = settings['valid_accuracy']['mean']
    if settings is best:
      corner = cell[1] - 0.47, cell[0] - 0.47
  _draw_cells(ax, means)
  looks: figure_style.Looks = {'edgecolor': figure_style.VERMILLION}
  ax.add_patch(
    patches.Rectangle(corner, 0.94, 0.94, fill=False, lw=2.5, **looks)
  )
  return fig


def _label(one: axis.Axis, values: Sequence[Any], name: str, inches: float):
  shown = range(0, len(values), -(-len(values) // _MAX_CELLS))
  one.set_ticks(shown, [_write_label(values[i], 7) for i in shown])
  one.set_tick_params(length=0, labelcolor=figure_style.INK)
  for label in one.get_ticklabels():
    label.set_parse_math(False)
  fits = text_table.shorten(name, int(13 * inches) + 3, keep_end=9)
  one.set_label_text(fits, parse_math=False)


def _draw_cells(ax: axes.Axes, means: np.ndarray):
  spread = np.nanmax(means) - np.nanmin(means)
  shares = (means - np.nanmin(means)) / max(spread, 1e-9)
  tints = colormaps['Blues'](0.08 + 0.72 * np.nan_to_num(shares))
  tints[np.isnan(means)] = 1
  edges = [np.arange(n + 1) - 0.5 for n in means.shape[::-1]]
  largest = max(means.shape)
  gap = 2.5 if largest <= _MAX_CELLS else 0.5
  ax.pcolormesh(*edges, tints, edgecolors='white', linewidth=gap)
  if largest > _MAX_CELLS:
    return
  looks: figure_style.Looks = {'ha': 'center', 'va': 'center_baseline'}
  looks |= {'size': 9 if largest <= 9 else 7}
  for (row, column), mean in np.ndenumerate(means):
    text = '-' if np.isnan(mean) else f'{100 * mean:.2f}'
    color = 'white' if shares[row, column] >= 0.6 else figure_style.INK
    ax.text(column, row, text, color=color, **looks)
