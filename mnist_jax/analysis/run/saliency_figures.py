"""What the model looks for, and where it looks: filters and saliency maps."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib import axes, colors, figure, patches

from mnist_jax.analysis import figure_style
from mnist_jax.analysis.run import digit_grids, label_review
from mnist_jax.analysis.run import explanations as explanations_lib

_MAX_FILTERS, _MAX_DIGITS = 64, 16
_SIGNED = colors.LinearSegmentedColormap.from_list(
  'signed', [figure_style.BLUE, 'white', figure_style.VERMILLION], N=21
)
_GAP = 2  # Between the tiles, in weights; the number of a filter fits in it.


@figure_style.applied
def filters(
  explanations: explanations_lib.Explanations, caption: str
) -> figure.Figure:
  """Show the kernels of the first convolution.

  Args:
    explanations: of the run.
    caption: data set, config name and seed.

  Returns:
    A figure with one tile per kernel, up to 64, the strongest first, all on
    one scale of colours that is white at zero.
  """
  kernels = explanations.filters
  size, _, count = kernels.shape
  strength = np.square(kernels, dtype=float).sum(axis=(0, 1))
  shown = np.argsort(-strength, kind='stable')[:_MAX_FILTERS]
  num_columns = 8 if len(shown) <= 32 else 16
  num_rows = math.ceil(len(shown) / num_columns)
  inches = figure_style.INNER_WIDTH * num_rows / num_columns
  fig = figure_style.new_figure(
    inches + 0.75,
    f'First filters: {len(shown)} of {count}, {size} by {size} pixels',
    'the strongest first; beneath each its place in the layer',
    caption,
  )
  ax = figure_style.add_axes(
    fig, figure_style.MARGIN, 0.75, figure_style.INNER_WIDTH, inches
  )
  largest = float(abs(kernels).max()) or 1.0
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
  size = len(kernels)
  height, width = (n * (size + _GAP) for n in shape)
  mosaic = np.full((height, width), np.nan)
  for place, number in enumerate(shown):
    row, column = (n * (size + _GAP) for n in divmod(place, shape[1]))
    left = column + _GAP // 2
    mosaic[row : row + size, left : left + size] = kernels[..., number]
    style_of_frame = {
      'fill': False,
      'color': figure_style.GREY,
      'linewidth': 0.6,
    }
    ax.add_patch(patches.Rectangle((left, row), size, size, **style_of_frame))
    x, y = left + size / 2, row + size + _GAP / 2
    ax.text(
      x,
      y,
      str(number),
      size=7,
      color=figure_style.GREY,
      ha='center',
      va='center',
    )
  ax.imshow(
    mosaic,
    cmap=_SIGNED,
    vmin=-largest,
    vmax=largest,
    extent=(0, width, height, 0),
    aspect='auto',
    interpolation='nearest',
  )
  ax.set_axis_off()


def _draw_scale(fig: figure.Figure, largest: float):
  ax = figure_style.add_axes(fig, figure_style.WIDTH / 2 - 1, 0.4, 2, 0.15)
  ax.imshow(
    np.linspace(-1, 1, 21)[None],
    cmap=_SIGNED,
    extent=(-largest, largest, 0, 1),
    aspect='auto',
  )
  ticks = [-largest, 0, largest]
  ax.set(yticks=[], xticks=ticks, xticklabels=[f'{t:.2g}' for t in ticks])
  for x, side, words in (
    (-0.04, 'right', 'ink here lowers its response'),
    (1.04, 'left', 'ink here raises its response'),
  ):
    ax.text(x, 0.5, words, transform=ax.transAxes, ha=side, va='center')


@figure_style.applied
def saliency(
  explanations: explanations_lib.Explanations,
  images: np.ndarray,
  labels: np.ndarray,
  probabilities: np.ndarray,
  reviews: Mapping[int, label_review.Review],
  caption: str,
) -> figure.Figure:
  """Show which pixels sway the model, on the digits most worth a look.

  Args:
    explanations: of the run.
    images: [N, 28, 28] uint8, the test images.
    labels: [N] int in 0..9.
    probabilities: [N, 10] float in [0, 1].
    reviews: of labels, by test index; those images are marked.
    caption: data set, config name and seed.

  Returns:
    A figure with up to 16 digits, each as written and beside it with the
    saliency over pale ink; the strongest hundredth is drawn alike.
  """
  chosen = explanations.indices[:_MAX_DIGITS]
  ink = images[chosen]
  pale = (0.35 * ink).astype(np.uint8)
  texts = [
    text
    for i in chosen
    for text in _describe(i, labels[i], probabilities[i], reviews)
  ]
  fig = digit_grids.labelled_grid(
    np.stack([ink, pale], axis=1).reshape(-1, *ink.shape[1:]),
    texts,
    (),
    title=f'What sways the model: {len(chosen)} test digits',
    subtitle='orange pixels move the choice between the digits beneath'
    + digit_grids.legend(reviews),
    caption=caption,
  )
  _draw_overlay(fig.axes[0], explanations.saliency[:_MAX_DIGITS])
  return fig


def _describe(
  index: int,
  label: int,
  probabilities: np.ndarray,
  reviews: Mapping[int, label_review.Review],
) -> tuple[tuple[str, str], tuple[str, str]]:
  """Write what stands beneath a digit, and beneath its map."""
  *_, second, predicted = np.argsort(probabilities, kind='stable')
  wrong = predicted != label
  return (
    (
      f'{label} → {predicted} {"✗" if wrong else "✓"}'
      + digit_grids.mark(reviews, index),
      f'{probabilities[predicted]:.1%}  #{index}',
    ),
    (f'{predicted} or {label if wrong else second}?', ''),
  )


def _draw_overlay(ax: axes.Axes, maps: np.ndarray):
  width, height = (int(max(f())) for f in (ax.get_xlim, ax.get_ylim))
  strength = np.zeros((height, width))
  num_columns = width // digit_grids.TEXT_CELL[1]
  for i, one in enumerate(maps):
    x, y = digit_grids.corner(
      *divmod(2 * i + 1, num_columns), digit_grids.TEXT_CELL
    )
    # One pixel must not make all others pale.
    bright = max(np.quantile(one, 0.99), 1e-9)
    strength[y : y + len(one), x : x + len(one)] = np.minimum(one / bright, 1)
  ax.imshow(
    np.full((height, width, 3), colors.to_rgb(figure_style.VERMILLION)),
    alpha=strength,
    extent=(0, width, height, 0),
    aspect='auto',
    interpolation='nearest',
  )
