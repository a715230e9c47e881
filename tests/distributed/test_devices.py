"""How many cores become devices."""

import os
import pathlib
import subprocess
import sys
import types

import jax
import pytest

from mnist_jax import errors
from mnist_jax.distributed import devices

REPOSITORY = pathlib.Path(__file__).parents[2]


def test_the_cores_of_this_process_are_counted(monkeypatch):
  monkeypatch.setattr(
    os, 'sched_getaffinity', lambda pid: {0, 5, 7}, raising=False
  )
  assert devices.num_cores() == 3


def test_macos_has_no_affinity_and_counts_all_cores(monkeypatch):
  monkeypatch.delattr(os, 'sched_getaffinity', raising=False)
  monkeypatch.setattr(os, 'cpu_count', lambda: 6)
  assert devices.num_cores() == 6


@pytest.mark.parametrize(
  ('batch_size', 'cores', 'expected'),
  [(128, 2, 2), (128, 64, 8), (64, 64, 4), (20, 8, 1), (8, 8, 1), (90, 64, 5)],
)
def test_devices_share_a_batch_equally_and_none_gets_few_images(
  batch_size, cores, expected
):
  assert devices.count_devices(batch_size, cores) == expected


@pytest.mark.parametrize(
  ('num_trials', 'cores', 'expected'), [(10, 64, 8), (10, 2, 2), (64, 64, 64)]
)
def test_trials_side_by_side_take_a_device_each(num_trials, cores, expected):
  assert devices.count_devices(128, cores, num_trials) == expected


def test_a_run_on_many_cores_takes_no_more_devices_than_help():
  code = (
    'import os, jax; os.sched_getaffinity = lambda pid: range(64); '
    'from configs import improved; from mnist_jax.distributed import devices; '
    'devices.configure(improved.get_config()); print(jax.device_count())'
  )
  environment = {
    name: value
    for name, value in os.environ.items()
    if name not in ('XLA_FLAGS', 'JAX_NUM_CPU_DEVICES')
  }
  done = subprocess.run(
    [sys.executable, '-c', code],
    cwd=REPOSITORY,
    env=environment | {'JAX_PLATFORMS': 'cpu'},
    capture_output=True,
    text=True,
    check=True,
  )
  assert done.stdout.strip() == '4'


@pytest.mark.parametrize(('batch_size', 'size'), [(64, 8), (63, 7), (11, 1)])
def test_all_of_the_cpus_are_as_many_as_can_share_a_batch(batch_size, size):
  assert jax.device_count() == 8
  assert devices.create_mesh(0, batch_size, 'data').size == size
  with pytest.raises(errors.UserError, match='must divide by 5 devices'):
    devices.create_mesh(5, batch_size, 'data')


def test_an_accelerator_is_not_left_unused_without_a_word(monkeypatch):
  accelerators = [types.SimpleNamespace(platform='gpu')] * 2
  monkeypatch.setattr(jax, 'devices', lambda: accelerators)
  with pytest.raises(errors.UserError, match='63 must divide by 2 devices'):
    devices.create_mesh(0, 63, 'data')
