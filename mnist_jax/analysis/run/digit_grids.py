"""The pictures made of digits, or others: images and arrays in, figures out.

Each grid is one mosaic on one axes. One axes per digit would read more simply
and take ten times as long to draw.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import axes, figure, patches

from mnist_jax.analysis import figure_style, text_table
from mnist_jax.analysis.run import classification, label_review
from mnist_jax.data import class_names as names_lib

_SIDE = 28
TEXT_CELL = (46, 37)  # Height and width in image pixels, with two text lines.
NAME_CELL = (49, 37)  # The same with a third line, as names need more room.
_BARE_CELL = (30, 30)
_NUM_PREDICTIONS, _MAX_ERRORS = 40, 56
_EXAMPLES_PER_DIGIT = 6
_LONGEST_NAME = 11  # Letters that fit beneath an image.


@dataclasses.dataclass(frozen=True, eq=False)
class PredictedDigits:
  """Test images and what a run read in them.

  Attributes:
    images: [N, 28, 28] uint8.
    labels: [N] int below the number of classes K.
    probabilities: [N, K] float in [0, 1].
    reviews: of labels, by test index; figures mark those images.
    caption: of the run.
    class_names: in the order of the labels.
  """

  images: np.ndarray
  labels: np.ndarray
  probabilities: np.ndarray
  reviews: Mapping[int, label_review.Review]
  caption: str
  class_names: Sequence[str] = names_lib.DIGITS

  @property
  def predicted(self) -> np.ndarray:
    """The classes that were read, [N] int."""
    return self.probabilities.argmax(axis=1)

  @property
  def confidence(self) -> np.ndarray:
    """How sure the run was of them, [N] float in [0, 1]."""
    return self.probabilities.max(axis=1)

  def write(self, index: int, *, sign: bool = True) -> str:
    """Write what an image is and was read as: '4 → 9 ✗', with its mark.

    Names have a line each.
    """
    label, predicted = self.labels[index], self.probabilities[index].argmax()
    right = f' {"✓" if label == predicted else "✗"}' if sign else ''
    arrow = ' → ' if names_lib.are_digits(self.class_names) else ' →\n'
    names = short_names(self.class_names)
    return (
      f'{names[label]}{arrow}{names[predicted]}{right}'
      f'{mark(self.reviews, index)}'
    )

  @property
  def named(self) -> bool:
    """Whether the classes have names, which need more room than digits."""
    return not names_lib.are_digits(self.class_names)

  @property
  def word(self) -> str:
    """What the images are called: digits, or images."""
    return names_lib.images(self.class_names)


def short_names(names: Sequence[str], length: int = _LONGEST_NAME) -> list[str]:
  """Return the names of classes, cut where they are longer than `length`."""
  return [text_table.shorten(name, length, length // 3) for name in names]


@figure_style.applied
def sample_digits(
  images: np.ndarray,
  labels: np.ndarray,
  caption: str,
  names: Sequence[str] = names_lib.DIGITS,
) -> figure.Figure:
  """Show the first training images of each class.

  Of digits these are six, one column per digit; others have their names.
  """
  if not names_lib.are_digits(names):
    return _sample_classes(images, labels, caption, names)
  columns = [
    np.flatnonzero(labels == d)[:_EXAMPLES_PER_DIGIT] for d in range(10)
  ]
  fig, ax = _new_grid(
    (_EXAMPLES_PER_DIGIT, 10),
    _BARE_CELL,
    title='Sample digits',
    subtitle='the first training images of each digit, one column per digit',
    caption=caption,
  )
  cells = [(row, d) for d, c in enumerate(columns) for row in range(len(c))]
  _draw_mosaic(ax, images[np.concatenate(columns)], cells, _BARE_CELL)
  return fig


def _sample_classes(
  images: np.ndarray, labels: np.ndarray, caption: str, names: Sequence[str]
) -> figure.Figure:
  # As many as divide a row of eight and do not fill more than a page.
  count = next(c for c in (8, 4, 2, 1) if c * len(names) <= 60 or c == 1)
  rows = [np.flatnonzero(labels == c)[:count] for c in range(len(names))]
  shown = np.concatenate(rows)
  short = short_names(names)
  first = f'the first {count} training images' if count > 1 else 'an image'
  return labelled_grid(
    images[shown],
    [(short[label], '') for label in labels[shown]],
    title=f'Sample images of {len(names)} classes',
    subtitle=f'{first} of each class',
    reviews={},
    caption=caption,
    named=True,
  )


@figure_style.applied
def predictions(digits: PredictedDigits) -> figure.Figure:
  """Show up to 40 random test images; the wrong ones have a cross and a frame.

  The choice is seeded by a constant: all runs on a data set show the same.
  """
  count = len(digits.labels)
  size = min(_NUM_PREDICTIONS, count)
  chosen = np.random.default_rng(0).choice(count, size, replace=False)
  wrong = (digits.predicted != digits.labels)[chosen]
  confidence = digits.confidence
  texts = [(digits.write(i), f'{confidence[i]:.1%}') for i in chosen]
  return labelled_grid(
    digits.images[chosen],
    texts,
    np.flatnonzero(wrong),
    title=f'{size} random test {digits.word}: {size - wrong.sum()} read right',
    subtitle='true → predicted, and confidence; ✗ and a frame mark an error',
    reviews=digits.reviews,
    caption=digits.caption,
    named=digits.named,
  )


@figure_style.applied
def misclassified(digits: PredictedDigits) -> figure.Figure:
  """Show up to 56 errors, the most confident first; without any, say so."""
  errors = classification.errors_by_confidence(
    digits.probabilities, digits.labels
  )
  if not len(errors):
    return _no_errors(digits)
  shown, confidence = errors[:_MAX_ERRORS], digits.confidence
  texts = [
    (digits.write(i, sign=False), f'{confidence[i]:.1%}  #{i}') for i in shown
  ]
  return labelled_grid(
    digits.images[shown],
    texts,
    title=f'Misread test {digits.word}: {len(shown)} of {len(errors)} errors',
    subtitle='true → predicted, confidence, #test index; surest first',
    reviews=digits.reviews,
    caption=digits.caption,
    named=digits.named,
  )


def mark(reviews: Mapping[int, label_review.Review], index: int) -> str:
  """Return what to print beside an image: '', or a space and * or †."""
  review = reviews.get(int(index))
  return '' if review is None else ' †' if review.disputed else ' *'


def _no_errors(digits: PredictedDigits) -> figure.Figure:
  title = f'Misread test {digits.word}: none'
  fig = figure_style.new_figure(
    1.2, title, 'no error, so no picture', digits.caption
  )
  ax = figure_style.add_blank_axes(fig, 0, 1.2)
  looks: figure_style.Looks = {'ha': 'center', 'va': 'center', 'size': 14}
  text = f'All {len(digits.labels):,} test images were read right.'
  ax.text(0.5, 0.5, text, color=figure_style.BLUE, **looks)
  return fig


def labelled_grid(
  images: np.ndarray,
  texts: Sequence[tuple[str, str]],
  framed: Sequence[int] | np.ndarray = (),
  *,
  reviews: Mapping[int, label_review.Review],
  subtitle: str,
  named: bool = False,
  **headings: str,
) -> figure.Figure:
  """Draw digits eight in a row, each with two lines of text beneath it.

  Args:
    images: [N, 28, 28] uint8.
    texts: N pairs of lines.
    framed: which of the N to frame.
    reviews: of labels; where there are any, the subtitle explains the marks.
    subtitle: of the figure.
    named: whether the first of each pair is one name or two, on a line each.
    **headings: `title` and `caption` of the figure.
  """
  if reviews:
    subtitle += '; label reviewed: * upheld, † disputed'
  cells = [divmod(i, 8) for i in range(len(images))]
  shape = math.ceil(len(images) / 8), 8
  cell = NAME_CELL if named else TEXT_CELL
  fig, ax = _new_grid(shape, cell, subtitle=subtitle, **headings)
  _draw_mosaic(ax, images, cells, cell)
  for (row, column), (first, second) in zip(cells, texts, strict=True):
    x, y = corner(row, column, cell)
    centre: figure_style.Looks = {
      'x': x + _SIDE / 2,
      'ha': 'center',
      'va': 'center',
      'parse_math': False,  # A dollar sign in a name is no formula.
    }
    down, size = (34, 6) if named else (33, 10)
    ax.text(y=y + down, s=first, size=size, **centre)
    down = 42 if named else 39
    ax.text(y=y + down, s=second, size=7, color=figure_style.GREY, **centre)
  looks: figure_style.Looks = {'color': figure_style.VERMILLION}
  for i in framed:
    place = corner(*cells[i], cell)
    ax.add_patch(
      patches.Rectangle(place, _SIDE, _SIDE, fill=False, lw=2.5, **looks)
    )
  return fig


def _new_grid(
  shape: tuple[int, int], cell: tuple[int, int], **headings: str
) -> tuple[figure.Figure, axes.Axes]:
  """Make axes whose unit is one pixel of a digit, the origin at the top."""
  height, width = shape[0] * cell[0], shape[1] * cell[1]
  inches = figure_style.INNER_WIDTH * height / width
  fig = figure_style.new_figure(inches, **headings)
  ax = figure_style.add_blank_axes(fig, 0, inches)
  ax.set(xlim=(0, width), ylim=(height, 0))
  return fig, ax


def _draw_mosaic(
  ax: axes.Axes,
  images: np.ndarray,
  cells: Sequence[tuple[int, int]],
  cell: tuple[int, int],
):
  width, height = grid_size(ax)
  mosaic = np.zeros((height, width), np.uint8)
  for image, (row, column) in zip(images, cells, strict=True):
    x, y = corner(row, column, cell)
    mosaic[y : y + _SIDE, x : x + _SIDE] = image
  # Dark ink on white paper, as it was written; MNIST stores it inverted.
  show_pixels(ax, mosaic, cmap='gray_r', vmin=0, vmax=255)


def show_pixels(ax: axes.Axes, pixels: np.ndarray, **looks) -> None:
  """Show an array in axes whose unit is one of its pixels, sharp-edged."""
  height, width = pixels.shape[:2]
  looks |= {'extent': (0, width, height, 0), 'interpolation': 'nearest'}
  ax.imshow(pixels, aspect='auto', **looks)


def grid_size(ax: axes.Axes) -> tuple[int, int]:
  """Return width and height of a grid, in pixels of its digits."""
  return int(max(ax.get_xlim())), int(max(ax.get_ylim()))


def corner(row: int, column: int, cell: tuple[int, int]) -> tuple[int, int]:
  """Find the upper left pixel (x, y) of a digit, centred in its column."""
  return column * cell[1] + (cell[1] - _SIDE) // 2, row * cell[0]
