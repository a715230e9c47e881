"""What hyperparameters do to validation accuracy, as matplotlib figures.

The test split is no axis of any of them: a point is chosen by validation.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import axes, figure, ticker

from mnist_jax.analysis import figure_style
from mnist_jax.analysis.sweep import heat_map, hyperparameters, summary

_NO_VALIDATION = (
  'This sweep has no validation split, and the test split must not choose.',
  'Sweep again with --config.data.valid=writer_disjoint (or random); then this',
  'figure shows validation accuracy. The test accuracy of each point is in the',
  'table that python -m mnist_jax.analysis prints.',
)


def draw(points: Sequence[Mapping], caption: str) -> figure.Figure | None:
  """Draw what fits the number of hyperparameters that vary.

  Args:
    points: of `seeds.summarize`, two or more.
    caption: data set, sweep and number of seeds.

  Returns:
    A line for one, a heat map for two, an explanation where there is no
    validation; None for more than two, which no page shows well.
  """
  varied = hyperparameters.find_varied(points)
  if len(varied) not in (1, 2):
    return None
  if summary.find_best(points) is None:
    return _explain(varied, caption)
  if len(varied) == 1:
    return line(points, varied[0], caption)
  return heat_map.heat_map(points, *varied, caption)


@figure_style.applied
def _explain(varied: Sequence[str], caption: str) -> figure.Figure:
  fig = figure_style.new_figure(
    1.3,
    hyperparameters.make_title(varied),
    'nothing to choose by: no validation split',
    caption,
  )
  ax = figure_style.add_axes(
    fig, figure_style.MARGIN, 0, figure_style.INNER_WIDTH, 1.3
  )
  ax.set_axis_off()
  text = '\n'.join(_NO_VALIDATION)
  ax.text(0, 0.9, text, va='top', color=figure_style.INK, linespacing=1.5)
  return fig


@figure_style.applied
def line(points: Sequence[Mapping], name: str, caption: str) -> figure.Figure:
  """Draw validation accuracy over one hyperparameter.

  Args:
    points: of `seeds.summarize`, all with validation.
    name: of the hyperparameter.
    caption: data set, sweep and number of seeds.

  Returns:
    A figure with means, 95 % intervals over seeds and the range of the seeds;
    numbers that span ten times or more stand on a log scale.
  """
  best = summary.find_best(points)
  points = hyperparameters.sort_points(points, name)
  fig = figure_style.new_figure(
    3.0,
    hyperparameters.make_title([name]),
    'thick: 95% interval of the mean over seeds; thin: from the worst seed to '
    'the best',
    caption,
  )
  fig.text(
    figure_style.MARGIN / figure_style.WIDTH,
    (figure_style.FOOTER + 0.1) / fig.get_figheight(),
    hyperparameters.describe_best(points),
    size=9,
    color=figure_style.INK,
    parse_math=False,
  )
  ax = figure_style.add_axes(fig, 0.85, 0.75, 5.9, 2.15)
  x = _place(ax, [point['overrides'].get(name) for point in points])
  for place, point in zip(x, points, strict=True):
    _draw_point(ax, place, point['valid_accuracy'], point is best)
  means = [point['valid_accuracy']['mean'] for point in points]
  if hyperparameters.is_numeric(
    points, name
  ):  # Between words there is nothing.
    ax.plot(x, means, color=figure_style.BLUE, linewidth=1, zorder=1)
  ax.set_xlabel(name, parse_math=False)
  ax.yaxis.set_major_locator(ticker.MaxNLocator(5))
  ax.yaxis.set_major_formatter(lambda share, _: f'{100 * share:.6g}%')
  ax.grid(axis='y')
  ax.set_axisbelow(True)
  return fig


def _place(ax: axes.Axes, values: Sequence[Any]) -> np.ndarray:
  """Scale the x axis for these values and return where they stand."""
  plain = any(isinstance(v, bool | str) or v is None for v in values)
  spans = not plain and min(values) > 0 and max(values) >= 10 * min(values)
  if plain:
    x = np.arange(len(values))
    ax.set_xlim(-0.5, len(values) - 0.5)
  else:
    x = np.array(values, float)
  if spans:
    ax.set_xscale('log')
  position = np.log10(x) if spans else x
  shown = _thin(position)
  labels = [
    'default' if v is None else hyperparameters.format_value(v) for v in values
  ]
  ax.set_xticks(x[shown], [hyperparameters.cut(labels[i], 14) for i in shown])
  ax.xaxis.set_minor_locator(ticker.NullLocator())
  for label in ax.get_xticklabels():
    label.set_parse_math(False)
  return x


def _thin(position: np.ndarray) -> list[int]:
  """Choose labels that stand at least a ninth of the axis apart."""
  shown, apart = [], np.ptp(position) / 9
  for i, x in enumerate(position):
    if not shown or x - position[shown[-1]] >= apart:
      shown.append(i)
  return shown


def _draw_point(ax: axes.Axes, x: float, accuracy: Mapping, best: bool):
  ends = [accuracy['min'], accuracy['max']]
  if ends[0] < ends[1]:
    ax.plot(
      [x, x], ends, '_-', color=figure_style.BLUE, linewidth=1, markersize=7
    )
  if accuracy['ci95'] and accuracy['sd']:
    interval = np.clip(accuracy['ci95'], 0, 1)
    ax.plot([x, x], interval, color=figure_style.BLUE, linewidth=4, alpha=0.4)
  colour, marker = (
    (figure_style.VERMILLION, 'D') if best else (figure_style.BLUE, 'o')
  )
  ax.plot(x, accuracy['mean'], marker, color=colour, markersize=6, zorder=3)
