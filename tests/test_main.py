"""The command that trains, run as a user runs it, and run wrongly."""

import pathlib
import shutil
import subprocess
import sys

import pytest

from configs import single_conv
from mnist_jax import errors
from mnist_jax.training import results, train

REPOSITORY = pathlib.Path(__file__).parent.parent
SMOKE = '--config=configs/single_conv.py:smoke'
# Limits the size of files, in bytes: enough for all but a checkpoint.
ON_A_FULL_DISK = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def run(*flags, before=()):
  return subprocess.run(
    [sys.executable, *before, '-m', 'mnist_jax.main', *flags],
    cwd=REPOSITORY,
    capture_output=True,
    text=True,
    timeout=120,
  )


def assert_refused(done, *words):
  assert done.returncode == 2, done.stderr
  assert done.stderr.count('\n') == 1, done.stderr
  for word in words:
    assert word in done.stderr


@pytest.fixture(scope='module')
def stopped_and_finished(tmp_path_factory):
  """A run that a full disk stops, and its second start, in one workdir."""
  path = tmp_path_factory.mktemp('runs') / 'run'
  flags = (SMOKE, f'--workdir={path}')
  return run(*flags, before=('-c', ON_A_FULL_DISK)), run(*flags), path


@pytest.fixture
def unfinished(stopped_and_finished, tmp_path):
  """A workdir whose run lacks only its result."""
  shutil.copytree(stopped_and_finished[-1], tmp_path / 'run')
  (tmp_path / 'run/result.json').unlink()
  return tmp_path / 'run'


def test_a_full_disk_is_one_line_and_the_run_goes_on_after_it(
  stopped_and_finished,
):
  stopped, finished, path = stopped_and_finished
  assert_refused(stopped, str(path), 'cannot be written', 'make room')
  assert finished.returncode == 0, finished.stderr
  assert (path / 'result.json').is_file()


def test_a_workdir_of_another_config_lists_the_fields_that_differ(unfinished):
  done = run(SMOKE, f'--workdir={unfinished}', '--config.optim.lr=0.5')
  assert_refused(done, 'optim.lr: 0.001 -> 0.5', '--workdir')


def test_a_damaged_newest_checkpoint_is_reported_and_an_older_one_used(
  unfinished,
):
  checkpoints = (unfinished / 'checkpoints').iterdir()
  newest = max(checkpoints, key=lambda path: int(path.name))
  for path in newest.rglob('*'):
    if path.is_file() and path.stat().st_size > 100_000:
      path.write_bytes(path.read_bytes()[:1000])
  done = run(SMOKE, f'--workdir={unfinished}')
  assert done.returncode == 0, done.stderr
  assert f'checkpoint {newest.name} is damaged' in done.stderr
  assert 'going on from' in done.stderr


@pytest.mark.parametrize(
  ('field', 'value', 'words'),
  [
    ('optim.lr', -1.0, 'optim.lr -1.* above 0'),
    ('data.batch_size', 5000, '5000.* 1,300.*try 128'),
    ('model.name', 'improve', 'improve.*improved'),
    ('num_devices', 3, 'batch_size 64 .*3 devices.*try 63'),
    ('num_devices', 99, 'num_devices 99'),
  ],
)
def test_a_config_that_cannot_work_is_refused_before_training(
  field, value, words, tmp_path
):
  config = single_conv.get_config('smoke')
  config.update_from_flattened_dict({field: value})
  with pytest.raises(errors.UserError, match=words):
    train_into(tmp_path / 'run', config)
  assert not (tmp_path / 'run/metrics.jsonl').exists()


def test_a_workdir_that_cannot_be_written_is_refused():
  with pytest.raises(errors.UserError, match=r'/proc/run.*--workdir'):
    train_into('/proc/run', single_conv.get_config('smoke'))


def train_into(workdir, config):
  about = results.About('single_conv', 'python -m mnist_jax.main', 0.0)
  train.train_and_evaluate(config, workdir, about=about)
