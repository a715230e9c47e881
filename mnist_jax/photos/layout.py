"""Parts of the ink -> digits in reading order: broken, tilted or in rows."""

import dataclasses
import heapq
import math
from collections.abc import Callable, Sequence

Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels, half open.

_MOST_TILT = 25  # Degrees.
_LEAST_TILT = 4  # Degrees; below, rows and digits can be read as they are.
_CRACK = 0.12  # Of a digit's height: the widest gap between its parts.
_HAIR_CRACK = 0.08  # The same: narrower than any gap between two rows.


@dataclasses.dataclass
class Part:
  """A connected part of the ink, or several that belong to one digit."""

  labels: list[int]
  x0: int
  y0: int
  x1: int
  y1: int

  @property
  def width(self) -> int:
    return self.x1 - self.x0

  @property
  def height(self) -> int:
    return self.y1 - self.y0

  @property
  def size(self) -> int:
    return max(self.width, self.height)


def estimate_tilt(parts: Sequence[Part]) -> int:
  """Returns by how many degrees rows go down to the right.

  Each part and its nearest neighbour on the right are in one row; the angle is
  the one at which these pairs are level. It is 0 for less than three pairs,
  and where another angle is hardly better.
  """
  pairs = [pair for part in parts if (pair := _step_right(part, parts))]
  if len(pairs) < 3:
    return 0
  costs = {
    angle: sum(_slope(pair, angle) for pair in pairs)
    for angle in range(-_MOST_TILT, _MOST_TILT + 1)
  }
  best = min(costs, key=lambda angle: (costs[angle], abs(angle)))
  if abs(best) < _LEAST_TILT or costs[best] > 0.6 * costs[0]:
    return 0
  return best


def _step_right(
  part: Part, parts: Sequence[Part]
) -> tuple[float, float] | None:
  """Returns the way to the nearest neighbour on the right, in heights."""
  tall = part.height
  ways = []
  for other in parts:
    across = (other.x0 + other.x1 - part.x0 - part.x1) / 2
    down = (other.y0 + other.y1 - part.y0 - part.y1) / 2
    alike = 0.5 < other.height / tall < 2
    if alike and 0.2 * tall < across < 3 * tall and abs(down) < 0.7 * across:
      ways.append((across / tall, down / tall))
  return min(ways, key=lambda way: math.hypot(*way), default=None)


def _slope(way: tuple[float, float], angle: float) -> float:
  """Returns how far a way is from level after turning by `angle` degrees."""
  turn = math.radians(angle)
  return min(abs(way[1] * math.cos(turn) - way[0] * math.sin(turn)), 0.5)


def join_broken(
  parts: Sequence[Part], check: Callable[[], None] = lambda: None
) -> list[Part]:
  """Joins parts of one digit that lie above each other.

  Args:
    parts: of the ink.
    check: called for each part that is looked at; what it raises ends this.
  """
  parts = sorted(parts, key=lambda part: part.y0)
  tallest = _find_tallest(parts)
  i = 0
  while i < len(parts):
    check()
    below = next(
      (part for part in parts[i + 1 :] if _is_cracked(parts[i], part, tallest)),
      None,
    )
    if below is None:
      i += 1
      continue
    parts.remove(below)
    whole = parts[i] = join(parts[i], below)
    # Whether two parts are one depends on the tallest. If this digit is now
    # among them, all parts are looked at again; otherwise only those above it
    # that it may belong to.
    grew = len(tallest) < 3 or whole.height > tallest[-1].height
    tallest = _find_tallest(parts)
    above = (j for j in range(i) if _is_cracked(parts[j], whole, tallest))
    i = 0 if grew else next(above, i)
  return parts


def _find_tallest(parts: Sequence[Part]) -> list[Part]:
  """Returns the three tallest parts: of any two, at least one other is left."""
  return heapq.nlargest(3, parts, key=lambda part: part.height)


def _is_cracked(above: Part, below: Part, tallest: Sequence[Part]) -> bool:
  """Returns whether two of the parts, whose tallest are given, are one."""
  whole = join(above, below)
  overlap = min(above.x1, below.x1) - max(above.x0, below.x0)
  gap = below.y0 - above.y1
  # The parts of a slanted 1 may lie beside each other.
  beside = _CRACK * whole.height if whole.height > 1.4 * whole.width else 0
  if overlap + beside < 0.4 * min(above.width, below.width):
    return False
  if not -0.5 * whole.height < gap < _CRACK * whole.height:
    return False
  if 0 <= gap < _HAIR_CRACK * whole.height:
    return True
  # Two digits above each other are together taller than any digit.
  others = [p.height for p in tallest if p is not above and p is not below]
  return whole.height <= 2 * whole.width or (
    bool(others) and whole.height <= 1.2 * max(others)
  )


def split_into_rows(parts: Sequence[Part]) -> list[list[Part]]:
  """Returns lists of parts whose heights overlap, from top to bottom."""
  rows: list[list[Part]] = []
  for part in sorted(parts, key=lambda part: -part.height):
    for row in rows:
      top, bottom = row[0].y0, row[0].y1  # The tallest comes first.
      if top <= (part.y0 + part.y1) / 2 < bottom:
        row.append(part)
        break
    else:
      rows.append([part])
  rows.sort(key=lambda row: row[0].y0 + row[0].y1)
  return rows


def join_row(row: Sequence[Part]) -> list[Part]:
  """Joins parts above each other, or too small to be a digit alone."""
  tall = row[0].height
  digits: list[Part] = []
  for part in sorted(row, key=lambda part: part.x0):
    if digits and _belong_together(digits[-1], part, tall):
      digits[-1] = join(digits[-1], part)
    else:
      digits.append(part)
  return [digit for digit in digits if not _is_comma(digit, row[0])]


def _belong_together(left: Part, right: Part, tall: int) -> bool:
  overlap = min(left.x1, right.x1) - max(left.x0, right.x0)
  if overlap >= 0.4 * min(left.width, right.width):
    return True
  short = min(left.height, right.height) < 0.65 * tall
  return short and -overlap < 0.15 * tall


def _is_comma(part: Part, tallest: Part) -> bool:
  """Returns whether a part is small and hangs below the row's middle."""
  middle = (tallest.y0 + tallest.y1) / 2
  return part.size < 0.45 * tallest.height and part.y0 > middle


def join(a: Part, b: Part) -> Part:
  """Returns both parts as one."""
  return Part(
    a.labels + b.labels,
    min(a.x0, b.x0),
    min(a.y0, b.y0),
    max(a.x1, b.x1),
    max(a.y1, b.y1),
  )
