"""Scaling of a recipe on TPU v5e, on paper, from what was compiled.

A step takes as long as memory takes to move its bytes, and the chips to meet:
  bytes per chip = fixed + per image * images on the chip,
from the programs for one chip and for four, and
  meeting = 2 * summed bytes / BETWEEN + MEETINGS * hops * HOP.
Memory moves at its peak, nothing overlaps, and HOP is an assumption.
"""

import dataclasses
import math

BETWEEN = 200e9  # Bytes per second and chip: 1,600 Gbit/s of v5e's data sheet.
HOP = 1e-6  # Seconds to a neighbour; an assumption, of the usual size.
# All-reduces of a step of `improved`: 2 for each of its 4 batch norms, and one
# for the gradients.
MEETINGS = 9
MEMORY = 819e9


@dataclasses.dataclass(frozen=True)
class Model:
  """The step of a recipe."""

  fixed: float  # Bytes of weights, optimizer and averages, on each chip.
  per_image: float  # Bytes.
  summed: float  # Bytes that the chips sum.

  def seconds(self, chips: int, batch_size: float) -> float:
    """Returns the time of a step of `batch_size` images on that many chips."""
    moved = self.fixed + self.per_image * batch_size / chips
    if chips == 1:
      return moved / MEMORY
    # There and back through a torus of two dimensions.
    hops = 2 * math.sqrt(chips)
    return moved / MEMORY + 2 * self.summed / BETWEEN + MEETINGS * hops * HOP

  def smallest_batch(self, chips: int) -> int:
    """Returns the batch from which they beat half as many by a tenth.

    It is rounded up to a power of 2.
    """
    size = chips
    while self.seconds(chips, size) > 0.9 * self.seconds(chips // 2, size):
      size *= 2
    return size


def fit(targets: dict, name: str, batch_size: int) -> Model | None:
  """Returns the model of a recipe; None where a program is missing.

  Args:
    targets: of compile_targets.json, with v5e:1x1 and v5e:2x2.
    name: of the recipe.
    batch_size: of both programs, so that each of four chips has a quarter.
  """
  try:
    one, four = targets['v5e:1x1'][name], targets['v5e:2x2'][name]
  except KeyError:
    return None
  per_image = (one['bytes_per_step'] - four['bytes_per_step']) / (
    batch_size - batch_size / 4
  )
  return Model(
    fixed=one['bytes_per_step'] - per_image * batch_size,
    per_image=per_image,
    summed=four['collective_bytes_per_step'],
  )


def as_markdown(model: Model, batch_size: int) -> str:
  """Returns weak and strong scaling as a table.

  Args:
    model: from `fit`.
    batch_size: on each chip for weak scaling; 64 times that in all for strong
      scaling.
  """
  lines = [
    f'| v5e chips | {batch_size} images a chip: step | images/s |'
    f' {64 * batch_size:,} images in all: step | images/s |'
    ' batch that is worth so many |',
    '|--:|--:|--:|--:|--:|--:|',
  ]
  for chips in (1, 4, 16, 64, 256):
    cells = [str(chips)]
    for size in (batch_size * chips, 64 * batch_size):
      seconds = model.seconds(chips, size)
      cells += [f'{seconds * 1e6:,.0f} µs', f'{size / seconds:,.0f}']
    cells.append(f'{model.smallest_batch(chips):,}' if chips > 1 else '-')
    lines.append(f'| {" | ".join(cells)} |')
  return '\n'.join(lines)
