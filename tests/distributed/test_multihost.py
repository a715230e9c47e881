"""Two real processes of two devices each, joined by Gloo on 127.0.0.1."""

import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.data import datasets
from mnist_jax.distributed import initialize, multihost
from mnist_jax.training import trainer as trainer_lib
from mnist_jax.workdir import checkpoint

REPOSITORY = pathlib.Path(__file__).parents[2]
# Everything that the processes must agree on or do together: batch norm,
# augmentation, averages, a schedule and a choice that follow validation. Steps
# of SGD are as large as a gradient, so that rounding stays as small as it is.
FIELDS = {
  'data.valid': 'random',
  'select': 'best_valid',
  'total_epochs': 2.0,
  'augment.enabled': True,
  'augment.rotate': 10.0,
  'optim.name': 'sgd',
  'optim.lr': 0.002,
  'optim.momentum': 0.9,
  'optim.ema_decay': 0.99,
  'optim.schedule': 'plateau',
  'optim.plateau_patience': 2,
}
RECIPE = (
  '--config=configs/basic.py:smoke',
  *(f'--config.{name}={value}' for name, value in FIELDS.items()),
)
GONE = 'another process of this run is gone'
# A killed process is noticed by its closed connections, or at the latest by
# its missing heartbeats; twice that, for a machine that is busy.
SECONDS_TO_NOTICE = 2.5 * initialize.HEARTBEAT_SECONDS


@pytest.fixture(scope='module')
def cache(tmp_path_factory):
  """Compiled programs, for all processes of this file."""
  return tmp_path_factory.mktemp('cache')


def start(path, cache, *flags, module='mnist_jax.main', **env):
  # Proxies, and clusters of which this machine may be a part.
  theirs = ('http_proxy', 'https_proxy', 'all_proxy')
  theirs += ('kubernetes_', 'slurm_', 'ompi_')
  inherited = {
    k: v for k, v in os.environ.items() if not k.lower().startswith(theirs)
  }
  with (path.parent / f'{path.name}.err').open('a') as err:
    return subprocess.Popen(
      [sys.executable, '-m', module, f'--workdir={path}', *flags],
      cwd=REPOSITORY,
      stdout=subprocess.PIPE,
      stderr=err,
      text=True,
      env=inherited
      | {'XDG_CACHE_HOME': str(cache), 'JAX_NUM_CPU_DEVICES': '2'}
      | {'MPLBACKEND': 'Agg', 'JAX_DISABLE_MOST_OPTIMIZATIONS': '1'}
      | env,
    )


@contextlib.contextmanager
def pair(path, cache, *, slurm=False, recipe=RECIPE, **options):
  """Starts both processes of a run; none of them outlives the block."""
  processes = []
  job_id, port = free_slurm_job()
  try:
    for i in range(2):
      if slurm:
        flags, env = ['--distributed'], slurm_environment(job_id, i)
      else:
        flags, env = explicit_flags(port, i), {}
      processes.append(start(path, cache, *recipe, *flags, **env, **options))
    yield processes
  finally:
    for process in processes:
      process.kill()
      process.communicate()


def explicit_flags(port, process_id):
  return (
    '--distributed',
    f'--coordinator=127.0.0.1:{port}',
    '--num_processes=2',
    f'--process_id={process_id}',
  )


def free_slurm_job():
  """Returns a job number whose port is free: JAX takes the one from the other.

  (jax/_src/clusters/slurm_cluster.py)
  """
  for job_id in random.Random(os.getpid()).sample(range(4096), 100):
    port = job_id + 65536 - 4096
    with contextlib.suppress(OSError), socket.create_server(('', port)):
      return job_id, port
  raise AssertionError('no port is free')


def slurm_environment(job_id, process_id):
  return {
    'SLURM_JOB_ID': str(job_id),
    'SLURM_STEP_NODELIST': '127.0.0.1',
    'SLURM_NTASKS': '2',
    'SLURM_PROCID': str(process_id),
    'SLURM_LOCALID': str(process_id),
  }


def finish(processes):
  """Waits for all, process 0 first; returns what each has printed."""
  outs = [process.communicate(timeout=150)[0] for process in processes]
  assert [process.returncode for process in processes] == [0, 0]
  return outs


