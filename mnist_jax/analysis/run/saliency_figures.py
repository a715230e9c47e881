"""What the model looks for, and where it looks: filters and saliency maps."""

import math

import numpy as np
from matplotlib import axes, colors, figure, patches

from mnist_jax.analysis import figure_style
from mnist_jax.analysis.run import digit_grids, load

_MAX_FILTERS, _MAX_DIGITS = 64, 16
_SIGNED = colors.LinearSegmentedColormap.from_list(
  'signed', [figure_style.BLUE, 'white', figure_style.VERMILLION], N=21
)
_GAP = 2  # Between the tiles, in weights; the number of a filter fits in it.


@figure_style.applied
def filters(kernels: np.ndarray, caption: str) -> figure.Figure:
  """Show up to 64 kernels of the first convolution, the strongest first.

  Args:
    kernels: [k, k, F] float; all share one scale of colours, white at zero.
  """
  size, _, count = kernels.shape
  strength = np.square(kernels, dtype=float).sum(axis=(0, 1))
  shown = np.argsort(-strength, kind='stable')[:_MAX_FILTERS]
  num_columns = 8 if len(shown) <= 32 else 16
  num_rows = math.ceil(len(shown) / num_columns)
  inches = figure_style.INNER_WIDTH * num_rows / num_columns
  fig = figure_style.new_figure(
    inches + 0.75,
    f'First filters: {len(shown)} of {count}, {size} by {size} pixels',
    'strongest first; below each is its number in the layer',
    caption,
  )
  ax = figure_style.add_blank_axes(fig, 0.75, inches)
  largest = float(np.abs(kernels).max()) or 1.0
  _draw_kernels(ax, kernels, shown, (num_rows, num_columns), largest)
  _draw_scale(fig, largest)
  return fig


def _draw_kernels(
  ax: axes.Axes,
  kernels: np.ndarray,
  shown: np.ndarray,
  shape: tuple[int, int],
  largest: float,
):
  """Draw all tiles as one mosaic, whose unit is one weight."""
  size, step = len(kernels), len(kernels) + _GAP
  mosaic = np.full((shape[0] * step, shape[1] * step), np.nan)
  frame: figure_style.Looks = {
    'fill': False,
    'color': figure_style.GREY,
    'linewidth': 0.6,
  }
  words: figure_style.Looks = {
    'color': figure_style.GREY,
    'ha': 'center',
    'va': 'center',
  }
  for place, number in enumerate(shown):
    row, column = (n * step for n in divmod(place, shape[1]))
    left = column + _GAP // 2
    mosaic[row : row + size, left : left + size] = kernels[..., number]
    ax.add_patch(patches.Rectangle((left, row), size, size, **frame))
    x, y = left + size / 2, row + size + _GAP / 2
    ax.text(x, y, str(number), size=7, **words)
  digit_grids.show_pixels(ax, mosaic, cmap=_SIGNED, vmin=-largest, vmax=largest)


def _draw_scale(fig: figure.Figure, largest: float):
  ax = figure_style.add_axes(fig, figure_style.WIDTH / 2 - 1, 0.4, 2, 0.15)
  extent = (-largest, largest, 0, 1)
  scale = np.linspace(-1, 1, 21)[None]
  ax.imshow(scale, cmap=_SIGNED, extent=extent, aspect='auto')
  ticks = [-largest, 0, largest]
  ax.set(yticks=[], xticks=ticks, xticklabels=[f'{t:.2g}' for t in ticks])
  for x, side, words in (
    (-0.04, 'right', 'ink here lowers its response'),
    (1.04, 'left', 'ink here raises its response'),
  ):
    ax.text(x, 0.5, words, transform=ax.transAxes, ha=side, va='center')


@figure_style.applied
def saliency(
  explanations: load.Explanations, digits: digit_grids.PredictedDigits
) -> figure.Figure:
  """Show which pixels sway the model, on the digits most worth a look.

  Up to 16 digits, each as written and beside it with the saliency over pale
  ink; the strongest hundredth of its pixels has one colour.
  """
  chosen = explanations.saliency_indices[:_MAX_DIGITS]
  ink = digits.images[chosen]
  pale = (0.35 * ink).astype(np.uint8)
  fig = digit_grids.labelled_grid(
    np.stack([ink, pale], axis=1).reshape(-1, *ink.shape[1:]),
    [text for i in chosen for text in _describe(digits, i)],
    title=f'What sways the model: {len(chosen)} test {digits.word}',
    subtitle='orange: pixels that matter most for the choice below',
    reviews=digits.reviews,
    caption=digits.caption,
    named=digits.named,
  )
  cell = digit_grids.NAME_CELL if digits.named else digit_grids.TEXT_CELL
  _draw_overlay(fig.axes[0], explanations.saliency[:_MAX_DIGITS], cell)
  return fig


def _describe(
  digits: digit_grids.PredictedDigits, index: int
) -> tuple[tuple[str, str], tuple[str, str]]:
  """Write what stands beneath a digit, and beneath its map."""
  label, probabilities = digits.labels[index], digits.probabilities[index]
  *_, second, predicted = np.argsort(probabilities, kind='stable')
  other = second if predicted == label else label
  confidence = f'{probabilities[predicted]:.1%}  #{index}'
  names = digit_grids.short_names(digits.class_names)
  space = '\n' if digits.named else ' '
  question = f'{names[predicted]} or{space}{names[other]}?'
  return (digits.write(index), confidence), (question, '')


def _draw_overlay(ax: axes.Axes, maps: np.ndarray, cell: tuple[int, int]):
  width, height = digit_grids.grid_size(ax)
  strength = np.zeros((height, width))
  for i, one in enumerate(maps):
    x, y = digit_grids.corner(*divmod(2 * i + 1, width // cell[1]), cell)
    # One pixel must not make all others pale.
    bright = max(np.quantile(one, 0.99), 1e-9)
    strength[y : y + len(one), x : x + len(one)] = np.minimum(one / bright, 1)
  color = colors.to_rgb(figure_style.VERMILLION)
  digit_grids.show_pixels(
    ax, np.full((height, width, 3), color), alpha=strength
  )
