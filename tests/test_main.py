"""The command line, run wrongly on purpose: one line, exit code 2."""

import os
import pathlib
import resource
import subprocess
import sys
import time

import pytest

REPOSITORY = pathlib.Path(__file__).parent.parent
SMOKE = '--config=configs/single_conv.py:smoke'


def run(*flags, env=None, preexec_fn=None):
  return subprocess.run(
    [sys.executable, '-m', 'mnist_jax.main', *flags],
    cwd=REPOSITORY,
    capture_output=True,
    text=True,
    timeout=120,
    env=os.environ | (env or {}),
    preexec_fn=preexec_fn,
  )


def assert_refused(done, *words):
  assert done.returncode == 2, done.stderr
  assert done.stderr.count('\n') == 1, done.stderr
  assert 'Traceback' not in done.stderr
  for word in words:
    assert word in done.stderr


def test_help_answers_within_a_second():
  started = time.monotonic()
  done = run('--help')
  seconds = time.monotonic() - started
  assert '--config' in done.stdout
  assert done.returncode == 0
  assert seconds < 1


@pytest.mark.parametrize(
  ('flags', 'words'),
  [
    ((), ['--config=configs/improved.py']),
    (['--confg=configs/basic.py'], ['confg', 'config']),
    (['configs/basic.py'], ['configs/basic.py', '--config']),
    (['--config=configs/improve.py'], ['configs/improved.py']),
    ([SMOKE, '--config.optim.lrr=1'], ["'optim.lrr'", "'optim.lr'"]),
    ([SMOKE, '--config.optimm.lr=1'], ["'optimm.lr'", "'optim.lr'"]),
    ([SMOKE, '--config.data.batch_size=abc'], ['batch_size', 'abc', 'int']),
    ([SMOKE, '--config.optim.lr=fast'], ['optim.lr', 'fast', 'float']),
    ([SMOKE, '--config.optim.nesterov=maybe'], ['nesterov', 'bool']),
    (['--config=configs/basic.py:quick'], ['quick', ':smoke']),
  ],
)
def test_a_mistyped_flag_is_named_with_the_nearest_right_one(flags, words):
  assert_refused(run(*flags), *words)


def test_a_recipe_that_raises_is_one_line(tmp_path):
  (tmp_path / 'broken.py').write_text('def get_config(:\n')
  done = run(f'--config={tmp_path}/broken.py')
  assert_refused(done, 'SyntaxError')


@pytest.mark.parametrize(
  ('flag', 'words'),
  [
    ('--config.optim.lr=-1', ['optim.lr', '-1', 'above 0']),
    ('--config.data.batch_size=5000', ['5000', '1,300', 'try 128']),
    ('--config.model.name=improve', ['improve', 'improved']),
    ('--config.num_devices=3', ['num_devices', '3']),
    ('--workdir=/proc/run', ['/proc/run', '--workdir']),
  ],
)
def test_what_cannot_be_done_is_refused_before_training(flag, words, tmp_path):
  assert_refused(run(SMOKE, f'--workdir={tmp_path}', flag), *words)


def test_a_batch_that_devices_cannot_share_names_one_that_they_can(tmp_path):
  done = run(SMOKE, f'--workdir={tmp_path}', env={'JAX_NUM_CPU_DEVICES': '3'})
  assert_refused(done, 'batch_size 64', '3 devices', 'try 63')


def test_mnist_without_files_or_network_names_the_three_ways(tmp_path):
  done = run(
    SMOKE,
    '--config.data.name=mnist',
    f'--workdir={tmp_path}',
    env={'MNIST_JAX_MANUAL_DIR': '', 'HTTPS_PROXY': 'http://127.0.0.1:9'},
  )
  assert_refused(done, 'network', 'data.manual_dir', 'data.data_dir')


def test_a_named_folder_without_the_files_is_refused(tmp_path):
  done = run(
    SMOKE,
    '--config.data.name=mnist',
    f'--workdir={tmp_path}/run',
    f'--config.data.manual_dir={tmp_path}',
  )
  assert_refused(done, str(tmp_path), '.gz is missing')


def test_a_workdir_of_another_config_lists_the_fields_that_differ(tmp_path):
  assert run(SMOKE, f'--workdir={tmp_path}').returncode == 0
  (tmp_path / 'result.json').unlink()
  done = run(SMOKE, f'--workdir={tmp_path}', '--config.optim.lr=0.5')
  assert_refused(done, 'optim.lr: 0.001 -> 0.5', '--workdir')


def test_a_full_disk_is_one_line_and_the_run_goes_on_after_it(tmp_path):
  flags = (SMOKE, f'--workdir={tmp_path}')
  limit = 300_000  # Bytes in a file: enough for all but a checkpoint.
  done = run(
    *flags,
    preexec_fn=lambda: resource.setrlimit(
      resource.RLIMIT_FSIZE, (limit, limit)
    ),
  )
  assert_refused(done, str(tmp_path), 'cannot be written', 'make room')
  assert run(*flags).returncode == 0


def test_a_corrupt_newest_checkpoint_is_said_and_passed_over(tmp_path):
  flags = (SMOKE, f'--workdir={tmp_path}')
  assert run(*flags).returncode == 0
  (tmp_path / 'result.json').unlink()
  newest = max((tmp_path / 'checkpoints').iterdir(), key=lambda p: int(p.name))
  for path in newest.rglob('*'):
    if path.is_file() and path.stat().st_size > 100_000:
      path.write_bytes(path.read_bytes()[:1000])
  done = run(*flags)
  assert done.returncode == 0, done.stderr
  assert f'checkpoint {newest.name} is damaged' in done.stderr
  assert 'going on from' in done.stderr
