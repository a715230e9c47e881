"""Ink without the table around a sheet, printed frames and ruled paper."""

import numpy as np
from scipy import ndimage

from mnist_jax.photos import segmentation

_THROUGH = 0.6  # Of the picture's side: how long such a line must be.
_WHOLE = 0.75  # Of its own part's side: so are the lines of a frame or grid.
_SLACK = 0.02  # Of its length: how far a line may lean or bend to one side.
_DEPTH = 0.12  # Of a frame's side: where its lines are.
_EDGE = 0.4  # Of one edge: how much of it a table under the sheet covers.
_EIGHT = np.ones((3, 3), bool)
_MAX_PARTS = 30
_DETAILED = 64  # Smaller pictures are digits cut out, without a table.
_SMALLEST = 20  # Smaller pictures cannot show a line beside a digit.


def without_rules(ink: np.ndarray, noise: float) -> np.ndarray:
  """Removes what is no handwriting: broad or straight, and too long.

  Args:
    ink: [h, w] float32 in [0, 1].
    noise: its standard deviation on bare paper.

  Returns:
    The ink with 0 there, but for strokes that cross a line.
  """
  if min(ink.shape) < _SMALLEST:
    return ink
  whole = ink
  if min(ink.shape) >= _DETAILED:
    ink = _without_surroundings(ink)
  threshold = max(3.5 * noise, 0.04, 0.2 * segmentation.peak(ink))
  mask = ink > threshold
  lines, count = _through_lines(whole > threshold)
  kept = mask & ~lines
  frames, more = _frame_lines(kept)
  lines, count = lines | frames, count + more
  if not count or (count == 1 and not _enough(mask & ~lines)):
    return ink  # A single line and nothing else may be a 1.
  soft = ndimage.maximum_filter(lines, 3 if max(ink.shape) < _DETAILED else 5)
  return np.where(lines | (soft & ~mask), 0, ink)


def _without_surroundings(ink):
  """Removes broad areas that reach the border: a table around the sheet."""
  mask = ink > 0.15
  if _clear_of_border(mask, 1):
    return ink
  core = max(3, round(0.07 * min(ink.shape)))
  broad = ndimage.minimum_filter(mask.view(np.uint8), core)
  broad = ndimage.maximum_filter(broad, core)
  labels, count = ndimage.label(broad)
  outside = np.zeros(count + 1, bool)
  for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
    # Less of an edge may be a stroke that runs out of the picture.
    outside |= np.bincount(edge, minlength=count + 1) > _EDGE * len(edge)
  outside[0] = False
  outside = outside[labels]
  if not outside.any():
    return ink
  return np.where(ndimage.maximum_filter(outside, core), 0, ink)


def _clear_of_border(mask, depth):
  edges = mask[:depth], mask[-depth:], mask[:, :depth], mask[:, -depth:]
  return not any(edge.any() for edge in edges)


def _through_lines(mask):
  """Returns lines [h, w] that run through the picture or frame it."""
  lines, count = np.zeros_like(mask), 0
  if _clear_of_border(mask, 2 + round(_SLACK * max(mask.shape))):
    return lines, count
  small = min(mask.shape) < _DETAILED
  for axis in (0, 1):
    side, across = mask.shape[axis], mask.shape[1 - axis]
    labels, boxes = _straight(mask, axis, round(_THROUGH * side))
    for i, box in enumerate(boxes, 1):
      start, stop = box[1 - axis].start, box[1 - axis].stop
      through = box[axis].start <= 1 and box[axis].stop >= side - 1
      beside = start <= 1 or stop >= across - 1
      outer = stop < 0.2 * across or start > 0.8 * across
      # A digit that fills a small picture may run through its middle.
      if (outer and (through or beside)) or (through and not small):
        lines |= labels == i
        count += 1
  return lines, count


