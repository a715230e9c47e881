"""How MNIST places a digit in its 28x28 frame."""

import numpy as np
from PIL import Image

_BOX = 20
_FRAME = 28


def frame_digit(image: np.ndarray) -> np.ndarray:
  """Places one digit in a 28x28 frame as MNIST does.

  The ink is scaled, anti-aliased and with its aspect ratio kept, so that its
  longer side measures 20 pixels. Its centre of mass is put at the centre of
  the frame (LeCun's MNIST page).

  Args:
    image: [height, width], any non-negative range; 0 is background, and at
      least one pixel is ink.

  Returns:
    uint8 [28, 28]; the darkest ink is 255.
  """
  ink = _scale_to_box(crop_to_ink(image))
  height, width = ink.shape
  # In MNIST's files the mean centre of mass is at index 14.0, not 13.5.
  mass_y = ink.sum(axis=1) @ np.arange(height) / ink.sum()
  mass_x = ink.sum(axis=0) @ np.arange(width) / ink.sum()
  top = np.clip(round(_FRAME / 2 - mass_y), 0, _FRAME - height)
  left = np.clip(round(_FRAME / 2 - mass_x), 0, _FRAME - width)
  frame = np.zeros((_FRAME, _FRAME), np.uint8)
  frame[top : top + height, left : left + width] = np.rint(ink)
  return frame


def whiten(framed: np.ndarray) -> np.ndarray:
  """Makes the strokes of a framed digit [28, 28] as white as MNIST's, uint8.

  A stroke between two pixels is half as white on both; MNIST's reach white.
  """
  full = np.percentile(framed[framed > 64], 80)
  return np.rint(np.minimum(framed * (255 / full), 255)).astype(np.uint8)


def crop_to_ink(image: np.ndarray) -> np.ndarray:
  """Cuts the empty rows and columns off; [0, 0] is left where there is no ink.

  Args:
    image: [height, width], any non-negative range; 0 is background.
  """
  rows = np.flatnonzero(image.any(axis=1))
  columns = np.flatnonzero(image.any(axis=0))
  if not len(rows):
    return image[:0, :0]
  return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _scale_to_box(ink: np.ndarray) -> np.ndarray:
  """Resizes to 20 pixels in the longer dimension; float32, at most 255."""
  scale = _BOX / max(ink.shape)
  height, width = (max(1, round(scale * side)) for side in ink.shape)
  resized = np.asarray(
    Image.fromarray(ink.astype(np.float32)).resize(
      (width, height), Image.Resampling.BICUBIC
    )
  )
  # Bicubic interpolation goes a little below zero beside strong strokes.
  return np.clip(resized, 0.0, None) * (255.0 / resized.max())
