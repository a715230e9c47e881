"""One look for every figure: sizes in inches, colours that print well in grey.

Figures are drawn on `matplotlib.figure.Figure` objects. pyplot is never
imported, so a training process keeps no figure and no backend. The `caption` of
each figure is the line at its foot: what data, which recipe, which seeds.
"""

import io
import warnings
from typing import Any

import matplotlib
import numpy as np
from matplotlib import axes, figure, ticker
from matplotlib.backends import backend_agg
from PIL import Image

from mnist_jax.analysis import text_table

# Okabe and Ito's palette, told apart by every common kind of colour blindness.
BLUE, VERMILLION = '#0072B2', '#D55E00'
INK, GREY, PALE = '#1a1a1a', '#5f6368', '#ececec'

# How matplotlib draws one thing: colour, size, marker and so on.
Looks = dict[str, Any]
# Two lines told apart by colour, by line and by marker, so one may be missing.
SOLID: Looks = {'color': BLUE, 'linestyle': '-', 'marker': 'o'}
DASHED: Looks = {'color': VERMILLION, 'linestyle': '--', 'marker': 's'}

WIDTH, DPI = 7.0, 150  # Fits a printed page, and a phone with little zoom.
MARGIN, HEADER, FOOTER = 0.25, 0.8, 0.4
INNER_WIDTH = WIDTH - 2 * MARGIN

_RC: Any = {
  'font.family': 'DejaVu Sans',  # Ships with matplotlib: same picture anywhere.
  'font.size': 9,
  'axes.edgecolor': GREY,
  'axes.labelcolor': INK,
  'axes.spines.top': False,
  'axes.spines.right': False,
  'axes.titlelocation': 'left',
  'axes.titlesize': 10,
  'axes.grid': False,
  'grid.color': PALE,
  'xtick.color': GREY,
  'ytick.color': GREY,
  'legend.frameon': False,
}
# A decorator: inside, no matplotlibrc of the user changes a picture. Only the
# backend stays as it is, because to read it would import pyplot.
applied = matplotlib.rc_context(
  {k: v for k, v in matplotlib.rcParamsDefault.items() if k != 'backend'} | _RC
)


def new_figure(
  height: float, title: str, subtitle: str, caption: str
) -> figure.Figure:
  """Make an empty white page with its texts in place.

  Args:
    height: of the middle part, in inches; header and footer come on top.
    title: what is seen, in at most 60 characters.
    subtitle: how to read it, in at most 95 characters.
    caption: what does not fit is cut from its middle.
  """
  total = height + HEADER + FOOTER
  fig = figure.Figure(figsize=(WIDTH, total), dpi=DPI, facecolor='white')

  def write(text, inches, **kwargs):
    x, y = MARGIN / WIDTH, inches / total
    # A config name is free text: a dollar sign in it must not start a formula.
    fig.text(x, y, text, parse_math=False, va='center', **kwargs)

  write(title, total - 0.3, size=13, weight='bold', color=INK)
  write(subtitle, total - 0.57, size=9, color=GREY)
  line = text_table.shorten(text_table.one_line(caption), 90, keep_end=30)
  write(line, 0.2, size=8, color=GREY)
  return fig


def add_axes(
  fig: figure.Figure, left: float, bottom: float, width: float, height: float
) -> axes.Axes:
  """Place axes by inches from the lower left corner of the middle part."""
  fig_width, fig_height = fig.get_size_inches()
  box = (
    left / fig_width,
    (FOOTER + bottom) / fig_height,
    width / fig_width,
    height / fig_height,
  )
  return fig.add_axes(box)


def add_blank_axes(
  fig: figure.Figure, bottom: float, height: float
) -> axes.Axes:
  """Place axes without frame or ticks between the margins; see `add_axes`."""
  ax = add_axes(fig, MARGIN, bottom, INNER_WIDTH, height)
  ax.set_axis_off()
  return ax


def add_legend(fig: figure.Figure, ncols: int, **kwargs: Any) -> None:
  """Put the legend at the foot, above the caption."""
  place = (0.5, FOOTER / fig.get_figheight())
  fig.legend(loc='lower center', bbox_to_anchor=place, ncols=ncols, **kwargs)


def arrange_rows(
  ax: axes.Axes, bottom: float, top: float, xlabel: str, num_ticks: int
) -> None:
  """Set up axes for rows of names, with shares along x."""
  ax.set(ylim=(bottom, top), yticks=[], xlabel=xlabel)
  ax.spines['left'].set_visible(False)
  ax.grid(axis='x')
  ax.set_axisbelow(True)
  ax.xaxis.set_major_locator(ticker.MaxNLocator(num_ticks, steps=(1, 2, 5, 10)))
  ax.xaxis.set_major_formatter(percent_tick)


def write_cell(
  ax: axes.Axes, x: float, y: float, text: str, **looks: Any
) -> None:
  """Write a text beside such a row, right-aligned at x widths of the axes."""
  # A folder's name is free text: a dollar sign must not start a formula.
  looks = {'color': INK} | looks | {'ha': 'right', 'va': 'center_baseline'}
  short = text_table.shorten(text, 24, keep_end=11)
  place = ax.get_yaxis_transform()
  ax.text(x, y, short, transform=place, parse_math=False, **looks)


def percent_tick(share: float, _) -> str:
  """Format a share for `set_major_formatter`."""
  return f'{100 * share:g}%'


@applied
def to_png(fig: figure.Figure) -> bytes:
  """Draw a figure.

  Args:
    fig: any figure; its ticks are made only now, so the style applies again.

  Returns:
    The PNG file, 1050 pixels wide, in 128 colours: a third of the size, and
    no difference that the eye can see.
  """
  canvas = backend_agg.FigureCanvasAgg(fig)
  with warnings.catch_warnings():
    # The font has not all letters that names of files and classes have.
    warnings.filterwarnings('ignore', 'Glyph .* missing')
    canvas.draw()
  pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert('RGB')
  buffer = io.BytesIO()
  # Octrees take a sixth of the time that the default's median cuts take.
  few = pixels.quantize(
    128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
  )
  # They make the white paper, the colour of the corner, slightly grey.
  palette = np.array(few.getpalette()).reshape(-1, 3)
  palette[np.asarray(few)[0, 0]] = 255
  few.putpalette(palette.ravel().tolist())
  few.save(buffer, 'PNG')
  return buffer.getvalue()
