"""Removes printed frames, ruled and squared paper, and surrounding tables."""

import numpy as np
from scipy import ndimage

from mnist_jax.photos import segmentation

_THROUGH = 0.6  # Of the picture's side: the length of a line through it.
_LONG = 1.7  # Of a digit's height: longer than any stroke of a digit.
_WHOLE = 0.75  # Of a frame's side: the length of a line of a frame or grid.
_SLACK = 0.02  # Of its length: how far a line may lean or bend to one side.
_DEPTH = 0.12  # Of a frame's side: how far from it its lines may be.
_TABLE = 0.4  # Of a border: how much of it a table under the sheet covers.
# What is left is only a rest of the lines where its strongest ink is below both
# of these: this much,
_FAINT = 0.2
_RESIDUE = 2.0  # and so many times the ink that was removed.
_MAX_PARTS = 30
_SMALLEST = 20  # Pixels; smaller pictures cannot show a line beside a digit.
SIDES = ((0, 0), (0, 1), (1, 0), (1, 1))  # Axis, and first or last end.


def remove_ruled_lines(ink: np.ndarray, noise: float) -> np.ndarray:
  """Removes what is too long and straight, or too broad, to be handwriting.

  Args:
    ink: [h, w] float32 in [0, 1].
    noise: the standard deviation of `ink` on bare paper.

  Returns:
    The ink [h, w], 0 on lines, except where strokes cross them.
  """
  if min(ink.shape) < _SMALLEST:
    return ink
  whole = ink
  if min(ink.shape) >= segmentation.SCENE_SIDE:
    ink = _remove_surroundings(ink)
  threshold = segmentation.threshold(noise, 0.2 * segmentation.peak(ink))
  mask = ink > threshold
  lines, count = _find_lines_through(whole > threshold)
  frames, num_frame_lines = _find_frames(mask & ~lines)
  lines, count = lines | frames, count + num_frame_lines
  long, num_long = _find_long_lines(mask & ~lines)
  lines, count = lines | long, count + num_long
  if not count or (count == 1 and not _holds_digit(mask & ~lines)):
    return ink  # A single line and nothing else may be a 1.
  width = 3 if max(ink.shape) < segmentation.SCENE_SIDE else 5
  soft = ndimage.maximum_filter(lines, width)
  rest = np.where(lines | (soft & ~mask), 0, ink)
  return np.zeros_like(ink) if _is_residue(rest, ink) else rest


def _is_residue(rest: np.ndarray, ink: np.ndarray) -> bool:
  """Returns whether what is left of `ink` is only the rest of faint lines."""
  removed = ink[rest < ink]
  if not len(removed):
    return False
  least = min(_FAINT, _RESIDUE * np.percentile(removed, 75))
  return segmentation.peak(rest) < least


def _remove_surroundings(ink: np.ndarray) -> np.ndarray:
  """Removes broad areas that reach the border: a table around the sheet."""
  mask = ink > 0.15
  if _is_border_clear(mask, 1):
    return ink
  core = max(3, round(0.07 * min(ink.shape)))
  broad = ndimage.minimum_filter(mask.view(np.uint8), core)
  broad = ndimage.maximum_filter(broad, core)
  labels, count = ndimage.label(broad)
  outside = np.zeros(count + 1, bool)
  for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
    # Less of a border may be a stroke that leaves the picture.
    covered = np.bincount(border, minlength=count + 1)
    outside |= covered > _TABLE * len(border)
  outside[0] = False
  outside = outside[labels]
  if not outside.any():
    return ink
  return np.where(ndimage.maximum_filter(outside, core), 0, ink)


def _is_border_clear(mask: np.ndarray, depth: int) -> bool:
  borders = mask[:depth], mask[-depth:], mask[:, :depth], mask[:, -depth:]
  return not any(border.any() for border in borders)


def _find_lines_through(mask: np.ndarray) -> tuple[np.ndarray, int]:
  """Finds lines that run through the picture, or along its border.

  Returns:
    Their pixels [h, w] bool, and their number.
  """
  lines, count = np.zeros_like(mask), 0
  if _is_border_clear(mask, 2 + round(_SLACK * max(mask.shape))):
    return lines, count
  small = min(mask.shape) < segmentation.SCENE_SIDE
  for axis in (0, 1):
    side, across = mask.shape[axis], mask.shape[1 - axis]
    labels, boxes = _find_straight(mask, axis, round(_THROUGH * side))
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


def _find_frames(mask: np.ndarray) -> tuple[np.ndarray, int]:
  """Finds the lines of boxes, rows of boxes and grids.

  Returns:
    Their pixels [h, w] bool, and their number, counted as three per frame.
  """
  lines, count = np.zeros_like(mask), 0
  labels, _ = ndimage.label(mask, segmentation.NEIGHBOURS)
  boxes = list(enumerate(ndimage.find_objects(labels), 1))
  boxes.sort(key=lambda item: -max(side.stop - side.start for side in item[1]))
  for i, box in boxes[:_MAX_PARTS]:
    part = labels[box] == i
    if min(part.shape) >= 12 and _is_frame(part):
      lines[box] |= _find_frame_lines(part)
      count += 3
  return lines, count


