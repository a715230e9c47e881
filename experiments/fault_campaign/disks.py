"""Disks that are full, read-only or gone."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

from experiments.fault_campaign import bench as bench_lib
from experiments.fault_campaign import campaign, kills, processes

# Starts the rest of its arguments with a limit on the size of each file.
_LIMITED = (
  'import os, resource, sys; n = int(sys.argv[1]); '
  'resource.setrlimit(resource.RLIMIT_FSIZE, (n, n)); '
  'os.execv(sys.executable, [sys.executable, *sys.argv[2:]])'
)


def cases(bench: bench_lib.Bench) -> list[campaign.Case]:
  """Returns the cases of this family; tmpfs needs root."""
  found = [
    campaign.Case('full disk: RLIMIT_FSIZE', 20, 1, limit_sizes(bench)),
    campaign.Case('folder that vanishes', 10, 1, lambda its: [vanish(its)]),
    campaign.Case('read-only folder', 10, 1, lambda its: [read_only(its)]),
  ]
  if can_mount():
    found.append(
      campaign.Case('full disk: tmpfs', 20, 1, lambda its: [fill(bench, its)])
    )
  return found


def can_mount() -> bool:
  """Whether a tmpfs can be mounted here: by root, on Linux."""
  if not sys.platform.startswith('linux') or os.geteuid():
    return False
  folder = pathlib.Path('/dev/shm' if os.path.isdir('/dev/shm') else '/tmp')
  folder /= f'fault_campaign-{os.getpid()}'
  try:
    with mounted(folder, 2**20):
      return True
  except (OSError, subprocess.CalledProcessError):
    return False


@contextlib.contextmanager
def mounted(folder: pathlib.Path, size: int) -> Iterator[pathlib.Path]:
  """Mounts an empty tmpfs of `size` bytes on a new folder."""
  folder.mkdir()
  mount = ['mount', '-t', 'tmpfs', '-o', f'size={size}', 'tmpfs', str(folder)]
  try:
    subprocess.run(mount, check=True, capture_output=True)
    try:
      yield folder
    finally:
      subprocess.run(['umount', '-l', str(folder)], check=True)
  finally:
    folder.rmdir()


def limit_sizes(bench: bench_lib.Bench) -> campaign.Attempt:
  """Makes attempts whose files may have a random number of bytes at most."""

  def attempt(its: campaign.Try) -> list[str]:
    unbroken = bench.finished
    limit = int(10 ** its.rng.uniform(2.5, 6.2))
    arguments = bench_lib.train(its.folder / 'run', bench_lib.ALONE)
    done = processes.run(['-c', _LIMITED, str(limit), *arguments], its.folder)
    what = processes.judge(done) or kills.finish(its.folder, unbroken)
    return [campaign.describe(f'files of {limit:,} bytes at most', what)]

  return attempt


def fill(bench: bench_lib.Bench, its: campaign.Try) -> str:
  """Trains on a disk that is too small, then makes room and goes on."""
  unbroken, size = bench.finished, int(10 ** its.rng.uniform(4.5, 6.8))
  with mounted(its.folder / 'disk', size) as disk:
    arguments = bench_lib.train(disk / 'run', bench_lib.ALONE)
    what = processes.judge(processes.run(arguments, its.folder))
    if not what and (disk / 'run').exists():
      shutil.copytree(disk / 'run', its.folder / 'run')
  what = what or kills.finish(its.folder, unbroken)
  return campaign.describe(f'a disk of {size:,} bytes', what)


def read_only(its: campaign.Try) -> str:
  """Trains in a folder that cannot be written."""
  arguments = bench_lib.train('/proc/fault_campaign', bench_lib.ALONE)
  if os.geteuid():
    its.folder.joinpath('closed').mkdir(mode=0o500)
    arguments = bench_lib.train(its.folder / 'closed' / 'run', bench_lib.ALONE)
  done = processes.run(arguments, its.folder)
  if not done.code:
    return f'code {done.code} where nothing can be written'
  return processes.judge(done)


def vanish(its: campaign.Try) -> str:
  """Removes the workdir under a run."""
  process, workdir = kills.start(its.folder), its.folder / 'run'
  stage = kills.reach(its.rng, process, workdir)
  until = time.monotonic() + 2
  while workdir.exists() and time.monotonic() < until:
    shutil.rmtree(workdir, ignore_errors=True)
  what = processes.judge(process.wait())
  if not what:
    done = kills.start(its.folder).wait()
    what = processes.judge(done)
  return campaign.describe(f'removed at {stage}', what)
