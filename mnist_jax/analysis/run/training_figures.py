"""Learning curves, confusion matrix and scores per class, as figures."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import axes, colormaps, colors, figure, lines, ticker

from mnist_jax.analysis import figure_style
from mnist_jax.analysis.run import digit_grids
from mnist_jax.data import class_names

SERIES = {'train': figure_style.SOLID, 'valid': figure_style.DASHED}
NAMES = {'train': 'training', 'valid': 'validation'}


@figure_style.applied
def training_curves(
  rows: Sequence[Mapping[str, float | None]],
  best_epoch: float | None,
  caption: str,
) -> figure.Figure:
  """Draw loss and accuracy of training and validation over the epochs.

  Args:
    rows: of `metrics.jsonl`, at least one; numbers that are missing, null or
      not finite leave a gap in their curve.
    best_epoch: where to put a mark, or None.
  """
  fig = figure_style.new_figure(
    3.35,
    'Training curves',
    f'accuracy at epoch {rows[-1]["epoch"]:g}: {_last_accuracies(rows)}',
    caption,
  )
  charts = [figure_style.add_axes(fig, x, 0.85, 2.7, 2.2) for x in (0.7, 4.05)]
  for ax, metric in zip(charts, ('loss', 'accuracy'), strict=True):
    _draw_curves(ax, rows, metric, best_epoch)
  losses = _values(rows, 'train/loss', 'valid/loss')
  scale_by_log(charts[0], losses, 'Loss')
  charts[1].yaxis.set_major_formatter(ticker.PercentFormatter(1))
  handles = list_handles(_present(rows))
  if best_epoch is not None:
    label = f'best by validation: epoch {best_epoch:g}'
    dots: figure_style.Looks = {'color': figure_style.GREY, 'linestyle': ':'}
    handles.append(lines.Line2D([], [], label=label, **dots))
  figure_style.add_legend(fig, 3, handles=handles)
  return fig


def _values(rows: Sequence[Mapping], *keys: str) -> np.ndarray:
  """Read columns one after the other; what is no number becomes NaN."""
  values = [row.get(key) for key in keys for row in rows]
  return np.array([math.nan if v is None else v for v in values], float)


def _present(rows: Sequence[Mapping]) -> list[str]:
  return [s for s in SERIES if any(f'{s}/loss' in row for row in rows)]


def _last_accuracies(rows: Sequence[Mapping]) -> str:
  last = {s: _values(rows[-1:], f'{s}/accuracy')[0] for s in _present(rows)}
  return ', '.join(f'{NAMES[s]} {value:.2%}' for s, value in last.items())


def _draw_curves(
  ax: axes.Axes, rows: Sequence[Mapping], metric: str, best_epoch: float | None
):
  ax.set(xlabel='epoch', title=metric.capitalize())
  ax.xaxis.set_major_locator(ticker.MaxNLocator(6, integer=True))
  ax.grid(axis='y')
  epochs = _values(rows, 'epoch')
  for split in _present(rows):
    values = _values(rows, f'{split}/{metric}')
    values[~np.isfinite(values)] = math.nan
    ax.plot(epochs, values, **SERIES[split] | mark_some(len(rows)))
  if all(np.isnan(line.get_ydata()).all() for line in ax.lines):
    ax.text(0.5, 0.5, 'not finite', transform=ax.transAxes, ha='center')
  if best_epoch is not None:
    ax.axvline(best_epoch, color=figure_style.GREY, linestyle=':', zorder=0)


def mark_some(num_points: int) -> figure_style.Looks:
  """Return looks with some 20 markers; more of them would hide the line."""
  return {'markersize': 3.5, 'markevery': max(1, num_points // 20)}


def scale_by_log(ax: axes.Axes, values: np.ndarray, title: str) -> None:
  """Switch to a log scale where a linear one would show only the start.

  Args:
    ax: the chart, with its curves.
    values: all that it shows.
    title: of the chart; on a log scale it says so.
  """
  finite = values[np.isfinite(values) & (values > 0)]
  if len(finite) and finite.max() > 20 * finite.min():
    ax.set_yscale('log')
    ax.set_title(f'{title} (log scale)')
    # Over many decades matplotlib skips some, and with subs it then skips all.
    subs = (1, 2, 5) if finite.max() < 1e4 * finite.min() else (1,)
    ax.yaxis.set_major_locator(ticker.LogLocator(subs=subs, numticks=8))
    ax.yaxis.set_major_formatter(ticker.FuncFormatter(lambda y, _: f'{y:g}'))
    ax.yaxis.set_minor_locator(ticker.NullLocator())


def list_handles(splits: Sequence[str]) -> list[lines.Line2D]:
  """List what the legend shows of these splits."""
  return [
    lines.Line2D([], [], markersize=3.5, label=NAMES[split], **SERIES[split])
    for split in splits
  ]


@figure_style.applied
def confusion_matrix(
  matrix: np.ndarray,
  caption: str,
  names: Sequence[str] = class_names.DIGITS,
) -> figure.Figure:
  """Draw all counts; only the mistakes are coloured, so the rare ones show.

  Of more than 30 classes only the colours are drawn.
  """
  mistakes = matrix * (1 - np.eye(len(matrix), dtype=int))
  named = not class_names.are_digits(names)
  ticks = _NameTicks(names)
  left, bottom, side = 0.95, 0.65, 5.4
  if named:
    left, bottom = ticks.reach + 0.55, ticks.reach + 0.4
    side = figure_style.WIDTH - figure_style.MARGIN - left
  fig = figure_style.new_figure(
    bottom + side + 0.15,
    f'Confusion matrix: {mistakes.sum():,} errors of {matrix.sum():,}',
    'darker blue: more mistakes of that kind (log scale); grey: read right',
    caption,
  )
  ax = figure_style.add_axes(fig, left, bottom, side, side)
  word = class_names.word(names)
  ax.set(xlabel=f'predicted {word}', ylabel=f'true {word}')
  ax.set(xticks=range(len(names)), yticks=range(len(names)))
  ax.tick_params(length=0, labelsize=11, labelcolor=figure_style.INK)
  ax.spines[:].set_visible(False)
  if named:
    ticks.write(ax, 'xy')
  size = min(11, 0.4 * 72 * side / len(names))  # Of 72 points to the inch.
  _draw_cells(ax, matrix, mistakes, size if len(names) <= 30 else 0)
  return fig


class _NameTicks:
  """Names at the ticks of an axis, short and small enough to fit."""

  def __init__(self, texts: Sequence[str]):
    self._texts = digit_grids.short_names(texts, 20)
    self._size = min(9, 240 / len(texts))
    longest = max(map(len, self._texts))
    self.reach = 0.65 * self._size * longest / 72  # Inches.

  def write(self, ax: axes.Axes, which: str) -> None:
    """Write them along 'x', upright, or along both axes of 'xy'."""
    looks: figure_style.Looks = {'size': self._size, 'parse_math': False}
    places = range(len(self._texts))
    ax.set_xticks(places, self._texts, rotation=90, **looks)
    if which == 'xy':
      ax.set_yticks(places, self._texts, **looks)


def _draw_cells(
  ax: axes.Axes, matrix: np.ndarray, mistakes: np.ndarray, size: float
):
  """Draw the cells, and their counts in letters of that size unless it is 0."""
  # From a visible tint for one mistake; zero stays white and the diagonal grey.
  tints = colors.LinearSegmentedColormap.from_list(
    'tints', colormaps['Blues'](np.linspace(0.15, 1, 64))
  )
  scale = colors.LogNorm(1, max(10, mistakes.max()))
  cells = tints(scale(np.maximum(mistakes, 1)))
  cells[mistakes == 0] = colors.to_rgba('white')
  cells[np.diag_indices(len(matrix))] = colors.to_rgba(figure_style.PALE)
  end = len(matrix) - 0.5
  ax.imshow(cells, extent=(-0.5, end, end, -0.5))
  if not size:
    return
  for (row, column), count in np.ndenumerate(matrix):
    dark = cells[row, column, :3].mean() < 0.5
    color = 'white' if dark else figure_style.INK if count else '#9a9a9a'
    looks: figure_style.Looks = {'ha': 'center', 'va': 'center_baseline'}
    ax.text(column, row, str(count or '·'), color=color, size=size, **looks)


@figure_style.applied
def per_class_bars(
  per_class: Sequence[Mapping[str, float]],
  caption: str,
  names: Sequence[str] = class_names.DIGITS,
) -> figure.Figure:
  """Draw what `classification.per_class` returned."""
  floor, word = _find_floor(per_class), class_names.word(names)
  scores = [f'{row["f1"]:.1%}' for row in per_class]
  named = not class_names.are_digits(names)
  short = digit_grids.short_names(names, 13 if named else 1)
  space = '  ' if named else '\n'
  texts = [f'{n}{space}{f1}' for n, f1 in zip(short, scores, strict=True)]
  ticks = _NameTicks(texts)
  bottom = ticks.reach + 0.45 if named else 0.75
  fig = figure_style.new_figure(
    bottom + 2.45,
    f'How well each {word} is read',
    f'the axis starts at {floor:.0%}; below each {word} is its F1, the '
    'harmonic mean of both',
    caption,
  )
  ax = figure_style.add_axes(fig, 0.85, bottom, 5.9, 2.35)
  _draw_scores(ax, per_class, floor, word)
  room = 0.06 * (1 - floor)  # So that no marker is cut at 100 %.
  ax.set(xlim=(-0.5, len(names) - 0.5), ylim=(floor, 1 + room))
  if named:
    ticks.write(ax, 'x')
  else:
    ax.set_xticks(range(10), texts)
  ax.tick_params(axis='x', length=0, labelcolor=figure_style.INK)
  ax.set_yticks(np.linspace(floor, 1, 6))
  ax.yaxis.set_major_formatter(ticker.PercentFormatter(1, decimals=1))
  ax.grid(axis='y')
  ax.set_axisbelow(True)
  figure_style.add_legend(fig, 2)
  return fig


def _draw_scores(
  ax: axes.Axes,
  per_class: Sequence[Mapping[str, float]],
  floor: float,
  word: str,
):
  looks = zip(_SCORES.items(), SERIES.values(), (-0.13, 0.13), strict=True)
  width = min(5, 100 / len(per_class))
  for (name, meaning), look, shift in looks:
    x = np.arange(len(per_class)) + shift
    y = [row[name] for row in per_class]
    ax.vlines(x, floor, y, color=look['color'], alpha=0.3, linewidth=width)
    look = look | {'linestyle': '', 'markersize': min(6, 1.2 * width)}
    ax.plot(x, y, **look, label=f'{name}: {meaning.format(word)}')


_SCORES = {
  'precision': 'answers of this {} that are right',
  'recall': 'images of this {} that are found',
}


def _find_floor(per_class: Sequence[Mapping[str, float]]) -> float:
  """Find a round share below all scores to start the axis at."""
  lowest = min(row[name] for row in per_class for name in _SCORES)
  floors = (0.99, 0.98, 0.95, 0.9, 0.8, 0.5)
  return next((floor for floor in floors if floor < lowest), 0.0)