def _find_long_lines(mask: np.ndarray) -> tuple[np.ndarray, int]:
  """Finds lines much longer than a digit: under digits or through them.

  Returns:
    Their pixels [h, w] bool, and their number.
  """
  lines, count = np.zeros_like(mask), 0
  if min(mask.shape) < segmentation.SCENE_SIDE // 2:
    return lines, count
  typical = _typical_height(mask)
  if typical < 5:
    return lines, count
  length = round(_LONG * typical)
  for axis in (1, 0):
    if length < mask.shape[axis]:
      found, boxes = _find_straight(mask, axis, length, 2 * _SLACK)
      lines |= found > 0
      count += len(boxes)
  return lines, count


def _typical_height(mask: np.ndarray) -> float:
  """Returns the median height of the larger parts, but for a whole grid."""
  labels, _ = ndimage.label(mask, segmentation.NEIGHBOURS)
  boxes = ndimage.find_objects(labels)
  heights = [
    box[0].stop - box[0].start
    for box in boxes
    if not all(
      side.stop - side.start > 0.95 * length
      for side, length in zip(box, mask.shape, strict=True)
    )
  ]
  tallest = max(heights, default=0)
  return float(
    np.median([height for height in heights if height >= tallest / 3] or [0])
  )


def _is_frame(part: np.ndarray) -> bool:
  """Returns whether three sides of a part are closed, unlike any digit's."""
  if part.mean() > 0.6:
    return False  # It is solid: a 1 drawn with a ruler.
  closed = 0
  for axis, end in SIDES:
    depth = max(3, round(_DEPTH * part.shape[axis]))
    closed += bool(coverage(part, axis, end, depth) > 0.9)
  return closed >= 3


def coverage(part: np.ndarray, axis: int, end: int, depth: int) -> float:
  """Returns the share of a side along which there is ink within `depth`."""
  near = slice(-depth, None) if end else slice(depth)
  return (part[near] if axis == 0 else part[:, near]).any(axis=axis).mean()


def _find_frame_lines(part: np.ndarray) -> np.ndarray:
  """Returns the pixels of a frame's straight lines, at its sides and inside."""
  lines = np.zeros_like(part)
  for axis in (0, 1):
    length = round(_WHOLE * part.shape[axis])
    lines |= _find_straight(part, axis, length, 2 * _SLACK)[0] > 0
  labels, _ = ndimage.label(part & ~lines, segmentation.NEIGHBOURS)
  for i, box in enumerate(ndimage.find_objects(labels), 1):
    if _is_along_side(box, part.shape):
      lines |= labels == i
  return lines


def _is_along_side(box: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
  """Returns whether a rest is narrow, and lies along a side of its frame."""
  for side, length in zip(box, shape, strict=True):
    middle = (side.start + side.stop) / 2 / length
    if (
      abs(middle - 0.5) > 0.5 - _DEPTH
      and (side.stop - side.start) / length < 2 * _DEPTH
    ):
      return True
  return False


def _find_straight(
  mask: np.ndarray, axis: int, length: int, slack: float = _SLACK
) -> tuple[np.ndarray, list[tuple[slice, ...]]]:
  """Finds nearly straight lines along `axis` of at least `length` pixels.

  Returns:
    Their labels [h, w], 0 off them and where strokes cross, and their boxes.
  """
  width = 2 * max(1, round(slack * length)) + 1
  pixels = ndimage.maximum_filter1d(mask.view(np.uint8), width, 1 - axis)
  runs = ndimage.minimum_filter1d(pixels, length, axis, mode='nearest')
  runs = ndimage.maximum_filter1d(runs, length, axis, mode='nearest')
  labels, _ = ndimage.label(runs, segmentation.NEIGHBOURS)
  lines = np.zeros_like(labels)
  boxes: list[tuple[slice, ...]] = []
  for i, box in enumerate(ndimage.find_objects(labels), 1):
    line = mask[box] & (labels[box] == i)
    depths = line.sum(axis=1 - axis)
    thickness = np.median(depths[depths > 0]) if line.any() else 0
    if not 0 < thickness <= max(3, 0.15 * length):
      continue
    # A stroke that crosses the line is deeper than the line itself.
    crossing = _find_deep(mask[box], int(1.6 * thickness) + 2, 1 - axis)
    lines[box] = np.where(line & ~crossing, len(boxes) + 1, lines[box])
    boxes.append(box)
  return lines, boxes


def _find_deep(mask: np.ndarray, depth: int, axis: int) -> np.ndarray:
  """Returns the pixels in runs along `axis` of at least `depth` pixels."""
  # Beyond the border there is no ink: mirrored, a frame would be too deep.
  runs = ndimage.minimum_filter1d(
    mask.view(np.uint8), depth, axis, mode='constant'
  )
  # Filters of even length are not centred; with the other one's origin moved,
  # both together are an opening.
  return ndimage.maximum_filter1d(runs, depth, axis, origin=-1 + depth % 2) > 0


def _holds_digit(mask: np.ndarray) -> bool:
  """Returns whether there is a part as large as a digit."""
  labels, _ = ndimage.label(mask, segmentation.NEIGHBOURS)
  return any(
    max(side.stop - side.start for side in box) > 0.2 * min(mask.shape)
    for box in ndimage.find_objects(labels)
  )
