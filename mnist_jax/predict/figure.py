"""Draws digits that were read: the picture, the 28x28 input, ten bars."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from matplotlib import axes, figure, patches

from mnist_jax.analysis import figure_style
from mnist_jax.cli import printable
from mnist_jax.photos import pipeline
from mnist_jax.predict import digit_reader

_ROW_HEIGHT = 1.55  # Inches.


@dataclasses.dataclass(frozen=True)
class Row:
  """One digit, and the picture that it is from."""

  name: str  # Of the picture.
  picture: pipeline.Picture
  prediction: digit_reader.Prediction


@figure_style.applied
def draw(rows: Sequence[Row], caption: str) -> figure.Figure:
  """Draws a row for each digit.

  Args:
    rows: at least one.
    caption: names the weights that read them.

  Returns:
    A figure with one row per digit: its place in the picture, the network's
    input, and the ten probabilities.
  """
  fig = figure_style.new_figure(
    len(rows) * _ROW_HEIGHT,
    f'{len(rows)} digit{"s" if len(rows) > 1 else ""} read',
    'the picture and the place of the digit; what the network saw; its answer',
    caption,
  )
  height = _ROW_HEIGHT - 0.4
  for place, row in enumerate(rows):
    bottom = (len(rows) - 1 - place) * _ROW_HEIGHT + 0.3
    _draw_picture(figure_style.add_axes(fig, 0.25, bottom, 2.4, height), row)
    _draw_input(
      figure_style.add_axes(fig, 2.85, bottom, height, height),
      row.prediction.image,
    )
    _draw_bars(
      figure_style.add_axes(fig, 4.3, bottom, 2.45, height), row.prediction
    )
  return fig


def _draw_picture(ax: axes.Axes, row: Row) -> None:
  pixels = row.picture.pixels
  ax.imshow(pixels, cmap='gray', vmin=0, vmax=255, aspect='equal')
  # The box is in pixels of the original, which may have been larger.
  across = pixels.shape[1] / row.picture.size[0]
  down = pixels.shape[0] / row.picture.size[1]
  x0, y0, x1, y1 = row.prediction.box
  ax.add_patch(
    patches.Rectangle(
      *((x0 * across, y0 * down), (x1 - x0) * across, (y1 - y0) * down),
      fill=False,
      edgecolor=_colour(row.prediction),
      linestyle='--' if row.prediction.verdict == 'no digit' else '-',
      linewidth=1.5,
    )
  )
  name = printable.escape(row.name)
  if len(name) > 34:
    name = f'{name[:20]}…{name[-13:]}'
  ax.set_title(name, size=8, color=figure_style.GREY, parse_math=False, pad=3)
  ax.set_anchor('W')
  ax.set(xticks=(), yticks=())
  for spine in ax.spines.values():  # White paper needs a border on the page.
    spine.set(visible=True, color=figure_style.PALE)


def _draw_input(ax: axes.Axes, image: np.ndarray) -> None:
  ax.imshow(image, cmap='gray', vmin=0, vmax=255, interpolation='nearest')
  ax.set_axis_off()


def _draw_bars(ax: axes.Axes, prediction: digit_reader.Prediction) -> None:
  colours = [
    _colour(prediction) if digit == prediction.digit else figure_style.GREY
    for digit in range(10)
  ]
  ax.bar(range(10), prediction.probabilities, width=0.7, color=colours)
  ax.set_title(_describe(prediction), size=9, pad=3)
  ax.set(xticks=range(10), yticks=(), ylim=(0, 1))
  ax.spines['left'].set_visible(False)
  ax.tick_params(length=0, pad=2)


def _describe(prediction: digit_reader.Prediction) -> str:
  confidence = min(prediction.confidence, 0.999)  # Never rounded to 100 %.
  text = {
    'sure': f'{prediction.digit}, {confidence:.1%} sure',
    'unsure': f'not sure: {prediction.digit} or {prediction.runner_up}, '
    f'{confidence:.1%}',
    'no digit': f'not a digit (best guess {prediction.digit}, '
    f'{confidence:.0%})',
  }[prediction.verdict]
  return f'{text}, touching' if prediction.touching else text


def _colour(prediction: digit_reader.Prediction) -> str:
  if prediction.verdict == 'no digit':
    return figure_style.GREY
  return figure_style.VERMILLION
