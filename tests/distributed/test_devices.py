"""How many cores become devices."""

import os

from mnist_jax.distributed import devices


def test_the_cores_of_this_process_are_counted(monkeypatch):
  monkeypatch.setattr(
    os, 'sched_getaffinity', lambda pid: {0, 5, 7}, raising=False
  )
  assert devices.num_cores() == 3


def test_macos_has_no_affinity_and_counts_all_cores(monkeypatch):
  monkeypatch.delattr(os, 'sched_getaffinity', raising=False)
  monkeypatch.setattr(os, 'cpu_count', lambda: 6)
  assert devices.num_cores() == 6