def wait_for_checkpoint(path):
  deadline = time.monotonic() + 120
  while time.monotonic() < deadline:
    if any(p.name.isdecimal() for p in path.glob('checkpoints/*')):
      return
    time.sleep(0.02)
  raise AssertionError(f'{path} never had a checkpoint')


def error_of(path):
  return (path.parent / f'{path.name}.err').read_text()


def error_of_one(path, cache, *flags, code):
  """Starts a process that cannot join; returns what it says on stderr."""
  process = start(path, cache, RECIPE[0], *flags)
  try:
    process.communicate(timeout=60)
  finally:
    process.kill()
  assert process.returncode == code
  return error_of(path)


@pytest.fixture(scope='module')
def together(tmp_path_factory, cache):
  """A run of two processes, and what they printed."""
  path = tmp_path_factory.mktemp('together') / 'run'
  with pair(path, cache) as processes:
    outs = finish(processes)
  assert error_of(path) == ''
  return path, outs


def kill_one(path, cache, place):
  """Kills one process of a run; returns how the other ended, and how soon."""
  with pair(path, cache) as processes:
    wait_for_checkpoint(path)
    processes[place].send_signal(signal.SIGKILL)
    started, other = time.monotonic(), processes[1 - place]
    other.communicate(timeout=SECONDS_TO_NOTICE)
    seconds = time.monotonic() - started
  assert not (path / 'result.json').exists()
  return other.returncode, seconds


@pytest.fixture(scope='module')
def killed(tmp_path_factory, cache):
  """A run whose second process was killed, how the first ended, how soon."""
  path = tmp_path_factory.mktemp('killed') / 'run'
  return path, *kill_one(path, cache, 1)


def load_run(path):
  """Returns result.json and the test logits."""
  with np.load(path / 'predictions.npz') as arrays:
    logits = arrays['test_logits']
  return json.loads((path / 'result.json').read_text()), logits


def test_two_processes_take_the_step_of_one(tmp_path, cache):
  # One step: later, rounding decides which of two nearly equal pixels a
  # pooling window picks, and two runs grow apart on some machines.
  path, fields = tmp_path / 'run', {'total_epochs': 1 / 17}
  with pair(path, cache, recipe=(*RECIPE, '--config.total_epochs=0.06')) as ps:
    finish(ps)
  config = config_lib.smoke(config_lib.default())
  config.num_devices = 4
  config.update_from_flattened_dict(FIELDS | fields)
  alone = trainer_lib.create_trainer(config, datasets.load_dataset(config.data))
  state, sums = alone.create()
  state, _ = alone.run_steps(
    state, sums, alone.splits['train'], alone.epoch_indices(0), 0, 1
  )
  with checkpoint.Checkpoints(path) as checkpoints:
    (theirs, _), progress, _ = checkpoints.restore_newest(alone.abstract())
  assert (int(theirs.step), progress['epochs']) == (1, 1)
  for a, b in zip(
    jax.tree.leaves((state.variables(), state.ema)),
    jax.tree.leaves((theirs.variables(), theirs.ema)),
    strict=True,
  ):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-6)
  logits, _ = alone.evaluate(state.eval_variables(), alone.splits['test'])
  result, their_logits = load_run(path)
  np.testing.assert_allclose(logits, their_logits, rtol=1e-3, atol=1e-3)
  assert result['num_devices'] == 4


def test_a_sweep_spreads_its_seeds_over_both_processes(tmp_path, cache):
  recipe = ('--config=configs/fast.py:smoke', '--num_seeds=3')
  path, module = tmp_path / 'sweep', 'experiments.seed_sweep'
  with pair(path, cache, recipe=recipe, module=module) as processes:
    first, second = finish(processes)
  assert 'devices mode, 4 devices' in first
  assert second == ''
  found = json.loads((path / 'sweep.json').read_text())
  assert [result['seed'] for result in found['seeds']] == [0, 1, 2]
  assert found['failed'] == []
  errors = {result['test']['num_errors'] for result in found['seeds']}
  assert len(errors) > 1  # Seeds of their own.


