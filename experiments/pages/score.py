"""Reads pages and counts what is right."""

import collections
import dataclasses
import io
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from experiments import photo_peers
from experiments.pages import kinds, page
from mnist_jax import errors
from mnist_jax.predict import classifier as classifier_lib
from mnist_jax.predict import digit_reader

UNREADABLE = -1  # Instead of digits, where a reader gave up: never right.


@dataclasses.dataclass(frozen=True)
class Reading:
  """What a reader says that a page shows."""

  labels: tuple[int, ...]
  num_sure: int = 0


Reader = Callable[[page.Page, kinds.Kind], Reading]


def with_network(classifier: classifier_lib.Classifier) -> Reader:
  """Returns a reader of pages with our pipeline and that network."""
  return lambda drawn, kind: read(drawn.pixels, classifier)


def with_peer(peer: photo_peers.Peer) -> Reader:
  """Returns a reader of pages with another program."""
  return lambda drawn, kind: Reading(peer(drawn.pixels, kind.layout))


def read(pixels: np.ndarray, classifier: classifier_lib.Classifier) -> Reading:
  """Reads a page as `python -m mnist_jax.predict` does."""
  content = io.BytesIO()
  Image.fromarray(pixels).save(content, 'PNG', compress_level=1)
  try:
    _, found = digit_reader.read(content.getvalue(), classifier)
  except errors.UserError:
    return Reading((UNREADABLE,))
  return Reading(
    tuple(digit.digit for digit in found),
    sum(digit.verdict == 'sure' for digit in found),
  )


def is_right(kind: kinds.Kind, drawn: page.Page, reading: Reading) -> bool:
  """Returns whether a page of that kind is read right."""
  if kind.right == 'unsure':
    return not reading.num_sure
  return reading.labels == drawn.labels


def count(
  kind: kinds.Kind, pages: Sequence[page.Page], readings: Sequence[Reading]
) -> dict:
  """Counts what is right on pages of one kind.

  Returns:
    `pages` and `right`, the number of those read right; `digits`, drawn, and
    `digits_right`, less one for each that is missed, wrong or too many;
    `found`, the digits read, and `sure`, how many of them are called sure;
    `variants`, {variant: [right, pages]}.
  """
  total: collections.Counter = collections.Counter()
  variants: dict = collections.defaultdict(lambda: [0, 0])
  for drawn, reading in zip(pages, readings, strict=True):
    right = is_right(kind, drawn, reading)
    wrong = num_edits(drawn.labels, reading.labels)
    total.update(
      pages=1,
      right=right,
      digits=len(drawn.labels),
      digits_right=max(0, len(drawn.labels) - wrong),
      found=len(reading.labels),
      sure=reading.num_sure,
    )
    variants[drawn.variant][0] += right
    variants[drawn.variant][1] += 1
  return dict(total) | {'variants': dict(sorted(variants.items()))}


def num_edits(a: Sequence[int], b: Sequence[int]) -> int:
  """Returns how many digits to insert, delete or change to get from a to b.

  Source: V. I. Levenshtein, Binary codes capable of correcting deletions,
  insertions and reversals, Soviet Physics Doklady 10 (1966).
  """
  before = list(range(len(b) + 1))
  for i, one in enumerate(a, 1):
    row = [i]
    for j, other in enumerate(b, 1):
      change = before[j - 1] + (one != other)
      row.append(min(before[j] + 1, row[-1] + 1, change))
    before = row
  return before[-1]
