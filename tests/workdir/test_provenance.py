"""What a result says about the machine it was made on."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from mnist_jax.workdir import provenance

GIT = ('git', '-c', 'user.name=me', '-c', 'user.email=me@here')
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
  # Each core's clock may be a hundredth of a second off.
  assert 0 <= cores <= 1.5 * os.cpu_count() + 0.5


@pytest.fixture
def project(tmp_path, monkeypatch):
  """A repository with one commit of `code.py`, and a .venv that it ignores."""
  for name in ('GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE'):
    monkeypatch.delenv(name, raising=False)
  if not shutil.which('git'):
    pytest.skip('needs git')
  monkeypatch.setenv('GIT_CONFIG_GLOBAL', os.devnull)
  (tmp_path / '.gitignore').write_text('.venv\n')
  for folder in ('package', '.venv'):
    (tmp_path / folder / 'workdir').mkdir(parents=True)
    (tmp_path / folder / 'workdir' / 'code.py').write_text('')
  for command in (['init', '-q'], ['add', '.'], ['commit', '-qm', 'first']):
    subprocess.run([*GIT, *command], cwd=tmp_path, check=True)
  return tmp_path


def test_the_commit_is_that_of_the_source_also_inside_a_hook_of_another(
  project, monkeypatch
):
  path = project / 'package' / 'workdir' / 'code.py'
  monkeypatch.setattr(provenance, '__file__', str(path))
  commit = provenance.git_commit()
  assert len(commit) == 40
  monkeypatch.setenv('GIT_DIR', str(project / 'none'))
  assert provenance.git_commit() == commit


def test_the_commit_says_that_a_file_of_the_package_was_changed_since(
  project, monkeypatch
):
  path = project / 'package' / 'workdir' / 'code.py'
  monkeypatch.setattr(provenance, '__file__', str(path))
  commit = provenance.git_commit()
  (project / '.gitignore').write_text('.venv\nruns\n')  # Not of the package.
  (path.parent / 'new.py').write_text('')  # Not in git.
  assert provenance.git_commit() == commit
  path.write_text('changed = True')
  assert provenance.git_commit() == f'{commit}-dirty'


def test_an_installed_package_has_no_commit_of_the_project_around_it(
  project, monkeypatch
):
  path = project / '.venv' / 'workdir' / 'code.py'
  monkeypatch.setattr(provenance, '__file__', str(path))
  assert provenance.git_commit() == ''
