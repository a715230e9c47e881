"""Which devices a run uses, and where compiled programs are kept."""

import contextlib
import os
import pathlib
import platform
import warnings
import zlib
from typing import Any

import jax
import numpy as np

from mnist_jax import errors
from mnist_jax.distributed import multihost

# Beside its images, each device has work that more devices do not share: the
# optimizer's step over all weights, and the sums over devices. On 2 cores that
# took as long as about 11 images do (`improved` and `basic`, batches of 64 and
# 128 on 1 to 8 devices), so with less than 16 images more devices hardly help.
MIN_IMAGES = 16


def configure(
  config: Any,
  *,
  num_processes: int = 1,
  num_here: int = 1,
  num_trials: int = 1,
) -> None:
  """Makes the settings that JAX needs before it looks for devices.

  On CPU, XLA runs a convolution inside a loop on one core, so cores become
  devices, unless the user has set a number of devices.

  Args:
    config: of the run; its devices share a batch equally.
    num_processes: of the whole run, each with as many devices.
    num_here: how many of them share this machine's cores.
    num_trials: how many trials may train at the same time, one on each device.
  """
  keep_compiled_programs()
  flags = os.environ.get('XLA_FLAGS', '')
  if 'device_count' in flags or 'JAX_NUM_CPU_DEVICES' in os.environ:
    return
  cores = num_cores() // num_here
  count = count_devices(
    config.data.batch_size // num_processes, cores, num_trials
  )
  # Where JAX is already in use, as in a notebook, its devices stay.
  with contextlib.suppress(RuntimeError):
    jax.config.update('jax_num_cpu_devices', count)


def count_devices(batch_size: int, cores: int, num_trials: int = 1) -> int:
  """Returns how many CPU devices to make: as many as help, and at most `cores`.

  Devices that share a batch get MIN_IMAGES each or more. Trials side by side
  share none, but evaluation still splits a batch over all devices.

  Args:
    batch_size: of this process.
    cores: that this process may use.
    num_trials: how many trials may train at the same time.
  """
  most = num_trials if num_trials > 1 else batch_size // MIN_IMAGES
  counts = range(1, min(cores, most) + 1)
  return max((n for n in counts if batch_size % n == 0), default=1)


def num_cores() -> int:
  """Returns how many cores this process may use."""
  if hasattr(os, 'sched_getaffinity'):  # Not on macOS.
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def configure_reading() -> None:
  """Makes the settings for reading digits: one CPU, no accelerator.

  A few digits are read before an accelerator would have started.
  """
  keep_compiled_programs()
  with contextlib.suppress(RuntimeError):
    jax.config.update('jax_platforms', 'cpu')


def keep_compiled_programs() -> None:
  """Has JAX store compiled programs, unless the user chose a folder."""
  cache = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
  if cache is not None:
    return
  # After a full disk or a kill the program is only compiled again.
  warnings.filterwarnings(
    'ignore', 'Error (reading|writing) persistent compilation cache'
  )
  jax.config.update('jax_compilation_cache_dir', str(cache_folder() / 'xla'))
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.0)


def cache_folder() -> pathlib.Path:
  """Returns the folder of what can be made again; it need not exist."""
  home = os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache'
  return pathlib.Path(home) / 'mnist_jax'


def create_mesh(
  num_devices: int, batch_size: int, axis_name: str
) -> jax.sharding.Mesh:
  """Creates a mesh of one axis.

  Args:
    num_devices: how many of JAX's devices to use, in order; 0 for all, or on
      CPU for as many as can share a batch.
    batch_size: of training; each device takes an equal part of it.
    axis_name: of the mesh's only axis.

  Raises:
    errors.UserError: when there are fewer devices, or they cannot share a
      batch equally.
  """
  devices = jax.devices()
  _check_processes(num_devices, devices)
  num_devices = num_devices or _count_all(devices, batch_size)
  if num_devices > len(devices):
    raise errors.UserError(
      f'num_devices {num_devices} is more than the {len(devices)} here; '
      'set num_devices=0 for all of them'
    )
  if batch_size % num_devices:
    nearest = max(batch_size - batch_size % num_devices, num_devices)
    raise errors.UserError(
      f'data.batch_size {batch_size} must divide by {num_devices} devices; '
      f'try {nearest}, or num_devices=1'
    )
  return jax.make_mesh(
    (num_devices,),
    (axis_name,),
    axis_types=(jax.sharding.AxisType.Auto,),
    devices=devices[:num_devices],
  )


def _count_all(devices: list, batch_size: int) -> int:
  """Returns how many devices `num_devices=0` stands for.

  Where JAX was in use before, its CPU devices were not made for this batch.
  """
  counts = range(len(devices), 0, -1)
  if devices[0].platform != 'cpu' or multihost.count() > 1:
    return counts[0]
  return next(n for n in counts if batch_size % n == 0)


def check_replicas(tree: Any) -> None:
  """Checks that all devices hold the same; all processes must call.

  Args:
    tree: of arrays; those that are split over devices are not looked at.

  Raises:
    errors.UserError: with the name of an array that differs.
  """
  for path, leaf in jax.tree.leaves_with_path(tree):
    if not (isinstance(leaf, jax.Array) and leaf.is_fully_replicated):
      continue
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
      leaf = jax.random.key_data(leaf)
    replicas = {np.asarray(s.data).tobytes() for s in leaf.addressable_shards}
    checksum = np.uint32(zlib.crc32(min(replicas))).astype(np.int32)
    others = set(multihost.gather(checksum))
    if multihost.any_true(len(replicas) > 1) or len(others) > 1:
      raise errors.UserError(
        f'{_name(path)} is not the same on all devices: a layer computes it '
        'from its own part of the batch; give that layer '
        'axis_name=self.axis_name, as nn.BatchNorm takes it, or set '
        'num_devices=1'
      )


def _name(path: tuple) -> str:
  """Returns the place of an array in a tree, such as 'batch_stats/mean'."""
  keys = (getattr(key, 'name', getattr(key, 'key', '')) for key in path)
  return '/'.join(str(key) for key in keys if key != '')


def _check_processes(num_devices: int, devices: list) -> None:
  num_processes = multihost.count()
  if num_processes == 1:
    return
  if len(devices) != num_processes * jax.local_device_count():
    raise errors.UserError(
      f'{len(devices)} devices in {num_processes} processes: each must have as '
      'many; on CPUs set JAX_NUM_CPU_DEVICES to the same number for all'
    )
  if num_devices not in (0, len(devices)):
    raise errors.UserError(
      f'num_devices {num_devices} leaves out some of the {len(devices)} '
      f'devices of {num_processes} processes; set num_devices=0 for all'
    )


def describe(mesh: jax.sharding.Mesh) -> str:
  """Returns the hardware's name, such as 'cpu (AMD EPYC, 2 cores)'."""
  kind = mesh.devices.flat[0].device_kind
  if kind != 'cpu':
    return kind
  return f'cpu ({_processor()}, {os.cpu_count()} cores)'


def _processor() -> str:
  try:
    lines = pathlib.Path('/proc/cpuinfo').read_text().splitlines()
  except OSError:
    return platform.processor() or platform.machine()
  names = (line.split(':', 1)[1] for line in lines if 'model name' in line)
  return next(names, platform.machine()).strip()