def test_only_the_first_process_prints_and_writes(together):
  path, (first, second) = together
  assert '4 x cpu' in first
  assert 'in 2 processes' in first
  assert 'Gloo' not in first
  assert second == ''
  lines = (path / 'metrics.jsonl').read_text().splitlines()
  rows = [json.loads(line) for line in lines]
  assert [row['epoch'] for row in rows] == [1, 2]
  assert (path / 'report.html').exists()
  assert not list(path.rglob('*tmp*'))


def test_a_killed_process_ends_the_other_with_a_line_in_bounded_time(killed):
  path, returncode, seconds = killed
  assert returncode == os.EX_TEMPFAIL
  assert seconds < SECONDS_TO_NOTICE
  assert GONE in error_of(path).splitlines()[-1]
  assert 'start all of them again' in error_of(path)
  assert 'Traceback' not in error_of(path)


def test_the_loss_of_process_0_which_the_others_ask_ends_them_alike(
  tmp_path, cache
):
  code, seconds = kill_one(tmp_path / 'run', cache, 0)
  assert code == os.EX_TEMPFAIL
  assert seconds < SECONDS_TO_NOTICE
  assert GONE in error_of(tmp_path / 'run').splitlines()[-1]


def test_a_killed_pair_resumes_and_ends_like_an_unbroken_one(
  killed, together, cache
):
  path, _, _ = killed
  with pair(path, cache, slurm=True) as processes:
    out, _ = finish(processes)
  assert 'resuming at step' in out
  result, logits = load_run(path)
  unbroken, unbroken_logits = load_run(together[0])
  np.testing.assert_array_equal(logits, unbroken_logits)
  for name in ('train', 'valid', 'test', 'best_epoch', 'steps'):
    assert result[name] == unbroken[name]


@pytest.mark.parametrize(
  ('flags', 'words'),
  [
    (['--num_processes=2'], ['come together', '--process_id']),
    (explicit_flags(1, 2), ['--process_id=2', 'from 0 to 1']),
    (explicit_flags('x', 1), ['--coordinator=127.0.0.1:x', 'HOST:PORT']),
    (explicit_flags(1, 1)[1:], ['need --distributed']),
    (['--distributed'], ['cannot join', '--coordinator=HOST:PORT']),
    (
      (*explicit_flags(1, 1), '--join_timeout=1'),
      ['cannot be reached', '127.0.0.1:1', 'tried for 1 s'],
    ),
  ],
)
def test_what_cannot_join_is_one_line(flags, words, tmp_path, cache):
  error = error_of_one(tmp_path / 'run', cache, *flags, code=2)
  assert error.count('\n') == 1
  for word in words:
    assert word in error


def test_a_host_that_can_have_no_address_is_one_line():
  processes = initialize.Processes('node..cluster', 1234, 2, 1)
  with pytest.raises(errors.UserError, match='no valid name of a host'):
    initialize._wait_for_first(processes, timeout=0)


def test_a_process_whose_others_never_come_says_so(tmp_path, cache):
  flags = (*explicit_flags(free_slurm_job()[1], 0), '--join_timeout=1')
  error = error_of_one(tmp_path / 'run', cache, *flags, code=os.EX_TEMPFAIL)
  assert 'have not all met within 1 s' in error.splitlines()[-1]


def test_a_port_in_use_is_one_line(tmp_path, cache):
  with socket.create_server(('', 0)) as server:
    flags = explicit_flags(server.getsockname()[1], 0)
    error = error_of_one(tmp_path / 'run', cache, *flags, code=2)
  assert 'cannot be opened' in error
  assert error.count('\n') == 1


@pytest.mark.parametrize(
  ('error', 'is_loss'),
  [
    (ValueError('UNKNOWN: Gloo AllGather failed: Connection closed'), True),
    (ValueError('the shapes differ'), False),
  ],
)
def test_a_collective_that_fails_while_it_compiles_tells_of_a_lost_process(
  monkeypatch, error, is_loss
):
  monkeypatch.setattr(multihost, 'count', lambda: 2)
  assert bool(multihost.loss_of_another(error)) == is_loss
