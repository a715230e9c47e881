"""Which software made a result, and with how much memory."""

import importlib.metadata
import pathlib
import platform
import resource
import subprocess
import sys


def versions() -> dict[str, str]:
  """Returns the versions of Python and of what numbers may depend on."""
  names = ('jax', 'jaxlib', 'flax', 'optax', 'orbax-checkpoint', 'numpy')
  return {'python': platform.python_version()} | {
    name: importlib.metadata.version(name) for name in names
  }


def git_commit() -> str:
  """Returns the commit of this source tree, '' where there is none."""
  try:
    answer = subprocess.run(
      ['git', 'rev-parse', 'HEAD'],
      cwd=pathlib.Path(__file__).parent,
      capture_output=True,
      text=True,
      timeout=5,
      check=True,
    )
  except (OSError, subprocess.SubprocessError):
    return ''
  return answer.stdout.strip()


def peak_memory_mb() -> float:
  """Returns the most memory that this process has had so far, in MB (2^20)."""
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  unit = 1 if sys.platform == 'darwin' else 2**10  # Bytes on macOS.
  return peak * unit / 2**20
