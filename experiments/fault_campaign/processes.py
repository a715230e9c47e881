"""Starts real commands and judges how they end."""

import contextlib
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import experiments

LIMIT = 120.0  # Seconds; a command that takes longer hangs.
MAX_MEGABYTES = 3000.0
SHOWN = 300  # Characters of stderr in a description.

_running: set[subprocess.Popen] = set()
_stopped = threading.Event()
# Held while a command is started, so that `stop` misses none.
_starting = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Done:
  """A command that has ended.

  Attributes:
    code: its exit code, minus the signal that killed it; None for one that was
      still running at the limit.
    stdout: what it printed.
    stderr: what it printed there.
    megabytes: its peak memory.
  """

  code: int | None
  stdout: str
  stderr: str
  megabytes: float


class Process:
  """A command that runs in a session of its own, and prints into files."""

  def __init__(
    self,
    arguments: Sequence[str | bytes],
    folder: pathlib.Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: pathlib.Path | None = None,
  ):
    """Starts it.

    Args:
      arguments: of Python, such as ('-m', 'mnist_jax.main').
      folder: for what it prints; it exists.
      env: environment variables beside those of this process.
      cwd: the folder in which it starts; `folder` when None.
    """
    name = f'{time.monotonic_ns()}'
    self.paths = [folder / f'{name}.{end}' for end in ('stdout', 'stderr')]
    with contextlib.ExitStack() as stack:
      stack.enter_context(_starting)
      if _stopped.is_set():
        raise InterruptedError('the campaign is being stopped')
      files = [stack.enter_context(path.open('wb')) for path in self.paths]
      self.popen = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=files[0],
        stderr=files[1],
        env=os.environ | dict(env or {}),
        cwd=cwd or folder,
        start_new_session=True,
      )
      _running.add(self.popen)

  def output(self) -> str:
    """Returns what it has printed so far."""
    return self.paths[0].read_text(errors='replace')

  def is_running(self) -> bool:
    """Whether it has not ended yet."""
    return self.popen.poll() is None

  def wait_until(self, seen: Callable[[], object], limit: float) -> bool:
    """Waits for something to be true; False if it ends, or time is up."""
    until = time.monotonic() + limit
    while self.is_running() and time.monotonic() < until:
      if seen():
        return True
      time.sleep(0.002)
    return False

  def send(self, number: signal.Signals) -> None:
    """Sends a signal, unless it has ended."""
    if self.is_running():
      self.popen.send_signal(number)

  def wait(self, limit: float = LIMIT) -> Done:
    """Waits for the end; kills the whole session at the limit."""
    megabytes, until = 0.0, time.monotonic() + limit
    while self.is_running() and time.monotonic() < until:
      megabytes = max(megabytes, resident(self.popen.pid, 'VmHWM'))
      time.sleep(0.01)
    code = self.popen.poll()
    self.kill()
    stdout, stderr = (path.read_text(errors='replace') for path in self.paths)
    return Done(code, stdout, stderr, megabytes)

  def kill(self) -> None:
    """Kills what is left of it, and everything that it started."""
    with contextlib.suppress(ProcessLookupError):
      os.killpg(self.popen.pid, signal.SIGKILL)
    self.popen.wait()
    _running.discard(self.popen)


def run(
  arguments: Sequence[str | bytes], folder: pathlib.Path, **options
) -> Done:
  """Runs a command to its end; `options` are those of `Process` and `limit`."""
  limit = options.pop('limit', LIMIT)
  return Process(arguments, folder, **options).wait(limit)


def isolate(scratch: pathlib.Path) -> None:
  """Keeps all commands from here on out of the user's settings and files.

  Compiled programs are shared by all commands of the campaign, as they are by
  all commands of a user.
  """
  for name in list(os.environ):
    if name.startswith(('JAX_', 'XLA_', 'MNIST_JAX_', 'TFDS_')):
      del os.environ[name]
  os.environ |= {
    'PYTHONPATH': str(experiments.ROOT),
    'XDG_CACHE_HOME': str(scratch / 'cache'),
    'TFDS_DATA_DIR': str(scratch / 'tfds'),
    'HTTPS_PROXY': 'http://127.0.0.1:9',  # Nobody answers there: no network.
    'JAX_PLATFORMS': 'cpu',
  }


def resident(pid: int, field: str = 'VmRSS') -> float:
  """Returns a process's memory in MB now, or at its peak (VmHWM).

  It is 0 for a process that has ended, and where there is no /proc.
  """
  try:
    lines = pathlib.Path(f'/proc/{pid}/status').read_text().splitlines()
  except OSError:
    return 0.0
  found = [line.split()[1] for line in lines if line.startswith(field)]
  return int(found[0]) / 1024 if found else 0.0


def judge(done: Done, codes: Sequence[int] = (0, 2)) -> str:
  """Returns what is wrong with the end of a command; '' for a clean one.

  A clean end takes less than the limit in time and memory, has one of the
  given exit codes, prints no traceback, and says what the user can mend (code
  2) or that it was interrupted (130) in one line on stderr.
  """
  said = ' '.join(done.stderr.split())
  if done.code is None:
    return f'did not end in time; stderr: {said[-SHOWN:]}'
  if 'Traceback' in done.stderr or 'Fatal Python error' in done.stderr:
    return f'traceback, code {done.code}: {last_words(done.stderr)}'
  if done.code not in codes:
    return f'code {done.code}: {said[-SHOWN:]}'
  lines = done.stderr.strip().count('\n') + 1 if done.stderr.strip() else 0
  if done.code in (2, 130) and lines != 1:
    return f'code {done.code} with {lines} lines on stderr: {said[:SHOWN]}'
  if done.megabytes > MAX_MEGABYTES:
    return f'took {done.megabytes:,.0f} MB of memory'
  return ''


def last_words(stderr: str) -> str:
  """Returns the last line of a traceback, and its last place in our code."""
  place = r'File "[^"]*/((?:mnist_jax|experiments)/[^"]*)", line (\d+)'
  where = [f'{path}:{line}: ' for path, line in re.findall(place, stderr)]
  lines = [line for line in stderr.splitlines() if line.strip()]
  return ''.join(where[-1:]) + lines[-1][:SHOWN]


def stop() -> None:
  """Kills every process that is still running, and lets no other start."""
  with _starting:
    _stopped.set()
  for popen in list(_running):
    with contextlib.suppress(ProcessLookupError):
      os.killpg(popen.pid, signal.SIGKILL)
    popen.wait()
  _running.clear()
