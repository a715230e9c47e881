"""Ink -> a grey picture of a page, with its truth."""

import dataclasses

import numpy as np
from PIL import Image
from scipy import ndimage

from experiments.pages import glyphs

Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels, half open.


@dataclasses.dataclass(frozen=True)
class Page:
  """A picture and what it shows."""

  pixels: np.ndarray  # [H, W] uint8 grey.
  labels: tuple[int, ...]  # Rows from top to bottom, each left to right.
  boxes: tuple[Box, ...]  # One for each label.
  variant: str = ''  # Within its kind, such as 'through' of 'underlined'.


class Sheet:
  """A page while it is drawn."""

  def __init__(self, width: float, height: float):
    self.ink = np.zeros((round(height), round(width)), np.float32)
    self.labels: list[int] = []
    self.boxes: list[Box] = []

  def put(self, glyph: glyphs.Glyph, x: float, y: float) -> None:
    """Puts a digit with its top left corner at x, y, which is on the page."""
    x, y = round(x), round(y)
    height, width = glyph.ink.shape
    self.add(glyph.ink, x, y)
    self.labels.append(glyph.label)
    self.boxes.append((x, y, x + width, y + height))

  def add(self, ink: np.ndarray, x: int = 0, y: int = 0) -> None:
    """Adds ink that is no digit; what is outside the page is cut off."""
    window = self.ink[y : y + ink.shape[0], x : x + ink.shape[1]]
    ink = ink[: window.shape[0], : window.shape[1]]
    np.maximum(window, ink, out=window)

  def finish(
    self,
    rng: np.random.Generator,
    variant: str = '',
    *,
    light: np.ndarray | None = None,
    inverted: float = 0.15,
    blur: float = 0.8,
  ) -> Page:
    """Takes a picture of the sheet.

    Args:
      rng: decides on the paper, the pen and the camera.
      variant: of the page.
      light: [H, W], the share of the light that reaches each pixel, or None.
      inverted: how likely light ink on dark paper is.
      blur: the largest standard deviation of the blur, in pixels.
    """
    paper = rng.uniform(160, 250)
    contrast = rng.uniform(90, min(paper, 230))
    pen = paper - contrast
    if rng.random() < inverted:
      paper, pen = pen, paper
    ink = ndimage.gaussian_filter(self.ink, rng.uniform(0, blur))
    pixels = paper + (pen - paper) * ink
    if light is not None:
      pixels = pixels * light
    pixels = pixels + rng.uniform(0, 2) * _grain(ink.shape, rng)
    pixels += rng.normal(0, rng.uniform(0, 0.04) * contrast, ink.shape)
    return Page(
      np.clip(np.rint(pixels), 0, 255).astype(np.uint8),
      tuple(self.labels),
      tuple(self.boxes),
      variant,
    )


def _grain(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
  """Returns the smooth unevenness of paper, [H, W] with a variance near 1."""
  coarse = rng.normal(size=[side // 16 + 2 for side in shape])
  picture = Image.fromarray(coarse.astype(np.float32))
  return np.asarray(picture.resize(shape[::-1], Image.Resampling.BICUBIC))
