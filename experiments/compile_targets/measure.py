"""Compiles one program and reads from it what it needs."""

import time
from collections.abc import Callable

import jax

from experiments.compile_targets import hlo, targets


def measure(
  lower: Callable[[], tuple[jax.stages.Lowered, int]], chip: targets.Chip
) -> dict[str, float | None]:
  """Compiles a program.

  Args:
    lower: returns the lowered program, and how many images a step takes.
    chip: that it is for.

  Returns:
    The numbers of compile_targets.json: those per step are of one chip and of
    one pass through the loop, `images_per_second_bound` is of all chips. None
    where the compiler tells none.
  """
  started = time.monotonic()
  lowered, num_images = lower()
  compiled = lowered.compile()
  seconds = time.monotonic() - started
  # XLA:GPU tells no costs of a program for a chip that is not here.
  cost = compiled.cost_analysis() or {}
  flops, num_bytes = cost.get('flops'), cost.get('bytes accessed')
  found = hlo.collectives_per_step(compiled.as_text())
  return {
    'temporary_bytes': compiled.memory_analysis().temp_size_in_bytes,
    'flops_per_step': flops and round(flops),
    'bytes_per_step': num_bytes and round(num_bytes),
    'collective_bytes_per_step': sum(one.num_bytes for one in found),
    'compile_seconds': round(seconds, 1),
    'images_per_second_bound': flops
    and round(num_images / max(flops / chip.flops, num_bytes / chip.bandwidth)),
  }
