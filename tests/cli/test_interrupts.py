"""A signal at any moment ends a command with one line, or saves the run."""

import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

import pytest

REPOSITORY = pathlib.Path(__file__).parents[2]
RECIPE = (
  '--config=configs/single_conv.py:smoke',
  '--config.data.batch_size=8',
  '--config.total_epochs=200.0',
)
NUMBERS = (signal.SIGINT, signal.SIGTERM)


def start(path):
  return subprocess.Popen(
    [sys.executable, '-m', 'mnist_jax.main', f'--workdir={path}', *RECIPE],
    cwd=REPOSITORY,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def wait_until_it_handles_signals(process):
  """Python itself takes a moment to start, and is not ours."""
  until = time.monotonic() + 60
  while time.monotonic() < until:
    status = pathlib.Path(f'/proc/{process.pid}/status').read_text()
    caught = int(re.search(r'SigCgt:\s*(\w+)', status)[1], 16)
    if caught >> (signal.SIGTERM - 1) & 1:
      return
    time.sleep(0.002)
  raise AssertionError('the command never handled signals')


def wait_for_row(path):
  until = time.monotonic() + 120
  while time.monotonic() < until:
    rows = path / 'metrics.jsonl'
    if rows.exists() and rows.read_text().count('\n'):
      return
    time.sleep(0.02)
  raise AssertionError('no epoch was ever finished')


@pytest.mark.skipif(not os.path.exists('/proc'), reason='looks into /proc')
@pytest.mark.parametrize('number', NUMBERS)
@pytest.mark.parametrize('delay', [0.0, 0.4, 1.2])
def test_a_signal_before_training_is_one_line(tmp_path, number, delay):
  process = start(tmp_path)
  wait_until_it_handles_signals(process)
  time.sleep(random.Random(delay).uniform(0.5, 1) * delay)
  process.send_signal(number)
  out, err = process.communicate(timeout=60)
  if process.returncode == 0:  # A fast machine trains already.
    assert 'stopped and saved' in out
    return
  assert process.returncode == 130
  assert err.startswith('mnist_jax: interrupted')
  assert err.count('\n') == 1


def test_a_second_signal_does_not_wait(tmp_path):
  process = start(tmp_path)
  wait_for_row(tmp_path)
  # The process is stopped, so that both signals are there when it goes on.
  process.send_signal(signal.SIGSTOP)
  process.send_signal(signal.SIGTERM)
  process.send_signal(signal.SIGINT)
  process.send_signal(signal.SIGCONT)
  _, err = process.communicate(timeout=60)
  assert process.returncode == 130
  assert err.count('\n') == 1


@pytest.mark.parametrize('number', NUMBERS)
@pytest.mark.parametrize(
  'end',
  [
    'raise SystemExit(argparse_args.run(lambda argv: 0))',
    'absl_flags.run(lambda: None)',
  ],
)
def test_a_signal_while_a_finished_command_cleans_up_changes_no_exit_code(
  number, end
):
  # Python deletes the globals after it has stopped handling signals.
  code = f"""
import os, signal
from mnist_jax.cli import absl_flags, argparse_args, interrupts

class Late:
  kill, pid = os.kill, os.getpid()
  def __del__(self):
    Late.kill(Late.pid, {int(number)})

interrupts.install()
late = Late()
{end}
"""
  done = subprocess.run([sys.executable, '-c', code], cwd=REPOSITORY)
  assert done.returncode == 0
