"""What hyperparameters do to validation accuracy, as matplotlib figures.

The test split is no axis of any of them: a point is chosen by validation.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import axes, colormaps, figure, patches, ticker

from mnist_jax.analysis import seeds, style

_MAX_CELLS = 12  # Along a side; beyond, numbers do not fit.
_NO_VALIDATION = (
  'This sweep has no validation split, and the test split must not choose.',
  'Sweep again with --config.data.valid=writer_disjoint (or random); then this',
  'figure shows validation accuracy. The test accuracy of each point is in the',
  'table that python -m mnist_jax.analysis prints.',
)


def find_varied(points: Sequence[Mapping]) -> list[str]:
  """List the hyperparameters that have several values, in order.

  Args:
    points: dicts with `overrides`.

  Returns:
    Names such as 'optim.lr'; a point without it counts as another value.
  """
  names = {name: None for point in points for name in point['overrides']}
  return [
    name
    for name in names
    if len({repr(point['overrides'].get(name)) for point in points}) > 1
  ]


def draw(points: Sequence[Mapping], caption: str) -> figure.Figure | None:
  """Draw what fits the number of hyperparameters that vary.

  Args:
    points: of `seeds.summarize`, two or more.
    caption: data set, sweep and number of seeds.

  Returns:
    A line for one, a heat map for two, an explanation where there is no
    validation; None for more than two, which no page shows well.
  """
  varied = find_varied(points)
  if len(varied) not in (1, 2):
    return None
  if seeds.find_best(points) is None:
    return _explain(varied, caption)
  if len(varied) == 1:
    return line(points, varied[0], caption)
  return heat_map(points, *varied, caption)


@style.applied
def _explain(varied: Sequence[str], caption: str) -> figure.Figure:
  fig = style.new_figure(
    1.3, _title(varied), 'nothing to choose by: no validation split', caption
  )
  ax = style.add_axes(fig, style.MARGIN, 0, style.INNER_WIDTH, 1.3)
  ax.set_axis_off()
  text = '\n'.join(_NO_VALIDATION)
  ax.text(0, 0.9, text, va='top', color=style.INK, linespacing=1.5)
  return fig


def _title(varied: Sequence[str]) -> str:
  title = f'Validation accuracy by {" and ".join(varied)}'
  return title if len(title) <= 60 else f'{title[:59]}…'


def _note(points: Sequence[Mapping]) -> str:
  best = seeds.find_best(points)
  return (
    f'best by validation: {format_overrides(best["overrides"])}, with '
    f'{best["valid_accuracy"]["mean"]:.2%} (its test accuracy: '
    f'{best["test_accuracy"]["mean"]:.2%})'
  )


def format_overrides(overrides: Mapping[str, Any]) -> str:
  """Write hyperparameters as people say them: 'lr 0.03, beta1 0.9'."""
  return ', '.join(
    f'{name.rpartition(".")[2]} {format_value(value)}'
    for name, value in overrides.items()
  )


def format_value(value: Any) -> str:
  """Write a number as short as it is exact; anything else as it is."""
  plain = isinstance(value, bool) or not isinstance(value, int | float)
  return str(value) if plain else f'{value:.6g}'


@style.applied
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
  best = seeds.find_best(points)
  points = _sort(points, name)
  fig = style.new_figure(
    3.0,
    _title([name]),
    'thick: 95% interval of the mean over seeds; thin: from the worst seed to '
    'the best',
    caption,
  )
  fig.text(
    style.MARGIN / style.WIDTH,
    (style.FOOTER + 0.1) / fig.get_figheight(),
    _note(points),
    size=9,
    color=style.INK,
    parse_math=False,
  )
  ax = style.add_axes(fig, 0.85, 0.75, 5.9, 2.15)
  x = _place(ax, [point['overrides'].get(name) for point in points])
  for place, point in zip(x, points, strict=True):
    _draw_point(ax, place, point['valid_accuracy'], point is best)
  means = [point['valid_accuracy']['mean'] for point in points]
  if _is_numeric(points, name):  # Between words there is nothing.
    ax.plot(x, means, color=style.BLUE, linewidth=1, zorder=1)
  ax.set_xlabel(name, parse_math=False)
  ax.yaxis.set_major_locator(ticker.MaxNLocator(5))
  ax.yaxis.set_major_formatter(lambda share, _: f'{100 * share:.6g}%')
  ax.grid(axis='y')
  ax.set_axisbelow(True)
  return fig


def _is_numeric(points: Sequence[Mapping], name: str) -> bool:
  values = [point['overrides'].get(name) for point in points]
  return all(
    isinstance(v, int | float) and not isinstance(v, bool) for v in values
  )


def _sort(points: Sequence[Mapping], name: str) -> list[Mapping]:
  """Sort numbers; words keep the order of the sweep."""
  if not _is_numeric(points, name):
    return list(points)
  return sorted(points, key=lambda point: point['overrides'][name])


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
  labels = ['default' if v is None else format_value(v) for v in values]
  ax.set_xticks(x[shown], [_cut(labels[i], 14) for i in shown])
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


def _cut(text: str, length: int) -> str:
  return text if len(text) <= length else f'{text[: length - 1]}…'


def _draw_point(ax: axes.Axes, x: float, accuracy: Mapping, best: bool):
  ends = [accuracy['min'], accuracy['max']]
  if ends[0] < ends[1]:
    ax.plot([x, x], ends, '_-', color=style.BLUE, linewidth=1, markersize=7)
  if accuracy['ci95'] and accuracy['sd']:
    interval = np.clip(accuracy['ci95'], 0, 1)
    ax.plot([x, x], interval, color=style.BLUE, linewidth=4, alpha=0.4)
  colour, marker = (style.VERMILLION, 'D') if best else (style.BLUE, 'o')
  ax.plot(x, accuracy['mean'], marker, color=colour, markersize=6, zorder=3)


@style.applied
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
  fig = style.new_figure(
    height + 0.65, _title([across, down]), _note(points), caption
  )
  ax = style.add_axes(fig, 1.35, 0.6, width, height)
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
  best = seeds.find_best(points)
  row, column = _find_cell(best, columns, rows, across, down)
  corner = column - 0.47, row - 0.47
  looks = {'fill': False, 'edgecolor': style.VERMILLION, 'linewidth': 2.5}
  ax.add_patch(patches.Rectangle(corner, 0.94, 0.94, **looks))
  return fig


def _list_values(points: Sequence[Mapping], name: str) -> list[Any]:
  values = [p['overrides'].get(name) for p in _sort(points, name)]
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
  labels = ['default' if v is None else format_value(v) for v in values]
  axis.set_ticks(
    range(0, len(values), every), [_cut(text, 7) for text in labels[::every]]
  )
  axis.set_tick_params(length=0, labelcolor=style.INK)
  for label in axis.get_ticklabels():
    label.set_parse_math(False)
  axis.set_label_text(name, parse_math=False)


def _draw_cells(ax: axes.Axes, means: Mapping, shape: tuple[int, int]):
  low, high = min(means.values()), max(means.values())
  written = max(shape) <= _MAX_CELLS
  for row, column in np.ndindex(shape):
    mean = means.get((row, column))
    share = 0 if mean is None else (mean - low) / max(high - low, 1e-9)
    tint = colormaps['Blues'](0.08 + 0.72 * share)
    colour = style.INK if share < 0.6 else 'white'
    box = (column - 0.47, row - 0.47), 0.94, 0.94
    face = 'white' if mean is None else tint
    ax.add_patch(patches.Rectangle(*box, facecolor=face))
    if written or mean is None:
      text = '-' if mean is None else f'{100 * mean:.2f}'
      looks = {'ha': 'center', 'va': 'center_baseline', 'color': colour}
      ax.text(column, row, text, size=9 if max(shape) <= 9 else 7, **looks)
