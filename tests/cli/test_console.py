"""Lines of a run reach the terminal or a log, and no closed pipe ends it."""

import subprocess
import sys
import types

import pytest

from mnist_jax.cli import console


def test_lines_go_to_stdout_and_warnings_framed_to_stderr(capsys):
  console.say('a line')
  console.warn('take care')
  out, err = capsys.readouterr()
  assert out == 'a line\n'
  first, warning, last = err.splitlines()
  assert warning == 'WARNING: take care'
  assert first == last == '!' * 72


def test_a_run_goes_on_when_the_reader_of_its_lines_has_gone():
  program = (
    'import sys\n'
    'from mnist_jax.cli import console\n'
    'for _ in range(3): console.say("x" * 9000)\n'
    'print("done", file=sys.stderr)\n'
  )
  process = subprocess.Popen(
    [sys.executable, '-c', program],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )
  process.stdout.close()
  assert process.stderr.read() == 'done\n'
  process.stderr.close()
  assert process.wait(timeout=60) == 0


def test_a_bar_is_silent_unless_stderr_is_a_terminal(capsys):
  with console.progress_bar(total=2, initial=0) as bar:
    bar.update(2)
  assert capsys.readouterr().err == ''


@pytest.mark.parametrize(
  ('shell', 'shown'), [({'kernel': None}, True), ({}, False)]
)
def test_a_bar_is_shown_in_a_notebook_and_not_where_its_libraries_are_imported(
  shell, shown, monkeypatch
):
  ipython = types.ModuleType('IPython')
  ipython.get_ipython = lambda: types.SimpleNamespace(**shell)
  monkeypatch.setitem(sys.modules, 'IPython', ipython)
  monkeypatch.setitem(sys.modules, 'ipykernel', types.ModuleType('ipykernel'))
  assert console._is_watched() == shown
