"""What a result says about the machine it was made on."""

import os
import subprocess
import sys
import time

import pytest

from mnist_jax.workdir import provenance

BURN = """
import time
end = time.process_time() + 0.5
while time.process_time() < end:
  pass
"""


def test_what_this_process_and_its_children_use_is_not_counted_as_others():
  before = provenance.now()
  exec(BURN)
  subprocess.run([sys.executable, '-c', BURN], check=True)
  after = provenance.now()
  here = after.used_here - before.used_here
  assert here >= 0.98  # A half each, but for the clock's hundredths.
  # The machine counts them too, whatever else runs on it.
  assert after.used - before.used >= here - 0.1


def test_a_program_of_someone_else_is_counted(monkeypatch):
  since = provenance.Moment(100.0, 5000.0, 10.0)
  then = provenance.Moment(110.0, 5018.0, 13.0)
  monkeypatch.setattr(provenance, 'now', lambda: then)
  assert provenance.cores_used_by_others(since) == pytest.approx(1.5)


def test_others_use_no_less_than_nothing_and_no_more_than_the_machine_has():
  since = provenance.now()
  time.sleep(0.2)
  cores = provenance.cores_used_by_others(since)
  assert 0 <= cores <= os.cpu_count() + 0.5
