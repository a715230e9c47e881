"""Several runs side by side, as matplotlib figures."""

from collections.abc import Mapping

import numpy as np
from matplotlib import axes, colormaps, figure, ticker

from mnist_jax.analysis import figure_style
from mnist_jax.analysis.compare import comparison
from mnist_jax.analysis.run import digit_grids, label_review

_ROW, _LEFT = 0.27, 2.1  # Inches: one run's height, and where names end.
_MAX_IMAGES, _MAX_DIGITS = 56, 3
# Up to here a share of four characters fits into its cell.
_MAX_WRITTEN = 12


@figure_style.applied
def accuracies(compared: Mapping, caption: str) -> figure.Figure:
  """Draw the accuracy of each run and of their ensemble, with intervals.

  Args:
    compared: what `comparison.compare` returned.
    caption: data set and number of runs.

  Returns:
    A figure with one line per run, the best at the top, the ensemble beneath.
  """
  rows = sorted(compared['runs'], key=lambda row: row['num_errors'])
  height = _ROW * (len(rows) + 1.8)
  fig = figure_style.new_figure(
    height + 0.75,
    f'Test accuracy of {len(rows)} runs',
    f'dot: share of {compared["count"]:,} test images read right; '
    'line: 95% Wilson interval',
    caption,
  )
  ax = figure_style.add_axes(fig, _LEFT, 0.5, 3.3, height)
  for y, row in enumerate(rows):
    _draw_run(ax, y, row, shorten(row['name']), 'o', figure_style.BLUE)
  ensemble = len(rows) + 0.3
  _draw_run(
    ax, ensemble, compared['ensemble'], 'ensemble', 'D', figure_style.INK
  )
  ax.axhline(len(rows) - 0.35, color=figure_style.PALE)
  _arrange_accuracies(ax, ensemble)
  return fig


def _draw_run(
  ax: axes.Axes, y: float, row: Mapping, name: str, marker: str, colour: str
):
  ax.plot(row['accuracy_interval'], [y, y], color=colour, linewidth=1.5)
  ax.plot(row['accuracy'], y, marker, color=colour, markersize=5.5)
  texts = {
    -0.03: name,
    1.17: f'{row["accuracy"]:.2%}',
    1.36: f'{row["num_errors"]:,}',
  }
  for x, text in texts.items():
    write_beside(ax, x, y, text, color=figure_style.INK)


def write_beside(ax: axes.Axes, x: float, y: float, text: str, **kwargs):
  """Write right-aligned at x in widths of the axes, and y in rows."""
  # A folder's name is free text: a dollar sign must not start a formula.
  kwargs |= {'ha': 'right', 'va': 'center_baseline', 'parse_math': False}
  ax.text(x, y, text, transform=ax.get_yaxis_transform(), **kwargs)


def _arrange_accuracies(ax: axes.Axes, last: float):
  ax.set(ylim=(last + 0.6, -0.9), yticks=[], xlabel='test accuracy')
  ax.spines['left'].set_visible(False)
  ax.grid(axis='x')
  ax.set_axisbelow(True)
  ax.xaxis.set_major_locator(ticker.MaxNLocator(6, steps=(1, 2, 5, 10)))
  ax.xaxis.set_major_formatter(lambda share, _: f'{100 * share:g}%')
  for x, text in ((1.17, 'accuracy'), (1.36, 'errors')):
    write_beside(ax, x, -0.95, text, color=figure_style.GREY, size=8)


def shorten(name: str) -> str:
  """Cut from the middle what would run off the page; the seed stays."""
  return name if len(name) <= 24 else f'{name[:12]}…{name[-11:]}'


@figure_style.applied
def agreement(compared: Mapping, caption: str) -> figure.Figure:
  """Draw how often each two runs read the same digit, right or wrong.

  Args:
    compared: what `comparison.compare` returned.
    caption: data set and number of runs.

  Returns:
    A figure with one square per pair; up to 12 runs have their shares in it.
  """
  names = [row['name'] for row in compared['runs']]
  shares = np.array([pair['agreement'] for pair in compared['pairs']])
  cell = min(0.72, 4.35 / len(names))
  side = cell * len(names)
  fig = figure_style.new_figure(
    side + 0.4,
    f'Agreement: from {shares.min():.2%} to {shares.max():.2%}',
    'percent of test images read alike; the stronger the blue, the more',
    caption,
  )
  ax = figure_style.add_axes(fig, _LEFT + 0.3, 0.1, side, side)
  _draw_agreement(ax, shares, len(names))
  size = min(9, 54 * cell)
  for place, name in enumerate(names):
    x = -0.3 / side
    write_beside(ax, x, place, shorten(name), color=figure_style.INK, size=size)
  ax.tick_params(
    length=0, labelsize=size, labelcolor=figure_style.GREY, top=False
  )
  ax.set(xticks=range(len(names)), xticklabels=range(1, len(names) + 1))
  ax.set(yticks=range(len(names)), yticklabels=range(1, len(names) + 1))
  return fig


def _draw_agreement(ax: axes.Axes, shares: np.ndarray, count: int):
  rows, columns = np.triu_indices(count, 1)
  tints = np.full((count, count, 4), 1.0)
  tints[np.diag_indices(count)] = colormaps['Greys'](0.1)
  spread = max(np.ptp(shares), 1e-9)
  blues = colormaps['Blues'](0.08 + 0.72 * (shares - shares.min()) / spread)
  tints[rows, columns] = tints[columns, rows] = blues
  ax.imshow(tints, aspect='auto')
  ax.spines[:].set_visible(False)
  ax.xaxis.tick_top()
  if count > _MAX_WRITTEN:
    return
  for row, column, share, tint in zip(
    rows, columns, shares, blues, strict=True
  ):
    colour = 'white' if tint[:3].mean() < 0.5 else figure_style.INK
    text = {'s': f'{100 * share:.1f}', 'color': colour, 'size': 8.5}
    for x, y in ((row, column), (column, row)):
      ax.text(x, y, ha='center', va='center_baseline', **text)


@figure_style.applied
def everyone_wrong(
  images: np.ndarray, compared: Mapping, caption: str
) -> figure.Figure:
  """Show the test images that every run misread, in the test set's order.

  Args:
    images: [N, 28, 28] uint8, all test images.
    compared: what `comparison.compare` returned, with one such image or more.
    caption: data set and number of runs.

  Returns:
    A figure with up to 56 digits.
  """
  wrong = compared['everyone_wrong']
  shown = wrong[:_MAX_IMAGES]
  reviews = label_review.reviews_of(compared['dataset'])
  return digit_grids.labelled_grid(
    images[[image['index'] for image in shown]],
    [_describe_image(image, reviews) for image in shown],
    (),
    title=f'Misread by every run: {len(shown)} of {len(wrong)} test digits',
    subtitle='true → read, by most runs first; #test index'
    + digit_grids.legend(reviews),
    caption=caption,
  )


def _describe_image(
  image: Mapping, reviews: Mapping[int, label_review.Review]
) -> tuple[str, str]:
  digits = [str(digit) for digit, _ in comparison.tally(image['predicted'])]
  more = '…' if len(digits) > _MAX_DIGITS else ''
  index = image['index']
  return (
    f'{image["true"]} → {" ".join(digits[:_MAX_DIGITS])}{more}',
    f'#{index}{digit_grids.mark(reviews, index)}',
  )
