"""Two processes never write one workdir; a dead one leaves no lock."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from mnist_jax import errors
from mnist_jax.workdir import lock

REPOSITORY = pathlib.Path(__file__).parents[2]
HOLD = (
  'import pathlib, sys, time\n'
  'from mnist_jax.workdir import lock\n'
  'with lock.hold(pathlib.Path(sys.argv[1])):\n'
  '  print("held", flush=True)\n'
  '  time.sleep(60)\n'
)


@pytest.fixture
def holder(tmp_path):
  process = subprocess.Popen(
    [sys.executable, '-c', HOLD, str(tmp_path)],
    cwd=REPOSITORY,
    stdout=subprocess.PIPE,
    text=True,
  )
  assert process.stdout.readline() == 'held\n'
  yield process
  process.kill()
  process.communicate()


def test_the_second_process_is_told_who_holds_the_lock(holder, tmp_path):
  with (
    pytest.raises(errors.UserError, match=f'in use by process {holder.pid} on'),
    lock.hold(tmp_path),
  ):
    pass


def test_a_killed_process_leaves_no_lock_and_no_half_written_file(
  holder, tmp_path
):
  (tmp_path / 'figures').mkdir()
  for name in ('.report.html.123.tmp', 'figures/.x.png.123.tmp'):
    (tmp_path / name).write_text('half')
  mine = {'mine.tmp', '.mine.tmp', '.mine.1.tmp.txt'}
  for name in mine:
    (tmp_path / name).write_text('of the user')
  holder.send_signal(signal.SIGKILL)
  holder.communicate(timeout=60)
  with lock.hold(tmp_path):
    names = {str(path.name) for path in tmp_path.rglob('*')}
    assert names == {lock.NAME, 'figures', *mine}
    assert f'process {os.getpid()}' in (tmp_path / lock.NAME).read_text()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
  (tmp_path / 'file').write_text('')
  with (
    pytest.raises(errors.UserError, match='cannot be written'),
    lock.hold(tmp_path / 'file'),
  ):
    pass


def test_a_lock_that_cannot_be_written_is_one_line_and_is_not_kept(tmp_path):
  (tmp_path / lock.NAME).symlink_to('/dev/full')  # As on a full disk.
  for _ in range(2):
    with (
      pytest.raises(errors.UserError, match='cannot be written'),
      lock.hold(tmp_path),
    ):
      pass


def test_a_folder_too_deep_to_be_made_is_one_line(tmp_path):
  with (
    pytest.raises(errors.UserError, match='cannot be written'),
    lock.hold(tmp_path / ('x/' * 2000)),
  ):
    pass


def test_a_name_that_checkpoints_cannot_use_is_one_line(tmp_path):
  with (
    pytest.raises(errors.UserError, match='not UTF-8'),
    lock.hold(tmp_path / 'x\udcff'),
  ):
    pass
