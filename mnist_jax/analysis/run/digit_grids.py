"""The pictures made of digits: images and arrays in, figures out.

Each grid is one mosaic on one axes. One axes per digit would read more simply
and take ten times as long to draw.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import axes, figure, patches

from mnist_jax.analysis import figure_style
from mnist_jax.analysis.run import classification, label_review

_SIDE = 28
TEXT_CELL = (46, 37)  # Height and width in image pixels, with two text lines.
_BARE_CELL = (30, 30)
_NUM_PREDICTIONS, _MAX_ERRORS = 40, 56
_EXAMPLES_PER_DIGIT = 6


@figure_style.applied
def sample_digits(
  images: np.ndarray, labels: np.ndarray, caption: str
) -> figure.Figure:
  """Show the first six images of each digit.

  Args:
    images: [N, 28, 28] uint8, the training images.
    labels: [N] int in 0..9.
    caption: data set, config name and seed.

  Returns:
    A figure with one column per digit.
  """
  columns = [
    np.flatnonzero(labels == d)[:_EXAMPLES_PER_DIGIT] for d in range(10)
  ]
  fig, ax = _new_grid(
    _EXAMPLES_PER_DIGIT,
    10,
    _BARE_CELL,
    title='Sample digits',
    subtitle='the first training images of each digit, one column per digit',
    caption=caption,
  )
  cells = [(row, d) for d, c in enumerate(columns) for row in range(len(c))]
  _draw_mosaic(ax, images[np.concatenate(columns)], cells, _BARE_CELL)
  return fig


@figure_style.applied
def predictions(
  images: np.ndarray,
  labels: np.ndarray,
  probabilities: np.ndarray,
  reviews: Mapping[int, label_review.Review],
  caption: str,
) -> figure.Figure:
  """Show what the model said about test images drawn at random.

  Args:
    images: [N, 28, 28] uint8, the test images.
    labels: [N] int in 0..9.
    probabilities: [N, 10] float in [0, 1].
    reviews: of labels, by test index; those images are marked.
    caption: data set, config name and seed.

  Returns:
    A figure with up to 40 digits; the wrong ones carry a cross and a frame.
  """
  size = min(_NUM_PREDICTIONS, len(labels))
  # Seeded by a constant: all runs on a data set show the same images.
  chosen = np.random.default_rng(0).choice(len(labels), size, replace=False)
  predicted = probabilities[chosen].argmax(axis=1)
  wrong = predicted != labels[chosen]
  texts = [
    (
      f'{t} → {p} {"✗" if t != p else "✓"}{mark(reviews, i)}',
      f'{probabilities[i].max():.1%}',
    )
    for i, t, p in zip(chosen, labels[chosen], predicted, strict=True)
  ]
  return labelled_grid(
    images[chosen],
    texts,
    np.flatnonzero(wrong),
    title=f'{size} random test digits: {size - wrong.sum()} read right',
    subtitle='true → predicted, and confidence; ✗ and a frame mark an error'
    + legend(reviews),
    caption=caption,
  )


@figure_style.applied
def misclassified(
  images: np.ndarray,
  labels: np.ndarray,
  probabilities: np.ndarray,
  reviews: Mapping[int, label_review.Review],
  caption: str,
) -> figure.Figure:
  """Show the errors, the most confident first.

  Args:
    images: [N, 28, 28] uint8, the test images.
    labels: [N] int in 0..9.
    probabilities: [N, 10] float in [0, 1].
    reviews: of labels, by test index; those images are marked.
    caption: data set, config name and seed.

  Returns:
    A figure with up to 56 digits, or with one sentence if there is no error.
  """
  errors = classification.errors_by_confidence(probabilities, labels)
  if not len(errors):
    return _no_errors(len(labels), caption)
  shown = errors[:_MAX_ERRORS]
  texts = [
    (f'{labels[i]} → {p.argmax()}{mark(reviews, i)}', f'{p.max():.1%}  #{i}')
    for i, p in zip(shown, probabilities[shown], strict=True)
  ]
  return labelled_grid(
    images[shown],
    texts,
    (),
    title=f'Misread test digits: {len(shown)} of {len(errors)} errors',
    subtitle='true → predicted, confidence, #test index; surest first'
    + legend(reviews),
    caption=caption,
  )


def mark(reviews: Mapping[int, label_review.Review], index: int) -> str:
  """Return what to print beside an image: '', or a space and * or †."""
  review = reviews.get(int(index))
  return '' if review is None else ' †' if review.disputed else ' *'


def legend(reviews: Mapping[int, label_review.Review]) -> str:
  """Return what the marks mean, to be put behind a subtitle."""
  return '; label reviewed: * upheld, † disputed' if reviews else ''


def _no_errors(count: int, caption: str) -> figure.Figure:
  fig = figure_style.new_figure(
    1.2, 'Misread test digits: none', 'no error, so no picture', caption
  )
  ax = figure_style.add_axes(
    fig, figure_style.MARGIN, 0, figure_style.INNER_WIDTH, 1.2
  )
  ax.set_axis_off()
  text = f'All {count:,} test images were read right.'
  ax.text(
    0.5, 0.5, text, size=14, color=figure_style.BLUE, ha='center', va='center'
  )
  return fig


def labelled_grid(
  images: np.ndarray,
  texts: Sequence[tuple[str, str]],
  framed: Sequence[int],
  **headings: str,
) -> figure.Figure:
  """Draw digits eight in a row, each with two lines of text beneath it."""
  num_columns = 8
  num_rows = math.ceil(len(images) / num_columns)
  fig, ax = _new_grid(num_rows, num_columns, TEXT_CELL, **headings)
  cells = [divmod(i, num_columns) for i in range(len(images))]
  _draw_mosaic(ax, images, cells, TEXT_CELL)
  for (row, column), (first, second) in zip(cells, texts, strict=True):
    x, y = corner(row, column, TEXT_CELL)
    centre = {'x': x + _SIDE / 2, 'ha': 'center', 'va': 'center'}
    ax.text(y=y + 33, s=first, size=10, **centre)
    ax.text(y=y + 39, s=second, size=7, color=figure_style.GREY, **centre)
  for i in framed:
    x, y = corner(*cells[i], TEXT_CELL)
    ax.add_patch(
      patches.Rectangle(
        (x, y),
        _SIDE,
        _SIDE,
        fill=False,
        color=figure_style.VERMILLION,
        linewidth=2.5,
      )
    )
  return fig


def _new_grid(
  num_rows: int, num_columns: int, cell: tuple[int, int], **headings: str
) -> tuple[figure.Figure, axes.Axes]:
  """Make axes whose unit is one pixel of a digit, the origin at the top."""
  height, width = num_rows * cell[0], num_columns * cell[1]
  inches = figure_style.INNER_WIDTH * height / width
  fig = figure_style.new_figure(inches, **headings)
  ax = figure_style.add_axes(
    fig, figure_style.MARGIN, 0, figure_style.INNER_WIDTH, inches
  )
  ax.set_axis_off()
  ax.set(xlim=(0, width), ylim=(height, 0))
  return fig, ax


def _draw_mosaic(
  ax: axes.Axes,
  images: np.ndarray,
  cells: Sequence[tuple[int, int]],
  cell: tuple[int, int],
):
  (width, height) = (
    int(max(limits)) for limits in (ax.get_xlim(), ax.get_ylim())
  )
  mosaic = np.zeros((height, width), np.uint8)
  for image, (row, column) in zip(images, cells, strict=True):
    x, y = corner(row, column, cell)
    mosaic[y : y + _SIDE, x : x + _SIDE] = image
  # Dark ink on white paper, as it was written; MNIST stores it inverted.
  ax.imshow(
    mosaic,
    cmap='gray_r',
    vmin=0,
    vmax=255,
    extent=(0, width, height, 0),
    aspect='auto',
    interpolation='nearest',
  )


def corner(row: int, column: int, cell: tuple[int, int]) -> tuple[int, int]:
  """Find the upper left pixel (x, y) of a digit, centred in its column."""
  return column * cell[1] + (cell[1] - _SIDE) // 2, row * cell[0]
