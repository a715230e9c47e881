"""How commands end: exit codes, single lines, and pipes that are closed."""

import errno
import os
import pathlib
import subprocess
import sys

import pytest

from mnist_jax import errors
from mnist_jax.cli import argparse_args, exit_codes

REPOSITORY = pathlib.Path(__file__).parents[2]
# Some users set this, and it is as good as -u.
BUFFERED = {k: v for k, v in os.environ.items() if k != 'PYTHONUNBUFFERED'}
CODE = (
  'import sys\n'
  'from mnist_jax.cli import exit_codes\n'
  'sys.exit(exit_codes.run(lambda: exec({!r})))'
)


def raises(error):
  def command():
    raise error

  return command


def test_the_exit_code_is_that_of_the_command():
  assert exit_codes.run(lambda: None) == 0
  assert exit_codes.run(lambda: 2) == 2


@pytest.mark.parametrize(
  ('error', 'code', 'stderr'),
  [
    (errors.UserError('two\n  lines'), 2, 'mnist_jax: two lines\n'),
    (KeyboardInterrupt(), 130, 'mnist_jax: interrupted\n'),
    (BrokenPipeError(), 0, ''),
    (
      OSError(errno.ENAMETOOLONG, 'too long', 9 * 'a'),
      2,
      'mnist_jax: aaaaaaaaa... is too long for a file name\n',
    ),
  ],
)
def test_an_error_of_the_user_is_one_line_and_a_code(
  capsys, error, code, stderr
):
  assert exit_codes.run(raises(error)) == code
  assert capsys.readouterr() == ('', stderr)


def test_an_error_of_the_program_keeps_its_traceback():
  with pytest.raises(ZeroDivisionError):
    exit_codes.run(lambda: 1 // 0)


def test_a_wrong_command_line_is_one_line(capsys):
  def main(argv):
    argparse_args.Parser().parse_args(argv)
    return 0

  assert argparse_args.run(main, []) == 0
  assert argparse_args.run(main, ['--none']) == 2
  _, error = capsys.readouterr()
  assert '--none' in error
  assert '--help' in error
  assert error.count('\n') == 1


# One line is written at Python's exit only; the others while the program runs.
@pytest.mark.parametrize('program', ['print("x")', 'while True: print("x")'])
@pytest.mark.parametrize('buffering', [[], ['-u']])
def test_a_closed_pipe_ends_a_command_quietly(program, buffering):
  code = f'exit_codes.run(lambda: exec({program!r}))'
  done = write_into_a_closed_pipe(
    *buffering, '-c', f'from mnist_jax.cli import exit_codes; {code}'
  )
  assert done == (0, '')


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='not Linux')
@pytest.mark.parametrize(
  'arguments',
  [
    ['-c', CODE.format('print("x")')],
    ['-u', '-c', CODE.format('print("x")')],
    ['-c', CODE.format('print("x"); sys.exit()')],
    ['-c', CODE.format('while True: print("x")')],
    ['-m', 'mnist_jax.main', '--help'],
    ['-m', 'mnist_jax.analysis', '--help'],
  ],
)
def test_output_on_a_full_disk_is_one_line(arguments):
  with open('/dev/full', 'w') as full:
    done = subprocess.run(
      [sys.executable, *arguments],
      cwd=REPOSITORY,
      stdout=full,
      stderr=subprocess.PIPE,
      env=BUFFERED,
      text=True,
      timeout=60,
    )
  assert done.returncode == 2
  assert done.stderr.startswith('mnist_jax: the output cannot be written (No s')
  assert done.stderr.count('\n') == 1


@pytest.mark.parametrize(
  'module', ['mnist_jax.main', 'mnist_jax.predict', 'mnist_jax.demo']
)
def test_help_for_a_closed_pipe_is_no_error(module):
  assert write_into_a_closed_pipe('-m', module, '--help') == (0, '')


def write_into_a_closed_pipe(*argv):
  """Runs Python with its stdout closed; returns its exit code and stderr."""
  process = subprocess.Popen(
    [sys.executable, *argv],
    cwd=REPOSITORY,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    env=BUFFERED,
  )
  process.stdout.close()
  error = process.stderr.read()
  process.stderr.close()
  return process.wait(timeout=60), error
