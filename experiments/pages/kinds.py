"""All kinds of pages by name, and what counts as right for each."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from experiments.pages import crops, glyphs, non_digits, page, rows, sheets


@dataclasses.dataclass(frozen=True)
class Kind:
  """A kind of page: a row of the table."""

  draw: Callable[[glyphs.Digits, np.random.Generator], page.Page]
  # What is right: 'digits', all of them in order; 'nothing', none found;
  # 'unsure', no digit that is called sure.
  right: str = 'digits'
  layout: str = 'row'  # 'digit', 'row' or 'page': peers want to know.
  share: float = 1  # Of the number of pages of the other kinds.


KINDS = {
  'alone': Kind(crops.alone, layout='digit'),
  'plain': Kind(rows.plain),
  'underlined': Kind(rows.underlined),
  'tilted': Kind(rows.tilted),
  'shadowed': Kind(rows.shadowed),
  'squared': Kind(rows.squared),
  'touching_pair': Kind(rows.touching_pair),
  'touching_in_row': Kind(rows.touching_in_row),
  'broken': Kind(crops.broken),
  **{
    f'crop_{height}': Kind(
      functools.partial(crops.crop, height=height), layout='digit'
    )
    for height in (16, 32, 120)
  },
  'many': Kind(sheets.many, layout='page', share=0.1),
  'empty': Kind(sheets.empty, right='nothing', layout='page'),
  'non_digits': Kind(non_digits.draw, right='unsure'),
}

# The first number of each page's seed.
HALVES = {'choose': 0, 'report': 1}


def draw(name: str, digits: glyphs.Digits, half: str, index: int) -> page.Page:
  """Draws a page; the same arguments give the same page.

  Args:
    name: a key of KINDS.
    digits: those of that half.
    half: 'choose' or 'report'; they share no seed.
    index: 0, 1, ...
  """
  rng = np.random.default_rng([HALVES[half], index, *name.encode()])
  return KINDS[name].draw(digits, rng)
