"""An image of one digit, whole and cut to the digit with small margins."""

import pathlib

import numpy as np

# How an image is given to the readers: WHOLE, or cut to the digit's box with a
# margin of that share of its longer side.
WHOLE = 'whole'
MARGINS = {'margin 0%': 0, 'margin 5%': 0.05, 'margin 10%': 0.1}
VIEWS = [WHOLE, *MARGINS]


def look(path: pathlib.Path) -> dict[str, np.ndarray]:
  """Returns every view of an image file, [H, W] uint8.

  It is cut to the largest box that our pipeline finds; where it finds none, the
  image stays whole.
  """
  from mnist_jax.photos import pipeline

  picture = pipeline.read_picture(path)
  boxes = [digit.box for digit in picture.digits]
  views = {WHOLE: picture.pixels}
  for view, margin in MARGINS.items():
    largest = max(boxes, key=_area, default=(0, 0, *picture.size))
    views[view] = cut(picture.pixels, largest, picture.size, margin)
  return views


def _area(box: tuple[int, int, int, int]) -> int:
  x0, y0, x1, y1 = box
  return (x1 - x0) * (y1 - y0)


def cut(
  pixels: np.ndarray,
  box: tuple[int, int, int, int],
  size: tuple[int, int],
  margin: float,
) -> np.ndarray:
  """Cuts a picture to a box.

  Args:
    pixels: [H, W] uint8, perhaps a smaller copy of the original.
    box: x0, y0, x1, y1 in pixels of the original.
    size: width and height of the original.
    margin: kept around the box, as a share of its longer side.
  """
  x0, y0, x1, y1 = box
  room = margin * max(x1 - x0, y1 - y0)
  across, down = pixels.shape[1] / size[0], pixels.shape[0] / size[1]
  left, top = (x0 - room) * across, (y0 - room) * down
  right, bottom = (x1 + room) * across, (y1 + room) * down
  return pixels[
    max(0, round(top)) : round(bottom), max(0, round(left)) : round(right)
  ]
