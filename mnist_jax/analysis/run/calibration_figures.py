"""How far a model's confidence can be trusted, as matplotlib figures.

Confidences of MNIST models crowd just below 100 %. So axes of shares are
stretched by the number of nines: 90, 99 and 99.9 % are equally far apart.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import axes, axis, figure, ticker

from mnist_jax.analysis import figure_style, statistics

_MAX_NINES = 6  # What is nearer to 100 % is drawn as 100 %.
_SERIES = {
  'as trained': figure_style.SOLID,
  'after temperature scaling': figure_style.DASHED,
}
_MIN_COUNT = 10  # Bins of fewer images get no mark for their accuracy.


def _stretch(shares: Sequence[float] | np.ndarray, end: float) -> np.ndarray:
  """Count the nines of shares in [0, 1]; 100 % is placed at `end`."""
  doubts = 1 - np.asarray(shares, float)
  smallest = 10.0**-_MAX_NINES
  nines = -np.log10(np.maximum(doubts, smallest))
  return np.where(doubts < smallest, end, nines)


def _find_end(shares: Sequence[float] | np.ndarray) -> int:
  """Find the place of 100 %, one whole nine beyond all other shares."""
  nines = np.round(_stretch(shares, 0), 6)
  return 1 + max(1, int(np.ceil(nines.max(initial=0))))


def _label_stretched(one: axis.Axis, end: int):
  """Mark the nines, and between them 50, 80, 95, 98 % and so on."""
  majors = np.arange(end + 1)
  names = [f'{100 - 10.0 ** (2 - nines):g}%' for nines in majors[:-1]]
  one.set_ticks(majors, [*names, '100%'])
  steps = 1 - np.array([5, 2]) / 10 ** np.arange(1, end)[:, None]
  one.set_ticks(_stretch(steps.ravel(), end), minor=True)
  one.grid(True)
  one.axes.set_axisbelow(True)


@figure_style.applied
def reliability(
  before: Mapping, after: Mapping | None, caption: str
) -> figure.Figure:
  """Draw how often answers of a certain confidence are right.

  Args:
    before: what `calibration.measure` returned; its `ece` and `bins` are read.
    after: the same after temperature scaling, or None.
  """
  error = f'calibration error {before["ece"]:.2%}'
  if after:
    error += f', {after["ece"]:.2%} after temperature scaling'
  all_bins = [measured['bins'] for measured in (before, after) if measured]
  rows = [row for bins in all_bins for row in _worth_a_mark(bins)]
  end = _find_end([v for row in rows for v in (row['confidence'], *_span(row))])
  fig = figure_style.new_figure(
    5.35, 'How often it is right, at each confidence', error, caption
  )
  chart = figure_style.add_axes(fig, 0.95, 2.05, 5.7, 3.2)
  strip = figure_style.add_axes(fig, 0.95, 0.85, 5.7, 0.9)
  for (name, look), bins in zip(_SERIES.items(), all_bins, strict=False):
    _draw_curve(chart, _worth_a_mark(bins), end, {'label': name} | look)
    _draw_counts(strip, bins, end, look['color'])
  _finish_reliability(chart, strip, end)
  figure_style.add_legend(fig, 2)
  return fig


def _worth_a_mark(bins: Sequence[Mapping]) -> list[Mapping]:
  return [row for row in bins if row['count'] >= _MIN_COUNT]


def _span(row: Mapping) -> list[float]:
  """Return a bin's accuracy between the ends of its 95 % interval."""
  num_correct = round(row['accuracy'] * row['count'])
  low, high = statistics.wilson_interval(num_correct, row['count'])
  return [low, row['accuracy'], high]


def _draw_curve(
  ax: axes.Axes, rows: Sequence[Mapping], end: int, look: figure_style.Looks
):
  x = _stretch([row['confidence'] for row in rows], end)
  spans = np.array([_span(row) for row in rows]).reshape(-1, 3)
  low, y, high = _stretch(spans, end).T
  ax.plot(x, y, markersize=5, zorder=3, clip_on=False, **look)
  ax.vlines(x, low, high, color=look['color'], alpha=0.45, linewidth=1.5)


def _draw_counts(ax: axes.Axes, bins: Sequence[Mapping], end: int, color: str):
  low, high, counts = (
    np.array([row[key] for row in bins], float)
    for key in ('low', 'high', 'count')
  )
  left, right = _stretch(low, end), _stretch(high, end)
  # The second histogram is an outline only, so that it does not hide the first.
  surface = 'none' if ax.patches else (color, 0.3)
  look: figure_style.Looks = {'facecolor': surface, 'edgecolor': color}
  ax.bar(left, counts, right - left, align='edge', linewidth=1.2, **look)