def _frame_lines(mask):
  """Returns the lines [h, w] of boxes, rows of boxes and grids."""
  lines, count = np.zeros_like(mask), 0
  labels, _ = ndimage.label(mask, _EIGHT)
  boxes = list(enumerate(ndimage.find_objects(labels), 1))
  boxes.sort(key=lambda item: -max(s.stop - s.start for s in item[1]))
  for i, box in boxes[:_MAX_PARTS]:
    part = labels[box] == i
    if min(part.shape) >= 12 and _is_frame(part):
      lines[box] |= _sides(part)
      count += 3
  return lines, count


def _is_frame(part):
  """Returns whether three sides of a part are closed, as no digit's are."""
  if part.mean() > 0.6:
    return False  # Nothing within: a 1 drawn with a ruler.
  return sum(_coverage(part, axis, end) > 0.9 for axis, end in _SIDES) >= 3


_SIDES = ((0, 0), (0, 1), (1, 0), (1, 1))


def _band(part, axis, end):
  depth = max(3, round(_DEPTH * part.shape[axis]))
  place = slice(-depth, None) if end else slice(depth)
  return (place, slice(None)) if axis == 0 else (slice(None), place)


def _coverage(part, axis, end):
  return part[_band(part, axis, end)].any(axis=axis).mean()


def _sides(part):
  """Returns the pixels of a frame's straight lines, at its sides and within."""
  lines = np.zeros_like(part)
  for axis in (0, 1):
    length = round(_WHOLE * part.shape[axis])
    lines |= _straight(part, axis, length, 2 * _SLACK)[0] > 0
  rest = part & ~lines
  labels, _ = ndimage.label(rest, _EIGHT)
  height, width = part.shape
  for i, (y, x) in enumerate(ndimage.find_objects(labels), 1):
    inside = (y.start + y.stop) / 2 / height, (x.start + x.stop) / 2 / width
    narrow = (y.stop - y.start) / height, (x.stop - x.start) / width
    if any(
      abs(place - 0.5) > 0.5 - _DEPTH and size < 2 * _DEPTH
      for place, size in zip(inside, narrow, strict=True)
    ):
      lines |= labels == i
  return lines


def _straight(mask, axis, length, slack=_SLACK):
  """Returns labels [h, w] and boxes of lines along `axis`, about straight."""
  slack = 2 * max(1, round(slack * length)) + 1
  pixels = ndimage.maximum_filter1d(mask.view(np.uint8), slack, 1 - axis)
  runs = ndimage.minimum_filter1d(pixels, length, axis, mode='nearest')
  runs = ndimage.maximum_filter1d(runs, length, axis, mode='nearest')
  labels, _ = ndimage.label(runs, _EIGHT)
  lines, boxes = np.zeros_like(labels), []
  for i, box in enumerate(ndimage.find_objects(labels), 1):
    line = mask[box] & (labels[box] == i)
    depths = line.sum(axis=1 - axis)
    thickness = np.median(depths[depths > 0]) if line.any() else 0
    if not 0 < thickness <= max(3, 0.15 * length):
      continue
    # Strokes that cross the line are deeper than the line itself.
    deep = _deeper(mask[box], int(1.6 * thickness) + 2, 1 - axis)
    lines[box] = np.where(line & ~deep, len(boxes) + 1, lines[box])
    boxes.append(box)
  return lines, boxes


def _deeper(mask, depth, axis):
  """Returns pixels in runs along `axis` of at least `depth`."""
  # Outside is no ink: a frame on the border is not as deep as its mirror.
  runs = ndimage.minimum_filter1d(
    mask.view(np.uint8), depth, axis, mode='constant'
  )
  # The even-length filter's other half, so that this is an opening.
  return ndimage.maximum_filter1d(runs, depth, axis, origin=-1 + depth % 2) > 0


def _enough(mask):
  """Returns whether something of a digit's size is left."""
  labels, _ = ndimage.label(mask, _EIGHT)
  return any(
    max(s.stop - s.start for s in box) > 0.2 * min(mask.shape)
    for box in ndimage.find_objects(labels)
  )
