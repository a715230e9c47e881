"""Kills in the middle of a sweep, and of a run of two processes."""

import json
import os
import pathlib
import signal
import socket
import time

from experiments.fault_campaign import bench as bench_lib
from experiments.fault_campaign import campaign, kills, processes
from mnist_jax.workdir import workdir as workdir_lib

SWEEP = (f'--config={bench_lib.CONFIGS}/fast.py:smoke', '--num_seeds=2')
# Small steps, so that the rounding of sums over devices changes no decision.
PAIR = (
  f'--config={bench_lib.CONFIGS}/single_conv.py:smoke',
  '--config.total_epochs=4',
)


def cases(bench: bench_lib.Bench) -> list[campaign.Case]:
  """Returns the cases of this family."""
  unbroken = Unbroken(bench)
  return [
    campaign.Case(
      'SIGKILL in a sweep', 15, 1, lambda its: [kill_sweep(unbroken, its)], 1
    ),
    campaign.Case(
      'SIGTERM or SIGINT in a sweep',
      15,
      1,
      lambda its: [interrupt_sweep(unbroken, its)],
      1,
    ),
    campaign.Case(
      'kill in a 2-process run',
      15,
      1,
      lambda its: [kill_pair(unbroken, its)],
      1,
    ),
  ]


class Unbroken:
  """The results of an unbroken sweep and of an unbroken 2-process run."""

  def __init__(self, bench: bench_lib.Bench):
    self._folder = bench.scratch / 'unbroken'

  @property
  def sweep(self) -> dict:
    """The numbers of the sweep."""
    path = self._folder / 'sweep'
    if not (path / 'sweep.json').exists():
      self._folder.mkdir(exist_ok=True)
      done = start_sweep(path).wait()
      if done.code:
        raise RuntimeError(f'the unbroken sweep has failed: {done.stderr}')
    return sweep_numbers(path)

  @property
  def pair(self) -> pathlib.Path:
    """The workdir of the 2-process run."""
    path = self._folder / 'pair'
    if not (path / 'result.json').exists():
      self._folder.mkdir(exist_ok=True)
      for process in start_pair(path):
        if (done := process.wait()).code:
          raise RuntimeError(f'the unbroken pair has failed: {done.stderr}')
    return path


def start_sweep(path: pathlib.Path) -> processes.Process:
  """Starts the sweep of this file in `path`."""
  arguments = ['-m', 'experiments.seed_sweep', *SWEEP, f'--workdir={path}']
  return processes.Process(arguments, path.parent)


def sweep_numbers(path: pathlib.Path) -> dict:
  """Returns the results of all seeds in sweep.json, without costs."""
  sweep = json.loads((path / 'sweep.json').read_text())
  seeds = [
    {key: row[key] for key in row if key not in workdir_lib.COSTS}
    for row in sweep['seeds']
  ]
  return {'seeds': seeds, 'failed': sweep['failed']}


def kill_sweep(unbroken: Unbroken, its: campaign.Try) -> str:
  """Kills a sweep at a random moment, then lets the same command finish."""
  expected, path = unbroken.sweep, its.folder / 'sweep'
  process = start_sweep(path)
  moment = wait_for_moment(process, path, its)
  process.kill()
  return campaign.describe(f'SIGKILL {moment}', finish_sweep(path, expected))


def interrupt_sweep(unbroken: Unbroken, its: campaign.Try) -> str:
  """Sends a signal to a sweep, then lets the same command finish."""
  expected, path = unbroken.sweep, its.folder / 'sweep'
  process = start_sweep(path)
  moment = wait_for_moment(process, path, its)
  number = its.rng.choice((signal.SIGTERM, signal.SIGINT))
  process.send(number)
  what = processes.judge(process.wait(kills.SECONDS_TO_STOP), (0, 130))
  what = what or finish_sweep(path, expected)
  return campaign.describe(f'{number.name} {moment}', what)


def wait_for_moment(
  process: processes.Process, path: pathlib.Path, its: campaign.Try
) -> str:
  """Waits until a sweep has written something, and a little more."""
  pattern = its.rng.choice(
    ('config.json', 'seed*/config.json', '*/checkpoints/*', 'seed*/result.json')
  )
  process.wait_until(lambda: any(path.glob(pattern)), 60)
  time.sleep(its.rng.random())
  return f'after {pattern}'


def finish_sweep(path: pathlib.Path, expected: dict) -> str:
  """Starts the sweep again; returns how it differs from an unbroken one."""
  if what := processes.judge(start_sweep(path).wait(), (0,)):
    return what
  if sweep_numbers(path) != expected:
    return 'sweep.json differs from that of an unbroken sweep'
  return bench_lib.leftovers(path)


def start_pair(path: pathlib.Path) -> list[processes.Process]:
  """Starts both processes of a run, of one device each."""
  with socket.socket() as probe:
    probe.bind(('127.0.0.1', 0))
    port = probe.getsockname()[1]
  shared = ['--distributed', f'--coordinator=127.0.0.1:{port}']
  # So that one that waits for a killed one ends before the campaign's limit.
  shared.append('--join_timeout=60')
  return [
    processes.Process(
      [
        *bench_lib.train(path, PAIR),
        *(*shared, '--num_processes=2', f'--process_id={i}'),
      ],
      path.parent,
      env={'JAX_NUM_CPU_DEVICES': '1'},
    )
    for i in range(2)
  ]


def kill_pair(unbroken: Unbroken, its: campaign.Try) -> str:
  """Kills one of two processes; the other must end, and both go on."""
  expected, path = unbroken.pair, its.folder / 'run'
  pair = start_pair(path)
  kills.reach(its.rng, pair[0], path)
  victim = its.rng.randrange(2)
  was_running = all(process.is_running() for process in pair)
  pair[victim].kill()
  # 0: it had finished already. 2: its partner was gone before they had met.
  what = processes.judge(pair[1 - victim].wait(), (0, 2, os.EX_TEMPFAIL))
  if not was_running:
    what = ''
  ends = [process.wait() for process in start_pair(path)]
  what = what or next((w for d in ends if (w := processes.judge(d, (0,)))), '')
  what = what or bench_lib.differences(path, expected)
  return campaign.describe(f'process {victim} killed', what)
