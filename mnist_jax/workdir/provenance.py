"""Which software made a result, with how much memory, and beside what."""

import importlib.metadata
import os
import pathlib
import platform
import resource
import subprocess
import sys
import time
from typing import NamedTuple

import psutil


def versions() -> dict[str, str]:
  """Returns the versions of Python and of what numbers may depend on."""
  names = ('jax', 'jaxlib', 'flax', 'optax', 'orbax-checkpoint', 'numpy')
  return {'python': platform.python_version()} | {
    name: importlib.metadata.version(name) for name in names
  }


def git_commit() -> str:
  """Returns the commit of this source tree, '' where git does not track it.

  An installed package may lie inside the user's own project. '-dirty' is added
  where a file of the package was changed since that commit. Recipes are not
  looked at: config.json has all that they set.
  """
  try:
    _git('ls-files', '--error-unmatch', pathlib.Path(__file__).name)
    commit = _git('rev-parse', 'HEAD')
  except (OSError, subprocess.SubprocessError):
    return ''
  return f'{commit}-dirty' if _is_changed() else commit


def _is_changed() -> bool:
  """Returns whether a tracked file of the package was changed."""
  try:
    return bool(
      _git('status', '--porcelain', '--untracked-files=no', '--', '..')
    )
  except (OSError, subprocess.SubprocessError):
    return False  # On a slow disk it may take too long.


def _git(*arguments: str) -> str:
  # Git sets these for its hooks, and they would name another repository.
  hidden = ('GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE')
  answer = subprocess.run(
    ['git', '--no-optional-locks', *arguments],
    cwd=pathlib.Path(__file__).parent,
    env={k: v for k, v in os.environ.items() if k not in hidden},
    capture_output=True,
    text=True,
    timeout=5,
    check=True,
  )
  return answer.stdout.strip()


def peak_memory_mb() -> float:
  """Returns the most memory that this process has had so far, in MB (2^20)."""
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  unit = 1 if sys.platform == 'darwin' else 2**10  # Bytes on macOS.
  return peak * unit / 2**20


class Moment(NamedTuple):
  """A point in time, with the CPU seconds that were used until then."""

  time: float  # By time.monotonic().
  used: float  # By all programs of this machine.
  used_here: float  # By this process and its children.


def now() -> Moment:
  """Returns this moment."""
  times = psutil.cpu_times()._asdict()
  idle = ('idle', 'iowait')
  twice = ('guest', 'guest_nice')  # They are in `user` and `nice` as well.
  used = sum(times.values()) - sum(times.get(n, 0.0) for n in idle + twice)
  here = psutil.Process().cpu_times()
  return Moment(time.monotonic(), used, sum(here[:4]))


def cores_used_by_others(since: Moment) -> float:
  """Returns how many cores other programs have used since then, on average.

  The operating system counts in hundredths of a second, so it is meaningful
  from some seconds on; it is 0 where nothing else ran.
  """
  end = now()
  used = (end.used - since.used) - (end.used_here - since.used_here)
  return max(0.0, used / max(end.time - since.time, 0.01))
