"""`python -m mnist_jax.analysis` prints what it wrote, or one line."""

import os
import pathlib
import subprocess
import sys

import pytest
import run_samples

from mnist_jax.analysis import __main__

REPOSITORY = pathlib.Path(__file__).parents[2]
COMMAND = (sys.executable, '-m', 'mnist_jax.analysis')


@pytest.fixture
def analyse(capfd):
  def analyse(*args):
    code = __main__.main([str(arg) for arg in args])
    return code, *capfd.readouterr()

  return analyse


def test_the_paths_written_are_printed(workdir):
  done = subprocess.run(
    [*COMMAND, workdir], capture_output=True, text=True, cwd=REPOSITORY
  )
  assert (done.returncode, done.stderr) == (0, '')
  paths = done.stdout.splitlines()
  assert len(paths) == 13 and all(map(os.path.exists, paths))


def test_a_reader_that_has_seen_enough_gets_no_traceback(workdir, dataset):
  other = run_samples.write(workdir.parent / 'other', dataset.test.labels, 30)
  command = subprocess.Popen(
    [*COMMAND, workdir, other, '--out', workdir / 'out'],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    cwd=REPOSITORY,
  )
  assert command.stdout.readline().startswith('2 runs on the same')
  command.stdout.close()  # As `head -1` does; the paths are still to come.
  assert command.stderr.read() == ''
  command.stderr.close()
  assert command.wait(60) == 0


def test_an_unfinished_run_gets_its_curves(workdir, analyse):
  (workdir / 'result.json').unlink()
  code, out, err = analyse(workdir)
  assert (code, out) == (2, f'{workdir / "figures/training_curves.png"}\n')
  assert 'unfinished run' in err and err.count('\n') == 1
  found = [path.name for path in workdir.rglob('*.png')]
  assert found == ['training_curves.png']


def test_what_is_wrong_with_a_workdir_is_one_line(workdir, analyse):
  (workdir / 'figures').write_text('not a folder')
  for place in (workdir, workdir / 'nowhere'):
    code, out, err = analyse(place)
    assert (code, out) == (2, '')
    assert err.count('\n') == 1 and str(place) in err


def test_help_does_not_wait_for_matplotlib():
  code = (
    'import sys\n'
    'from mnist_jax.analysis import __main__\n'
    'try:\n'
    '  __main__.main(["--help"])\n'
    'except SystemExit as end:\n'
    '  assert end.code == 0\n'
    'assert not {"matplotlib", "jinja2", "jax"} & set(sys.modules)\n'
  )
  subprocess.run([sys.executable, '-c', code], check=True, stdout=-1)
