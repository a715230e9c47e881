"""The command that exports a run."""

import json
import pathlib
import subprocess
import sys

import pytest

import mnist_jax
from mnist_jax.cli import argparse_args
from mnist_jax.distributed import devices
from mnist_jax.export import __main__ as export

REPOSITORY = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  """A finished run that did not look at the test set."""
  workdir = tmp_path_factory.mktemp('secret') / 'run'
  mnist_jax.train(
    'single_conv:smoke',
    workdir=workdir,
    overrides={'evaluate_test': False, 'data.valid': 'random'},
  )
  return workdir


@pytest.fixture
def run(monkeypatch, capsys):
  """Runs the command in this process; returns its code, lines and stderr."""
  monkeypatch.setattr(devices, 'configure_reading', lambda: None)

  def run(*argv):
    code = argparse_args.run(export.main, [str(word) for word in argv])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err

  return run


def test_a_run_is_exported_with_its_numbers_and_no_private_path(
  run, workdir, tmp_path
):
  out = tmp_path / 'out'
  code, lines, err = run(workdir, out)
  assert (code, err) == (0, '')
  assert sorted(lines) == sorted(str(path) for path in out.iterdir())
  assert {path.name for path in out.iterdir()} >= {
    'model.safetensors',
    'config.json',
    'README.md',
    'model.stablehlo',
    'model.onnx',
  }
  result = json.loads((workdir / 'result.json').read_text())
  card = (out / 'README.md').read_text()
  errors, count = result['valid']['num_errors'], result['valid']['count']
  assert f'| {errors:,} of {count:,} |' in card
  assert '| test |' not in card
  assert 'MNIST was written by Americans' not in card  # It saw other digits.
  for path in out.iterdir():
    assert b'secret' not in path.read_bytes()


def test_the_command_exports_pretrained_weights(tmp_path):
  out = tmp_path / 'out'
  done = subprocess.run(
    [sys.executable, '-m', 'mnist_jax.export', 'improved', out],
    cwd=REPOSITORY,
    capture_output=True,
    text=True,
    timeout=120,
  )
  assert done.returncode == 0, done.stderr
  assert not done.stderr
  assert str(out / 'model.onnx') in done.stdout.splitlines()


@pytest.mark.parametrize(
  ('arguments', 'words'),
  [
    ([], 'give weights and a folder'),
    (['robust'], 'give weights and a folder'),
    (['robst', '{}/out'], "did you mean 'robust'"),
    (['robust', '{}/file'], 'cannot be used as a folder'),
    (['robust', '{}'], 'is of no export'),
    (['robust', '{}/out', '--config=/nope.py'], '/nope.py'),
  ],
)
def test_a_wrong_command_gets_one_line_and_leaves_nothing(
  run, tmp_path, arguments, words
):
  (tmp_path / 'file').touch()
  code, lines, err = run(*(word.format(tmp_path) for word in arguments))
  assert (code, lines) == (2, [])
  assert words in err and err.count('\n') == 1
  assert [path.name for path in tmp_path.iterdir()] == ['file']


def test_a_missing_library_is_one_line_after_the_other_files(
  run, workdir, tmp_path, monkeypatch
):
  monkeypatch.setitem(sys.modules, 'onnx', None)
  code, lines, err = run(workdir, tmp_path)
  assert code == 2
  assert str(tmp_path / 'model.stablehlo') in lines
  assert 'not written: model.onnx: ' in err and err.count('\n') == 1
