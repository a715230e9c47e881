"""Validation accuracy by two hyperparameters, as a matplotlib figure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import axes, colormaps, figure, patches

from mnist_jax.analysis import figure_style
from mnist_jax.analysis.sweep import hyperparameters, summary

_MAX_CELLS = 12  # Along a side; beyond, numbers do not fit.


@figure_style.applied
def heat_map(
  points: Sequence[Mapping], across: str, down: str, caption: str
) -> figure.Figure:
  """Draw validation accuracy over two hyperparameters.

  Args:
    points: of `seeds.summarize`, all with validation.
    across: the hyperparameter of the columns.
    down: that of the rows.
    caption: data set, sweep and number of seeds.

  Returns:
    A figure with one cell per pair of values, the mean written into it; the
    best by validation has a frame, and a pair that was not tried is a dash.
  """
  columns, rows = (_list_values(points, name) for name in (across, down))
  width, height = (min(0.62 * len(v), 5.2) for v in (columns, rows))
  fig = figure_style.new_figure(
    height + 0.65,
    hyperparameters.make_title([across, down]),
    hyperparameters.describe_best(points),
    caption,
  )
  ax = figure_style.add_axes(fig, 1.35, 0.6, width, height)
  ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
  _label(ax.xaxis, columns, across)
  _label(ax.yaxis, rows, down)
  ax.spines[:].set_visible(False)
  means = {
    _find_cell(point, columns, rows, across, down): point['valid_accuracy'][
      'mean'
    ]
    for point in points
  }
  _draw_cells(ax, means, (len(rows), len(columns)))
  best = summary.find_best(points)
  row, column = _find_cell(best, columns, rows, across, down)
  corner = column - 0.47, row - 0.47
  looks = {
    'fill': False,
    'edgecolor': figure_style.VERMILLION,
    'linewidth': 2.5,
  }
  ax.add_patch(patches.Rectangle(corner, 0.94, 0.94, **looks))
  return fig


def _list_values(points: Sequence[Mapping], name: str) -> list[Any]:
  values = [
    p['overrides'].get(name) for p in hyperparameters.sort_points(points, name)
  ]
  return list({repr(value): value for value in values}.values())


def _find_cell(
  point: Mapping, columns: list, rows: list, across: str, down: str
) -> tuple[int, int]:
  # By repr: 1, 1.0 and True are equal, and not the same hyperparameter.
  overrides = point['overrides']
  return (
    [repr(v) for v in rows].index(repr(overrides.get(down))),
    [repr(v) for v in columns].index(repr(overrides.get(across))),
  )


def _label(axis, values: Sequence[Any], name: str):
  every = -(-len(values) // _MAX_CELLS)
  labels = [
    'default' if v is None else hyperparameters.format_value(v) for v in values
  ]
  axis.set_ticks(
    range(0, len(values), every),
    [hyperparameters.cut(text, 7) for text in labels[::every]],
  )
  axis.set_tick_params(length=0, labelcolor=figure_style.INK)
  for label in axis.get_ticklabels():
    label.set_parse_math(False)
  axis.set_label_text(name, parse_math=False)


def _draw_cells(ax: axes.Axes, means: Mapping, shape: tuple[int, int]):
  grid = np.full(shape, np.nan)
  for cell, mean in means.items():
    grid[cell] = mean
  shares = (grid - np.nanmin(grid)) / max(np.ptp(list(means.values())), 1e-9)
  tints = colormaps['Blues'](0.08 + 0.72 * np.nan_to_num(shares))
  tints[np.isnan(grid)] = 1
  edges = [np.arange(n + 1) - 0.5 for n in shape[::-1]]
  gap = 2.5 if max(shape) <= _MAX_CELLS else 0.5
  ax.pcolormesh(*edges, tints, edgecolors='white', linewidth=gap)
  if max(shape) > _MAX_CELLS:
    return
  for (row, column), mean in np.ndenumerate(grid):
    text = '-' if np.isnan(mean) else f'{100 * mean:.2f}'
    looks = {'ha': 'center', 'va': 'center_baseline'}
    looks['color'] = 'white' if shares[row, column] >= 0.6 else figure_style.INK
    ax.text(column, row, text, size=9 if max(shape) <= 9 else 7, **looks)
