"""Several runs side by side, as matplotlib figures.

Throughout, `compared` is what `comparison.compare` returned, and `caption` is
the data set and the number of runs.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import axes, colormaps, figure

from mnist_jax.analysis import figure_style
from mnist_jax.analysis.compare import comparison
from mnist_jax.analysis.run import digit_grids, label_review
from mnist_jax.data import class_names as names_lib

_ROW, _LEFT = 0.27, 2.1  # Inches: one run's height, and where names end.
_MAX_IMAGES, _MAX_DIGITS = 56, 3
_MAX_WRITTEN = 12  # With more runs, a share does not fit into its cell.


@figure_style.applied
def accuracies(compared: Mapping, caption: str) -> figure.Figure:
  """Draw the accuracy of each run with its interval, the best at the top.

  The ensemble of all runs is drawn below them.
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
    _draw_run(ax, y, row, row['name'], 'o', figure_style.BLUE)
  last = len(rows) + 0.3
  _draw_run(ax, last, compared['ensemble'], 'ensemble', 'D', figure_style.INK)
  ax.axhline(len(rows) - 0.35, color=figure_style.PALE)
  figure_style.arrange_rows(ax, last + 0.6, -0.9, 'test accuracy', 6)
  for x, text in ((1.17, 'accuracy'), (1.36, 'errors')):
    figure_style.write_cell(ax, x, -0.95, text, color=figure_style.GREY, size=8)
  return fig


def _draw_run(
  ax: axes.Axes, y: float, row: Mapping, name: str, marker: str, color: str
):
  ax.plot(row['accuracy_interval'], [y, y], color=color, linewidth=1.5)
  ax.plot(row['accuracy'], y, marker, color=color, markersize=5.5)
  figure_style.write_cell(ax, -0.03, y, name)
  figure_style.write_cell(ax, 1.17, y, f'{row["accuracy"]:.2%}')
  figure_style.write_cell(ax, 1.36, y, f'{row["num_errors"]:,}')


@figure_style.applied
def agreement(compared: Mapping, caption: str) -> figure.Figure:
  """Draw how often each two runs read the same class, right or wrong.

  One square per pair; up to 12 runs have their shares in it.
  """
  names = [row['name'] for row in compared['runs']]
  word = names_lib.word(_class_names(compared))
  shares = np.array([pair['agreement'] for pair in compared['pairs']])
  cell = min(0.72, 4.35 / len(names))
  side = cell * len(names)
  fig = figure_style.new_figure(
    side + 0.4,
    f'Agreement: from {shares.min():.2%} to {shares.max():.2%}',
    f'percent of test images read as the same {word}; darker blue: more',
    caption,
  )
  ax = figure_style.add_axes(fig, _LEFT + 0.3, 0.1, side, side)
  _draw_agreement(ax, shares, len(names))
  size = min(9, 54 * cell)
  for place, name in enumerate(names):
    figure_style.write_cell(ax, -0.3 / side, place, name, size=size)
  grey: figure_style.Looks = {
    'labelcolor': figure_style.GREY,
    'labelsize': size,
  }
  ax.tick_params(length=0, top=False, **grey)
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
  looks: figure_style.Looks = {'ha': 'center', 'va': 'center_baseline'}
  cells = zip(rows.tolist(), columns.tolist(), shares, blues, strict=True)
  for row, column, share, tint in cells:
    looks['color'] = 'white' if tint[:3].mean() < 0.5 else figure_style.INK
    for x, y in ((row, column), (column, row)):
      ax.text(x, y, f'{100 * share:.1f}', size=8.5, **looks)


@figure_style.applied
def everyone_wrong(
  images: np.ndarray, compared: Mapping, caption: str
) -> figure.Figure:
  """Show up to 56 of the test images [N, 28, 28] that every run misread."""
  wrong = compared['everyone_wrong']
  shown = wrong[:_MAX_IMAGES]
  reviews = label_review.reviews_of(compared['dataset'])
  classes = _class_names(compared)
  word = names_lib.images(classes)
  return digit_grids.labelled_grid(
    images[[image['index'] for image in shown]],
    [_describe_image(image, reviews, classes) for image in shown],
    title=f'Misread by every run: {len(shown)} of {len(wrong)} test {word}',
    subtitle='true → read, by most runs first; #test index',
    reviews=reviews,
    caption=caption,
    named=not names_lib.are_digits(classes),
  )


def _class_names(compared: Mapping) -> Sequence[str]:
  return compared.get('class_names', names_lib.DIGITS)


def _describe_image(
  image: Mapping,
  reviews: Mapping[int, label_review.Review],
  classes: Sequence[str],
) -> tuple[str, str]:
  named = not names_lib.are_digits(classes)
  arrow, most = (' →\n', 1) if named else (' → ', _MAX_DIGITS)
  names = digit_grids.short_names(classes)
  read = [names[label] for label, _ in comparison.tally(image['predicted'])]
  more = '…' if len(read) > most else ''
  index = image['index']
  return (
    f'{names[image["true"]]}{arrow}{" ".join(read[:most])}{more}',
    f'#{index}{digit_grids.mark(reviews, index)}',
  )
