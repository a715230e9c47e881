"""Measures the ink of a picture that is cut out close to its digits.

In such a crop there is too little paper to estimate its brightness around each
stroke, and strokes at the border look like a frame. But there is no shadow and
no table either: two levels of brightness, ink and paper, describe all of it.
Paper is added on all sides, so that the later stages see a whole picture.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.filters import threshold_otsu

from mnist_jax.photos import line_removal, segmentation

_LARGE = 120  # Pixels of the longer side; smaller crops are enlarged to it.
_MARGIN = 0.2  # Of a digit's size: the widest margin of a crop.
_BROAD = 0.36  # Of the longer side: wider than any stroke.
_THIN = 0.01  # Of a digit's size: thinner than any stroke.
_CLEAN = 0.25  # Of the contrast: the spread of the paper's brightness.
_MOST_NOISE = 0.04  # Of the contrast.
_SOFT = 0.3  # Of the picture: the edges of strokes are less, shadows more.
_ONE_SIDED = 0.7  # Of a side: a shadow covers so much more of one than a 1.
_TINY = 12  # Pixels; in a smaller picture strokes blur all of the paper.
_CONTRAST = 0.1  # Of white.
_LINE = 0.85  # Of a side: the length of a line along it.
_NEAR = 0.08  # Of a side: how near to it a line of a frame is.
_HAIRLINE = 0.06  # Of a side: the thickest line of a frame's rest.
_PAPER = 0.2  # Of the longer side: the paper added.


class Crop(NamedTuple):
  """The ink of a crop, with paper around it."""

  ink: np.ndarray  # [h, w] float32 in [0, 1].
  noise: float  # The standard deviation of `ink` on bare paper.
  margin: int  # Pixels of paper that were added on each side.


def measure(pixels: np.ndarray) -> Crop | None:
  """Measures the ink of a crop.

  Args:
    pixels: [H, W] uint8.

  Returns:
    Its ink, at least 120 pixels on the longer side before paper is added;
    None where the picture is no such crop.
  """
  found = _split(pixels)
  if found is None:
    return None
  ink, noise = found
  if len(pixels) > 3 * pixels.shape[1]:  # A 1, or not even that.
    if len(pixels) > segmentation.SCENE_SIDE and not _is_one(ink):
      return None
  elif not _is_close(ink, pixels.shape):
    return None
  if min(pixels.shape) > _TINY:
    ink = _remove_hairlines(ink)
  margin = round(_PAPER * max(ink.shape))
  return Crop(np.pad(ink, margin), noise, margin)


def _split(pixels: np.ndarray) -> tuple[np.ndarray, float] | None:
  """Splits a picture into ink and paper by brightness.

  Returns:
    The ink [h, w] float32 in [0, 1] and its noise; None where the paper is too
    uneven or the contrast too low.
  """
  grey = _resize(pixels).astype(np.float32) / 255
  if np.ptp(grey) < _CONTRAST:
    return None
  dark = grey <= threshold_otsu(grey)
  if _is_dark_paper(dark):
    grey, dark = 1 - grey, ~dark
  # The far end of the paper's brightness: the near end is blurred by strokes.
  median, paper, light = np.percentile(grey[~dark], (50, 75, 95))
  full = paper - np.percentile(grey[dark], 25)
  if full < _CONTRAST:
    return None
  if min(pixels.shape) > _TINY and light - median > _CLEAN * full:
    return None
  ink = np.clip((paper - grey) / full, 0, 1)
  return ink, min(float((light - paper) / full), _MOST_NOISE)


def _resize(pixels: np.ndarray) -> np.ndarray:
  scale = _LARGE / max(pixels.shape)
  if scale <= 1:
    return pixels
  size = [max(1, round(scale * side)) for side in pixels.shape[::-1]]
  return np.asarray(
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
  )


def _shrink(ink: np.ndarray) -> np.ndarray:
  scale = min(1, _LARGE / max(ink.shape))
  size = [max(1, round(scale * side)) for side in ink.shape[::-1]]
  return np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BOX))


def _is_dark_paper(dark: np.ndarray) -> bool:
  """Returns whether the darker class is the paper.

  It has most of the border and of the corners; of a narrow picture, which is
  likely to be a 1, most of the longer sides.
  """
  height, width = dark.shape
  sides = [dark[0], dark[-1], dark[:, 0], dark[:, -1]]
  if height > 2 * width:
    sides = sides[2:]
  elif width > 2 * height:
    sides = sides[:2]
  corners = dark[:: height - 1 or 1, :: width - 1 or 1]
  share = np.concatenate(sides).mean() + corners.mean()
  return bool(share > 1.1)


def _is_close(ink: np.ndarray, shape: tuple[int, ...]) -> bool:
  """Returns whether digits span the picture, and nothing else is in it."""
  labels, _ = ndimage.label(ink > 0.25, segmentation.NEIGHBOURS)
  boxes = ndimage.find_objects(labels)
  sizes = [max(side.stop - side.start for side in box) for box in boxes]
  main = int(np.argmax(sizes))
  others = [box for i, box in enumerate(boxes) if i != main]
  if any(_is_line(box, ink.shape) for box in others):
    return False
  part = labels == main + 1
  if _is_thin(part[boxes[main]]) or _count_lines(part) > 1:
    return False
  if boxes[main][1].stop - boxes[main][1].start > 1.5 * ink.shape[0]:
    return False
  small = max(shape) < segmentation.SCENE_SIDE  # It shows no scene.
  soft = 0.5 if small else 0.25
  # Small, so that grain does not break up a shadow.
  if _is_solid(ink > soft) or _is_solid(_shrink(ink) > soft):
    return False
  return small or _largest_margin(ink > 0.5) < _MARGIN


def _is_solid(mask: np.ndarray) -> bool:
  """Returns whether there is an area too broad for a stroke: a shadow."""
  height, width = mask.shape
  window = round(_BROAD * max(height, min(width, 1.5 * height)))
  return bool(ndimage.minimum_filter(mask, window, mode='constant').any())


def _is_thin(mask: np.ndarray) -> bool:
  """Returns whether a part is hairlines only, as squared paper is."""
  width = max(1, round(_THIN * max(mask.shape)))
  return not ndimage.minimum_filter(mask, width).any()


def _largest_margin(mask: np.ndarray) -> float:
  """Returns the widest margin, in times the size of a digit."""
  rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
  if not len(rows):
    return np.inf
  spans = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
  margins = (
    *(rows[0], len(mask) - rows[-1] - 1),
    *(columns[0], mask.shape[1] - columns[-1] - 1),
  )
  return max(margins) / min(max(spans), 1.5 * spans[0])


def _is_one(ink: np.ndarray) -> bool:
  """Returns whether a narrow crop has a stroke from top to bottom."""
  mask = ink > 0.5
  soft = ((ink > 0.25) & (ink < 0.75)).mean()
  left, right = mask[:, 0].mean(), mask[:, -1].mean()
  return bool(
    soft < _SOFT
    and abs(left - right) < _ONE_SIDED
    and mask.any(axis=1).mean() > 0.8
    and mask.mean() > 0.2
  )


def _is_line(box: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
  """Returns whether a part is a ruled line, or lies along a border."""
  for axis in (0, 1):
    if box[axis].stop - box[axis].start > 0.9 * shape[axis]:
      return True
    near = 0.03 * shape[axis]
    at_border = box[axis].start <= near or box[axis].stop >= shape[axis] - near
    length = box[1 - axis].stop - box[1 - axis].start
    if at_border and length > 0.3 * shape[1 - axis]:
      return True
  return False


def _count_lines(part: np.ndarray) -> int:
  """Returns along how many sides of the picture a part runs."""
  count = 0
  for axis, end in line_removal.SIDES:
    depth = max(2, round(_NEAR * part.shape[axis]))
    count += bool(line_removal.coverage(part, axis, end, depth) > _LINE)
  return count


def _remove_hairlines(ink: np.ndarray) -> np.ndarray:
  """Removes the thin rest of a frame from each border."""
  for _ in range(4):
    depth = round(_HAIRLINE * len(ink))
    covered = (ink[: 2 * depth] > 0.25).mean(axis=1)
    rows = np.flatnonzero(covered > 0.6)
    # The bar of a 7 is thicker, and goes on further inside.
    if len(rows) and rows[-1] < depth:
      ink = ink.copy()
      ink[: rows[-1] + 2] = 0
    ink = np.rot90(ink)
  return ink
