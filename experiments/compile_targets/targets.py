"""The chips: how to compile for them, and what they can do at most."""

import contextlib
import dataclasses
import importlib.util
from typing import Any

import jax
import numpy as np
from jax.experimental import topologies

from experiments.compile_targets import cuda
from mnist_jax import errors
from mnist_jax.training import epoch


@dataclasses.dataclass(frozen=True)
class Chip:
  """What a chip can do at most, as its maker says."""

  flops: float  # Per second, of matrix products of float32 arrays.
  bandwidth: float  # Of its memory, in bytes per second.
  precision: str  # In which XLA multiplies float32 by default.
  package: str  # That holds the compiler.
  way_out: str  # How to get it.


_TPU = 'pip install -r requirements-tpu.txt'
_CUDA = 'install what requirements-tpu.txt names for it'
# Dense peaks, from cloud.google.com/tpu/docs/v5e and /v6e, and from NVIDIA's
# data sheet of the H100 SXM (without sparsity). By default XLA multiplies
# float32 in one pass of bfloat16 on TPU and in TF32 on NVIDIA, so those peaks
# count: the H100's is half of its 989 TFLOP/s in bfloat16.
CHIPS = {
  'v5e': Chip(197e12, 819e9, 'bfloat16', 'libtpu', _TPU),
  'v6e': Chip(918e12, 1640e9, 'bfloat16', 'libtpu', _TPU),
  'h100': Chip(494.5e12, 3350e9, 'TF32', 'jax_cuda12_plugin', _CUDA),
}


def parse(name: str) -> Chip:
  """Returns the chip of a target such as 'v5e:2x2'.

  Raises:
    errors.UserError: there is no such chip, or a topology is missing.
  """
  kind, _, topology = name.partition(':')
  if kind not in CHIPS:
    raise errors.UserError(
      f'target {name!r} is unknown; {errors.suggest(kind, list(CHIPS))}'
    )
  if bool(topology) == (kind == 'h100'):
    raise errors.UserError(
      f'target {name!r} must be h100, or a TPU with its topology, as v5e:2x2'
    )
  return CHIPS[kind]


def why_not(name: str) -> str:
  """Returns why a target is left out here, and the way out; '' if it is not."""
  chip = parse(name)
  if importlib.util.find_spec(chip.package) is None:
    return f'{name} is left out: {chip.package} is missing; {chip.way_out}'
  return ''


def create_mesh(name: str) -> jax.sharding.Mesh:
  """Creates a mesh of the target's chips, which need not be here.

  Raises:
    errors.UserError: when the compiler knows no such topology.
  """
  kind, _, topology = name.partition(':')
  try:
    if kind == 'h100':
      devices = cuda.describe_h100()
    else:
      devices = _describe_tpu(name, topology)
  except jax.errors.JaxRuntimeError as error:
    reason = errors.first_line(error)[:100]
    other = 'v5e:2x2' if kind == 'h100' else f'{kind}:2x2'
    raise errors.UserError(
      f'target {name!r} is refused by the compiler ({reason}); try {other}'
    ) from error
  return jax.sharding.Mesh(np.array(devices), (epoch.AXIS,))


def _describe_tpu(name: str, topology: str) -> list[Any]:
  # One chip is no whole host, so its bounds must be given.
  bounds = {'chips_per_host_bounds': (1, 1, 1)} if topology == '1x1' else {}
  return topologies.get_topology_desc(
    platform='tpu', topology_name=name, **bounds
  ).devices


def lowering(name: str) -> contextlib.AbstractContextManager[None]:
  """Returns what must be open while a program is lowered for the target."""
  return cuda.patched() if name == 'h100' else contextlib.nullcontext()
