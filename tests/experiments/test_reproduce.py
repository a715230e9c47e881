"""The recipes' sweeps, each in a process of its own."""

import os
import pathlib
import signal
import subprocess
import sys
import time

SWEEP = """
import pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
folder = pathlib.Path(sys.argv[1])
try:
  (folder / 'started').touch()
  time.sleep(60)
except KeyboardInterrupt:
  time.sleep(1)
  (folder / 'saved').touch()
"""
REPRODUCE = """
import signal, sys
from experiments import reproduce
# Where the tests run in the background, it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
reproduce.finish([sys.executable, *sys.argv[1:]])
"""


def test_after_ctrl_c_a_sweep_has_the_time_to_save(tmp_path):
  process = subprocess.Popen(
    [sys.executable, '-c', REPRODUCE, '-c', SWEEP, str(tmp_path)],
    cwd=pathlib.Path(__file__).parents[2],
    stderr=subprocess.DEVNULL,
    start_new_session=True,  # Ctrl-C reaches all processes of a terminal.
  )
  until = time.monotonic() + 60
  while not (tmp_path / 'started').exists():
    assert time.monotonic() < until and process.poll() is None
    time.sleep(0.01)
  os.killpg(process.pid, signal.SIGINT)
  assert process.wait(timeout=60) != 0  # No other recipe begins.
  assert (tmp_path / 'saved').exists()
