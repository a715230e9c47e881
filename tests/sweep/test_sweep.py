"""A sweep is a folder that goes on, and each seed is the seed alone."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import experiments
from mnist_jax import config as config_lib
from mnist_jax.data import datasets
from mnist_jax.sweep import sweep
from mnist_jax.training import preemption, results, train
from mnist_jax.training import trainer as trainer_lib
from mnist_jax.workdir import checkpoint, lock
from mnist_jax.workdir import workdir as workdir_lib

ABOUT = results.About('tiny', 'python -m mnist_jax.main', time.monotonic())


def tiny(seed=0):
  config = config_lib.smoke(config_lib.default())
  config.seed, config.total_epochs, config.num_devices = seed, 0.5, 2
  config.model.update(name='fast', dropout=0.5)
  config.augment.update(enabled=True, rotate=10.0)
  return config


def run_tiny(path, **arguments):
  return sweep.run(tiny(), path, num_seeds=2, about=ABOUT, **arguments)


@pytest.fixture(scope='module')
def looped(tmp_path_factory):
  """Two seeds of two rates, of which one diverges, one after another."""
  path = tmp_path_factory.mktemp('looped')
  rows = [{}, {'optim.name': 'sgd', 'optim.lr': 1e3}]
  return path, rows, run_tiny(path, rows=rows, mode='loop')


def test_a_seed_of_a_loop_is_the_seed_alone_bit_for_bit(looped, tmp_path):
  path, _, _ = looped
  config = tiny(seed=1)
  trainer = trainer_lib.create_trainer(
    config, datasets.load_dataset(config.data)
  )
  signals = preemption.Preemption()
  with checkpoint.Checkpoints(tmp_path) as checkpoints:
    loop = train.train(trainer, checkpoints, tmp_path, signals)
    chosen = results.choose(trainer, checkpoints, loop)
  results.conclude(trainer, chosen, tmp_path, ABOUT, signals, explained=False)
  alone = np.load(tmp_path / 'predictions.npz')
  swept = np.load(path / 'seed1/predictions.npz')
  for name in alone.files:
    np.testing.assert_array_equal(alone[name], swept[name], err_msg=name)


def test_a_trial_that_diverges_is_recorded_and_stops_no_other(looped):
  _, _, found = looped
  assert [(r['seed'], r['overrides']) for r in found['seeds']] == [
    (0, {}),
    (1, {}),
  ]
  assert [f['seed'] for f in found['failed']] == [0, 1]
  for failure in found['failed']:
    assert failure['overrides']['optim.lr'] == 1e3
    assert 'NaN or infinite' in failure['reason']


def test_a_second_call_runs_nothing_again_and_says_why(looped, capsys):
  path, rows, found = looped
  before = (path / 'seed0/result.json').stat().st_mtime_ns
  again = run_tiny(path, rows=rows, mode='loop')
  assert again == found
  assert (path / 'seed0/result.json').stat().st_mtime_ns == before
  assert 'has failed before' in capsys.readouterr().err


def test_another_recipe_does_not_go_on_in_the_same_folder(looped):
  path, _, _ = looped
  config = tiny()
  config.total_epochs = 0.6
  with pytest.raises(sweep.errors.UserError, match='another --workdir'):
    sweep.run(config, path, num_seeds=2, about=ABOUT)


def test_a_trial_of_another_config_is_not_taken_for_the_sweeps(
  looped, tmp_path
):
  shutil.copytree(looped[0], tmp_path / 'copy')
  path = tmp_path / 'copy/seed1/config.json'
  content = json.loads(path.read_text())
  content['optim']['beta1'] = 0.5
  path.write_text(json.dumps(content))
  with pytest.raises(sweep.errors.UserError, match='seed1 holds a run of ano'):
    run_tiny(tmp_path / 'copy', rows=looped[1], mode='loop')


def test_the_commit_of_a_sweep_is_that_of_its_trials(looped, tmp_path):
  shutil.copytree(looped[0], tmp_path / 'copy')
  for name, commit in (('seed0', 'b' * 40), ('seed1', 'a' * 40)):
    path = tmp_path / 'copy' / name / 'result.json'
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {'git_commit': commit}))
  found = run_tiny(tmp_path / 'copy', rows=looped[1], mode='loop')
  assert found['git_commit'] == f'{"a" * 40}, {"b" * 40}'


def test_trials_side_by_side_go_on_from_no_others_checkpoint(
  tmp_path, monkeypatch
):
  def run(folder, other):
    rows = [{'optim.lr': 1e-3}, {'optim.lr': other}]
    return sweep.run(
      tiny(), folder, num_seeds=1, rows=rows, mode='devices', about=ABOUT
    )

  with monkeypatch.context() as stopped:
    stopped.setattr(preemption.Preemption, 'requested', lambda self: True)
    assert run(tmp_path / 'stopped', 0.1) is None
  found, fresh = (run(tmp_path / name, 1e-2) for name in ('stopped', 'fresh'))
  assert without_times(found['seeds']) == without_times(fresh['seeds'])


def test_a_trial_that_is_not_there_is_answered_with_the_nearest(tmp_path):
  with pytest.raises(sweep.errors.UserError, match="did you mean 'seed1'"):
    run_tiny(tmp_path, only='sead1')


def test_a_second_sweep_in_the_same_folder_is_refused(tmp_path):
  with (
    lock.hold(tmp_path),
    pytest.raises(sweep.errors.UserError, match='in use by process'),
  ):
    run_tiny(tmp_path, mode='loop')
  assert not (tmp_path / 'seed0').exists()


def test_a_single_trial_of_many_runs_alone_on_all_devices(tmp_path, capsys):
  found = run_tiny(tmp_path, only='seed1')
  assert '1 trial on uci_digits, loop mode' in capsys.readouterr().out
  assert [result['seed'] for result in found['seeds']] == [1]


@pytest.mark.parametrize(
  ('mode', 'num_trials', 'expected'),
  [('auto', 1, 'loop'), ('auto', 9, 'devices'), ('vmap', 9, 'vmap')],
)
def test_auto_takes_what_was_fastest_on_a_cpu(mode, num_trials, expected):
  assert sweep.resolve_mode(mode, num_trials) == expected


def start(path, *flags):
  """Starts the real command on two CPU devices."""
  environment = os.environ | {
    'JAX_NUM_CPU_DEVICES': '2',
    'JAX_DISABLE_MOST_OPTIMIZATIONS': '1',
    # A kill must not leave half a program where others look for whole ones.
    'XDG_CACHE_HOME': str(path.parent / 'cache'),
  }
  return subprocess.Popen(
    [
      sys.executable,
      '-m',
      'experiments.seed_sweep',
      '--config=configs/fast.py:smoke',
      '--num_seeds=3',
      f'--workdir={path}',
      *flags,
    ],
    env=environment,
    cwd=pathlib.Path(__file__).parents[2],
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
  )


def finish(process):
  output, _ = process.communicate(timeout=120)
  assert process.returncode == 0, output
  return output


def kill_when(path, pattern, *flags):
  """Starts the sweep and kills it as soon as a file is there."""
  process = start(path, *flags)
  until = time.monotonic() + 120
  while not list(path.glob(pattern)) and process.poll() is None:
    assert time.monotonic() < until
    time.sleep(0.01)
  process.send_signal(signal.SIGKILL)
  output, _ = process.communicate(timeout=60)
  assert process.returncode == -signal.SIGKILL, output


def without_times(value):
  """Drops what is measured, and the command, which names the folder."""
  if isinstance(value, dict):
    return {
      key: without_times(inner)
      for key, inner in value.items()
      if key not in workdir_lib.COSTS
    }
  return [*map(without_times, value)] if isinstance(value, list) else value


def test_a_sweep_that_is_killed_ends_with_the_same_json(tmp_path):
  output = finish(start(tmp_path / 'whole'))
  assert 'test accuracy' in output
  killed = tmp_path / 'killed'
  # In the middle of the first two seeds, and between their results.
  kill_when(killed, 'seed0-and-1-more-*/checkpoints/*')
  kill_when(killed, 'seed0/result.json')
  finish(start(killed))
  whole, after = (
    json.loads((path / 'sweep.json').read_text())
    for path in (tmp_path / 'whole', killed)
  )
  assert [result['seed'] for result in whole['seeds']] == [0, 1, 2]
  assert without_times(after) == without_times(whole)
  assert not list(killed.glob('*-more-*'))
  assert (killed / 'figures/seeds.png').exists()


def test_an_array_job_leaves_the_same_folder(tmp_path):
  pytest.importorskip('submitit')
  output = finish(start(tmp_path / 'jobs', '--submit=local', '--num_seeds=1'))
  assert '1 jobs are submitted' in output
  found = json.loads((tmp_path / 'jobs/sweep.json').read_text())
  assert [result['seed'] for result in found['seeds']] == [0]
  assert found['failed'] == []


def test_a_sweep_with_a_failed_trial_is_not_published(tmp_path):
  flags = ['--config.optim.name=sgd', '--config.optim.lr=1e3']
  process = start(
    tmp_path / 'failed', *flags, '--num_seeds=1', '--publish_as=of-a-test'
  )
  output, _ = process.communicate(timeout=120)
  assert process.returncode == 2
  assert 'not published, because seed0 failed' in output
  assert not list(experiments.RESULTS.glob('of-a-test*'))


@pytest.mark.parametrize(
  ('flag', 'words'),
  [
    ('--num_seeds=0', 'from 1 to'),
    ('--mode=fast', 'vmap'),
    ('--publish_as=../x', 'letters'),
    ('--settings', 'no sweep(add)'),
  ],
)
def test_a_wrong_flag_is_one_line(tmp_path, flag, words):
  process = start(tmp_path / 'wrong', flag)
  output, _ = process.communicate(timeout=60)
  assert process.returncode == 2
  assert words in output
  assert output.count('\n') == 1