def _finish_reliability(chart: axes.Axes, strip: axes.Axes, end: int):
  grey: figure_style.Looks = {'color': figure_style.GREY}
  chart.plot([0, end], [0, end], linestyle=':', zorder=0, **grey)
  for ax in (chart, strip):
    ax.set(xlim=(0, end))
    _label_stretched(ax.xaxis, end)
  chart.set(ylim=(0, end), ylabel='share right, and its 95 % interval')
  _label_stretched(chart.yaxis, end)
  chart.tick_params(labelbottom=False)
  words = grey | {'transform': chart.transAxes, 'style': 'italic'}
  chart.text(0.02, 0.95, 'underconfident', va='top', **words)
  chart.text(0.98, 0.04, 'overconfident', ha='right', **words)
  strip.set_ylabel('images')
  strip.set_xlabel(
    'confidence, stretched towards 100 %; '
    f'bins of fewer than {_MIN_COUNT} images have no mark'
  )
  _scale_counts(strip)


def _scale_counts(ax: axes.Axes):
  """Show counts on a log scale on which a single image can be seen."""
  ax.set_yscale('log')
  ax.set_ylim(0.7, max(10, 1.5 * ax.get_ylim()[1]))
  ax.yaxis.set_major_locator(ticker.LogLocator(numticks=5))
  ax.yaxis.set_major_formatter(ticker.FuncFormatter(lambda y, _: f'{y:,.0f}'))
  ax.yaxis.set_minor_locator(ticker.NullLocator())


@figure_style.applied
def confidence_histogram(
  confidence: np.ndarray, right: np.ndarray, caption: str
) -> figure.Figure:
  """Draw how sure the model was of its right and of its wrong answers.

  Args:
    confidence: [N] float in [0, 1].
    right: [N] bool, which answers are right.
  """
  end, num_right = _find_end(confidence), int(right.sum())
  fig = figure_style.new_figure(
    3.6,
    f'How sure it was: {num_right:,} right, {len(right) - num_right:,} wrong '
    'answers',
    'wrong answers far to the right are errors that confidence does not reveal',
    caption,
  )
  ax = figure_style.add_axes(fig, 0.95, 0.85, 5.7, 2.65)
  # Five bins to a nine, and one for what is drawn as 100 %.
  edges = np.append(np.linspace(0, end - 1, 5 * end - 4), end)
  for name, chosen, color, hatch in (
    ('right', confidence[right], figure_style.BLUE, ''),
    ('wrong', confidence[~right], figure_style.VERMILLION, '////'),
  ):
    counts, _ = np.histogram(_stretch(chosen, end), edges)
    look: figure_style.Looks = {'facecolor': (color, 0.3), 'hatch': hatch}
    look |= {'edgecolor': color, 'label': f'{name}: {len(chosen):,}'}
    ax.stairs(counts, edges, fill=True, linewidth=1.5, **look)
  ax.set(xlim=(0, end), xlabel='confidence, stretched towards 100 %')
  ax.set_ylabel('images (log scale)')
  _scale_counts(ax)
  _label_stretched(ax.xaxis, end)
  figure_style.add_legend(fig, 2)
  return fig


@figure_style.applied
def coverage(
  points: Sequence[Mapping[str, float]], caption: str
) -> figure.Figure:
  """Draw the error rate that is left when unsure answers are withheld.

  Args:
    points: what `calibration.coverage` returned.
  """
  points = sorted(points, key=lambda point: -point['coverage'])
  fig = figure_style.new_figure(
    3.7,
    'Errors left if unsure answers are withheld',
    _summarize(points),
    caption,
  )
  ax = figure_style.add_axes(fig, 0.95, 0.65, 5.7, 2.5)
  shares = [point['coverage'] for point in points]
  rates = [1 - point['accuracy'] for point in points]
  end = _find_end(shares)
  look = figure_style.SOLID | {'clip_on': False, 'zorder': 3}
  ax.plot(_stretch(shares, end), rates, markersize=4, **look)
  ax.set(xlim=(0, end), ylim=(0, max(1.15 * max(rates), 1e-3)))
  ax.set(xlabel='share answered, stretched towards 100 %')
  ax.set(ylabel='error rate of the answers given')
  ax.grid(axis='y')
  ax.yaxis.set_major_formatter(ticker.PercentFormatter(1))
  _label_stretched(ax.xaxis, end)
  _label_thresholds(ax, points, end)
  return fig


def _summarize(points: Sequence[Mapping[str, float]]) -> str:
  """Say in one line what the chart shows."""
  first, *others = points
  half = (1 - first['accuracy']) / 2
  better = [point for point in others if 1 - point['accuracy'] <= half]
  told = [first, *better[:1]] if half else [first]
  return '; '.join(
    f'{1 - point["accuracy"]:.2%} errors with '
    f'{100 * point["coverage"]:.4g}% answered'
    for point in told
  )


def _label_thresholds(ax: axes.Axes, points: Sequence[Mapping], end: int):
  """Write the lowest confidence above those points that leave it room."""
  ticks: dict[float, str] = {}
  for point in points:
    (place,) = _stretch([point['coverage']], end)
    if all(abs(place - other) >= 0.085 * end for other in ticks):
      share = point['threshold']
      ticks[place] = '>99.9%' if share > 0.999 else f'{share:.1%}'
  top = ax.twiny()
  top.spines.top.set_visible(True)
  top.set(xlim=ax.get_xlim(), xlabel='lowest confidence that is answered')
  top.set_xticks([*ticks], ticks.values(), size=8)
