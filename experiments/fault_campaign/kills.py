"""Runs that are killed or interrupted at every stage, then started again."""

import pathlib
import random
import re
import signal
import time

from experiments.fault_campaign import bench as bench_lib
from experiments.fault_campaign import campaign, processes

STAGES = ('imports', 'start', 'training', 'save', 'last evaluation')
SECONDS_TO_STOP = 30  # After a first signal.
SECONDS_TO_DIE = 5  # After a second.


def cases(bench: bench_lib.Bench) -> list[campaign.Case]:
  """Returns the cases of this family."""

  def interrupt(number: signal.Signals) -> campaign.Attempt:
    return lambda its: [interrupt_and_resume(bench, its, number)]

  return [
    campaign.Case('SIGKILL', 100, 3, lambda its: [kill_and_resume(bench, its)]),
    campaign.Case('SIGTERM', 30, 1.5, interrupt(signal.SIGTERM)),
    campaign.Case('SIGINT', 30, 1.5, interrupt(signal.SIGINT)),
    campaign.Case(
      'two signals in a row',
      20,
      1,
      lambda its: [interrupt_twice_and_resume(bench, its)],
    ),
  ]


def kill_and_resume(bench: bench_lib.Bench, its: campaign.Try) -> str:
  """Kills a run one to three times, then lets the same command finish."""
  unbroken, stages = bench.finished, []
  for _ in range(its.rng.choice((1, 1, 2, 3))):
    process = start(its.folder)
    stages.append(reach(its.rng, process, its.folder / 'run'))
    process.kill()
  return campaign.describe(f'SIGKILL at {stages}', finish(its.folder, unbroken))


def interrupt_and_resume(
  bench: bench_lib.Bench, its: campaign.Try, number: signal.Signals
) -> str:
  """Sends one signal to a run, then lets the same command finish."""
  unbroken, process = bench.finished, start(its.folder)
  stage = reach(its.rng, process, its.folder / 'run')
  seen = bench_lib.num_epochs(process)
  process.send(number)
  done = process.wait(SECONDS_TO_STOP)
  what = processes.judge(done, (0, 130)) or ignored(seen, done)
  return campaign.describe(
    f'{number.name} at {stage}', what or finish(its.folder, unbroken)
  )


def interrupt_twice_and_resume(
  bench: bench_lib.Bench, its: campaign.Try
) -> str:
  """Sends two signals to a run, then lets the same command finish."""
  unbroken, process = bench.finished, start(its.folder)
  stage = reach(its.rng, process, its.folder / 'run')
  first, second = its.rng.choices((signal.SIGINT, signal.SIGTERM), k=2)
  process.send(first)
  time.sleep(its.rng.uniform(0.01, 0.5))
  process.send(second)
  done = process.wait(SECONDS_TO_DIE)
  what = processes.judge(done, (0, 130, -signal.SIGINT, -signal.SIGTERM))
  return campaign.describe(
    f'{first.name} and {second.name} at {stage}',
    what or finish(its.folder, unbroken),
  )


def start(folder: pathlib.Path) -> processes.Process:
  """Starts the small run of the campaign in folder/run."""
  arguments = bench_lib.train(folder / 'run', bench_lib.ALONE)
  return processes.Process(arguments, folder)


def reach(
  rng: random.Random, process: processes.Process, workdir: pathlib.Path
) -> str:
  """Waits until a run is somewhere in a random stage; returns the stage."""
  stage = rng.choice(STAGES)
  epoch, share = rng.randint(1, bench_lib.NUM_EPOCHS - 1), rng.random()
  if stage == 'imports':
    # Before, Python itself is starting, and no code of ours can be running.
    time.sleep(0.2 + 2.5 * share)
    return stage
  process.wait_until(process.output, 60)
  if stage == 'start':
    time.sleep(share)
  elif stage == 'training':
    bench_lib.wait_for_epoch(process, epoch)
    time.sleep(0.2 * share)
  elif stage == 'save':
    bench_lib.wait_for_epoch(process, epoch)
    process.wait_until(lambda: any(workdir.glob('checkpoints/*tmp*')), 5)
  else:
    bench_lib.wait_for_epoch(process, bench_lib.NUM_EPOCHS)
    time.sleep(2 * share)
  return stage


def ignored(seen: int, done: processes.Done) -> str:
  """Returns whether a run has ignored a signal; '' if it has not.

  Args:
    seen: epochs reported before the signal. Later than in the first epoch, a
      short run may be over before it can answer.
    done: the end of the run.
  """
  if seen == 0 and 'test accuracy' in done.stdout:
    return 'went on to the end as if there had been no signal'
  if done.code == 0 and not re.search('to go on|test accuracy', done.stdout):
    return 'ended with code 0, without a result or how to go on'
  return ''


def finish(folder: pathlib.Path, unbroken: pathlib.Path) -> str:
  """Starts the run again; returns how it differs from an unbroken one."""
  done = start(folder).wait()
  return (
    processes.judge(done, (0,))
    or bench_lib.differences(folder / 'run', unbroken)
    or bench_lib.leftovers(folder / 'run')
  )
