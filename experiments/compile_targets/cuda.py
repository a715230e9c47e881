"""The H100 as a target; needs one private patch of JAX."""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import jax
from jax.experimental import topologies

# What XLA:GPU needs to know of an NVIDIA H100 SXM with 80 GB.
_H100 = {
  'threads_per_block_limit': 1024,
  'threads_per_warp': 32,
  'threads_per_core_limit': 2048,
  'shared_memory_per_block': 48 * 1024,
  'shared_memory_per_block_optin': 227 * 1024,
  'shared_memory_per_core': 228 * 1024,
  'registers_per_core_limit': 65536,
  'registers_per_block_limit': 65536,
  'core_count': 132,
  'fpus_per_core': 128,
  'block_dim_limit_x': 2**31 - 1,
  'block_dim_limit_y': 65535,
  'block_dim_limit_z': 65535,
  'thread_dim_limit_x': 1024,
  'thread_dim_limit_y': 1024,
  'thread_dim_limit_z': 64,
  'memory_bandwidth': 3_352_320_000_000,
  'l2_cache_size': 50 * 2**20,
  'clock_rate_ghz': 1.98,
  'device_memory_size': 84_942_979_072,
  'device_address_bits': 64,
  'name': '"NVIDIA H100 80GB HBM3"',
  'driver_version': '"13.0.0"',
  'runtime_version': '"12.8.0"',
  'compile_time_toolkit_version': '"12.8.0"',
}


def describe_h100() -> list[Any]:
  """Returns a description of one H100, to compile for."""
  fields = '\n'.join(f'  {name}: {value}' for name, value in _H100.items())
  config = f"""
gpu_device_info {{
{fields}
  cuda_compute_capability {{ major: 9 minor: 0 }}
}}
platform_name: "CUDA"
dnn_version_info {{ major: 9 minor: 10 }}
device_description_str: "NVIDIA H100 80GB HBM3"
"""
  with patched():
    return topologies.get_topology_desc(
      platform='cuda',
      topology_name='h100',
      target_config=config,
      topology='1x1x1',
    ).devices


@contextlib.contextmanager
def patched() -> Iterator[None]:
  """Lets JAX lower for CUDA where no GPU is.

  JAX asks the backends that are here what 'gpu' stands for, and there is none
  (github.com/jax-ml/jax/issues/23971, open). So its answer is given here.
  """
  bridge = jax._src.xla_bridge  # type: ignore[attr-defined]
  ask = bridge.canonicalize_platform

  def answer(platform: str) -> str:
    return 'cuda' if platform == 'gpu' else ask(platform)

  with mock.patch.object(bridge, 'canonicalize_platform', answer):
    yield
