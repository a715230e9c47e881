"""One look for every figure: sizes in inches, colours that survive grey.

Figures are drawn on `matplotlib.figure.Figure` objects. pyplot is never
imported, so a training process keeps no figure and no backend.
"""

import io

import matplotlib
import numpy as np
from matplotlib import axes, figure
from matplotlib.backends import backend_agg
from PIL import Image

# Okabe and Ito's palette, told apart by every common kind of colour blindness.
BLUE, VERMILLION = '#0072B2', '#D55E00'
INK, GREY, PALE = '#1a1a1a', '#5f6368', '#ececec'

WIDTH, DPI = 7.0, 150  # Fits a printed page, and a phone with little zoom.
MARGIN, HEADER, FOOTER = 0.25, 0.8, 0.4
INNER_WIDTH = WIDTH - 2 * MARGIN

_RC = {
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
    caption: the run that it shows, at the foot.

  Returns:
    A figure 7 inches wide.
  """
  total = height + HEADER + FOOTER
  fig = figure.Figure(figsize=(WIDTH, total), dpi=DPI, facecolor='white')

  def write(text, inches, **kwargs):
    x, y = MARGIN / WIDTH, inches / total
    # A config name is free text: a dollar sign in it must not start a formula.
    fig.text(x, y, text, parse_math=False, va='center', **kwargs)

  write(title, total - 0.3, size=13, weight='bold', color=INK)
  write(subtitle, total - 0.57, size=9, color=GREY)
  write(_shorten(caption), 0.2, size=8, color=GREY)
  return fig


def _shorten(caption: str) -> str:
  """Cut from the middle what would run off the page; the seed stays."""
  line = ' '.join(caption.split())
  return line if len(line) <= 90 else f'{line[:59]}…{line[-30:]}'


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
  canvas.draw()
  pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert('RGB')
  buffer = io.BytesIO()
  # Octrees take a sixth of the time that the default's median cuts take.
  few = pixels.quantize(
    128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
  )
  # They leave the paper, the corner's colour, a little grey.
  palette, paper = few.getpalette(), 3 * few.getpixel((0, 0))
  palette[paper : paper + 3] = [255] * 3
  few.putpalette(palette)
  few.save(buffer, 'PNG')
  return buffer.getvalue()
