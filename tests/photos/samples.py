"""Digits drawn on paper, as bytes of a PNG file."""

import io

import numpy as np
from PIL import Image

PAPER, INK = 225, 60


def cut_out(image, height):
  """Returns the ink [height, w] in [0, 1] of a 28x28 digit, cut to its box."""
  rows, columns = np.nonzero(image > 60)
  part = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
  width = max(2, round(height * part.shape[1] / part.shape[0]))
  size = width, height
  large = Image.fromarray(part).resize(size, Image.Resampling.BICUBIC)
  # Sharper than an enlarged digit, as a pen is.
  return np.clip(np.asarray(large, np.float32) / 160 - 0.3, 0, 1)


def on_paper(ink, *, dark=True, margin=0, seed=0, noise=2.0):
  """Returns a PNG of ink on paper, with so many pixels of paper around it."""
  ink = np.pad(ink, margin)
  grey = PAPER + (INK - PAPER) * ink
  grey += np.random.default_rng(seed).normal(0, noise, grey.shape)
  grey = grey if dark else 255 - grey
  return as_png(np.clip(grey, 0, 255).astype(np.uint8))


def as_png(pixels):
  """Returns a PNG of pixels [H, W] uint8."""
  content = io.BytesIO()
  Image.fromarray(pixels).save(content, 'PNG')
  return content.getvalue()


def alike(a, b):
  """Returns the correlation of two 28x28 images."""
  return np.corrcoef(a.ravel().astype(float), b.ravel().astype(float))[0, 1]
