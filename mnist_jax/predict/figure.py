"""What was read in a picture: the picture, the 28x28 input, ten bars."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from matplotlib import axes, figure, patches

from mnist_jax.analysis import figure_style

_ROW = 1.55  # Inches.


@dataclasses.dataclass(frozen=True)
class Row:
  """One digit.

  Attributes:
    name: of the picture.
    pixels: [H, W] uint8 grey.
    box: x0, y0, x1, y1 of the digit, in these pixels.
    image: [28, 28] uint8, what the network saw.
    probabilities: [10] float in [0, 1].
  """

  name: str
  pixels: np.ndarray
  box: tuple[float, float, float, float]
  image: np.ndarray
  probabilities: np.ndarray


@figure_style.applied
def draw(rows: Sequence[Row], caption: str) -> figure.Figure:
  """Draw a row for each digit.

  Args:
    rows: at least one.
    caption: the weights that read them.

  Returns:
    A figure with one row per digit: its place in the picture, the network's
    input, and the ten probabilities.
  """
  fig = figure_style.new_figure(
    len(rows) * _ROW,
    f'{len(rows)} digit{"s" if len(rows) > 1 else ""} read',
    'the picture and the place of the digit; what the network saw; its answer',
    caption,
  )
  for place, row in enumerate(rows):
    bottom = (len(rows) - 1 - place) * _ROW + 0.3
    height = _ROW - 0.4
    _draw_picture(figure_style.add_axes(fig, 0.25, bottom, 2.4, height), row)
    _draw_input(figure_style.add_axes(fig, 2.85, bottom, height, height), row)
    _draw_bars(figure_style.add_axes(fig, 4.3, bottom, 2.45, height), row)
  return fig


def _draw_picture(ax: axes.Axes, row: Row):
  ax.imshow(row.pixels, cmap='gray', vmin=0, vmax=255, aspect='equal')
  x0, y0, x1, y1 = row.box
  ax.add_patch(
    patches.Rectangle(
      *((x0, y0), x1 - x0, y1 - y0),
      fill=False,
      edgecolor=figure_style.VERMILLION,
      linewidth=1.5,
    )
  )
  name = (
    row.name if len(row.name) <= 34 else f'{row.name[:20]}…{row.name[-13:]}'
  )
  ax.set_title(name, size=8, color=figure_style.GREY, parse_math=False, pad=3)
  ax.set_anchor('W')
  ax.set(xticks=(), yticks=())
  for spine in ax.spines.values():  # White paper ends where the page goes on.
    spine.set(visible=True, color=figure_style.PALE)


def _draw_input(ax: axes.Axes, row: Row):
  ax.imshow(row.image, cmap='gray', vmin=0, vmax=255, interpolation='nearest')
  ax.set_axis_off()


def _draw_bars(ax: axes.Axes, row: Row):
  best = int(row.probabilities.argmax())
  colours = [
    figure_style.VERMILLION if d == best else figure_style.GREY
    for d in range(10)
  ]
  ax.bar(range(10), row.probabilities, width=0.7, color=colours)
  sure = min(float(row.probabilities[best]), 0.999)  # Never a certainty.
  ax.set_title(f'{best}, {sure:.1%} sure', size=9, pad=3)
  ax.set(xticks=range(10), yticks=(), ylim=(0, 1))
  ax.spines['left'].set_visible(False)
  ax.tick_params(length=0, pad=2)
