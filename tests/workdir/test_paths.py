"""Paths of users: `~` is their home, and a closed folder is one line."""

import pathlib
import subprocess
import sys

import pytest

from mnist_jax import errors
from mnist_jax.workdir import paths

REPOSITORY = pathlib.Path(__file__).parents[2]


def test_a_tilde_stands_for_the_home_of_the_user(monkeypatch):
  monkeypatch.setenv('HOME', '/home/me')
  for path in ('~/runs/a', pathlib.Path('~/runs/a')):
    assert paths.expand(path) == pathlib.Path('/home/me/runs/a')
  assert paths.expand('~') == pathlib.Path('/home/me')
  for path in ('./~', 'runs/~', '/runs/a~'):
    assert paths.expand(path) == pathlib.Path(path)


@pytest.mark.parametrize(
  'module',
  ['mnist_jax.main', 'experiments.seed_sweep', 'experiments.ablations'],
)
def test_the_home_of_an_unknown_user_is_one_line_of_a_command(module):
  flags = '--config=single_conv:smoke', '--workdir=~nobody_of_that_name/a'
  done = subprocess.run(
    [sys.executable, '-m', module, *flags],
    cwd=REPOSITORY,
    capture_output=True,
    text=True,
    timeout=60,
  )
  assert done.returncode == 2
  assert 'unknown user; write ./~nobody_of_that_name/a' in done.stderr
  assert done.stderr.count('\n') == 1


def test_a_file_whose_folder_cannot_be_entered_is_one_line(no_entry):
  with pytest.raises(errors.UserError, match='none cannot be read'):
    paths.is_file(no_entry / 'none')


def test_neither_a_folder_nor_nothing_is_a_file(tmp_path):
  (tmp_path / 'file').write_text('')
  assert paths.is_file(tmp_path / 'file')
  for path in (tmp_path, tmp_path / 'none/none', tmp_path / 'file/x', 'a\0b'):
    assert not paths.is_file(path)
