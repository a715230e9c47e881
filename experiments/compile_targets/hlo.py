"""What the devices say to each other in a step, read from compiled programs."""

import math
import re
from typing import NamedTuple

OPERATIONS = (
  'all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute'
)
BYTES = {'pred': 1, 's8': 1, 'u8': 1, 'bf16': 2, 'f16': 2, 'u16': 2}  # Else 4.


class Collective(NamedTuple):
  """One operation between devices."""

  operation: str
  types: str  # Of its result, such as 'f32[32], f32[]'.

  @property
  def num_bytes(self) -> int:
    """The size of its result."""
    return sum(
      BYTES.get(name, 4) * math.prod(int(n) for n in shape.split(',') if n)
      for name, shape in re.findall(r'(\w+)\[([\d,]*)\]', self.types)
    )


def collectives_per_step(text: str) -> list[Collective]:
  """Returns those of the loops' bodies, in order.

  Args:
    text: optimized HLO of a program whose steps are a loop.
  """
  bodies = set(re.findall(r' while\(.*?body=(%[\w.-]+)', text))
  found = []
  for computation in text.split('\n\n'):
    name = re.match(r'\s*(%[\w.-]+)', computation)
    if name and name[1] in bodies:
      found += re.findall(rf' = (.*?) ({OPERATIONS})(?:-start)?\(', computation)
  # Layouts, in braces, may hold brackets of their own.
  return [Collective(op, re.sub(r'\{.*?\}', '', types)) for types, op in found]
