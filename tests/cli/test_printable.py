"""Names of files cannot change what a terminal shows."""

import pathlib
import subprocess
import sys

import pytest

from mnist_jax.cli import console, exit_codes, printable


@pytest.mark.parametrize(
  ('text', 'shown'),
  [
    ('a plain/näme 数字.png', 'a plain/näme 数字.png'),
    ('two\nlines\r.png', r'two\nlines\r.png'),
    ('\x1b[31mred\x07\x9b.png', r'\x1b[31mred\x07\x9b.png'),
    ('\u202egnp.exe', r'\u202egnp.exe'),
    ('\u2028.png', r'\u2028.png'),
    ('\udcff.png', r'\udcff.png'),
  ],
)
def test_what_cannot_be_printed_is_an_escape(text, shown):
  assert printable.escape(text) == shown
  assert printable.escape(pathlib.Path(text)) == shown


def test_lines_warnings_and_errors_hold_no_escape_sequence(capsys):
  console.say('a\x1b[31m\nb')
  console.warn('c\x1b[31m')
  exit_codes.print_error('d\x1b[31m\ne')
  out, err = capsys.readouterr()
  assert out == 'a\\x1b[31m\nb\n'
  assert 'WARNING: c\\x1b[31m\n' in err
  assert err.endswith('mnist_jax: d\\x1b[31m e\n')


@pytest.mark.parametrize('handler', ['strict', 'surrogateescape'])
def test_a_terminal_that_knows_few_letters_shows_escapes(handler):
  program = (
    'from mnist_jax.cli import exit_codes\n'
    "exit_codes.run(lambda: print('7\\u20139 \\udcff'))\n"
  )
  done = subprocess.run(
    [sys.executable, '-c', program],
    env={'PYTHONIOENCODING': f'ascii:{handler}', 'PYTHONPATH': '.'},
    cwd=pathlib.Path(__file__).parents[2],
    capture_output=True,
    text=True,
    timeout=60,
  )
  assert done.returncode == 0, done.stderr
  assert done.stdout == '7\\u20139 \\udcff\n'
