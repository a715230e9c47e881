"""The installed package works without the repository."""

import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

REPOSITORY = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope='module')
def installed(tmp_path_factory):
  """A folder that holds what `pip install` puts beside other packages.

  The wheel is built from the source distribution, so both must be complete.
  """
  folder = tmp_path_factory.mktemp('wheel')
  source = folder / 'source'  # Building leaves files in the source.
  others = shutil.ignore_patterns('.*', 'runs', 'build', 'dist', '*.egg-info')
  shutil.copytree(REPOSITORY, source, ignore=others)
  build = (
    f'from setuptools import build_meta as b; b.build_sdist({str(folder)!r})'
  )
  subprocess.run(
    [sys.executable, '-c', build],
    check=True,
    timeout=120,
    cwd=source,
    stdout=subprocess.DEVNULL,
  )
  (sdist,) = folder.glob('*.tar.gz')
  subprocess.run(
    [sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps']
    + ['--no-build-isolation', '--wheel-dir', folder, sdist],
    check=True,
    timeout=120,
  )
  (wheel,) = folder.glob('*.whl')
  with zipfile.ZipFile(wheel) as archive:
    archive.extractall(folder / 'site')
  return folder / 'site'


def run_python(installed, *arguments, cwd):
  return subprocess.run(
    [sys.executable, *arguments],
    cwd=cwd,
    env=os.environ | {'PYTHONPATH': str(installed)},
    capture_output=True,
    text=True,
    timeout=120,
  )


def test_it_adds_one_package_and_its_commands(installed):
  names = {path.name for path in installed.iterdir()}
  assert {name for name in names if not name.endswith('dist-info')} == {
    'mnist_jax'
  }
  (scripts,) = installed.glob('*.dist-info/entry_points.txt')
  commands = dict(
    line.split(' = ') for line in scripts.read_text().splitlines()[1:] if line
  )
  assert commands.keys() == {
    'mnist-jax',
    'mnist-jax-analysis',
    'mnist-jax-demo',
    'mnist-jax-export',
    'mnist-jax-predict',
  }


def test_it_has_what_an_export_is_made_of(installed):
  export = installed / 'mnist_jax' / 'export'
  assert (export / 'card.md').is_file()
  assert len(list((export / 'serving').glob('serve_*.py'))) == 3


def test_it_trains_a_recipe_by_its_name(installed, tmp_path):
  code = (
    'import sys; from mnist_jax.cli import scripts; '
    'sys.argv[0] = "mnist-jax"; scripts.train()'
  )
  done = run_python(
    installed, '-c', code, '--config=single_conv:smoke', cwd=tmp_path
  )
  assert done.returncode == 0, done.stderr
  assert (tmp_path / 'runs/single_conv-smoke-seed0/report.html').is_file()
  place = 'import mnist_jax; print(mnist_jax.__file__)'
  found = run_python(installed, '-c', place, cwd=tmp_path)
  assert found.stdout.startswith(str(installed))


@pytest.mark.parametrize('command', ['predict', 'analyse', 'demo', 'export'])
def test_each_command_explains_itself(installed, tmp_path, command):
  code = f'from mnist_jax.cli import scripts; scripts.{command}()'
  done = run_python(installed, '-c', code, '--help', cwd=tmp_path)
  assert done.returncode == 0, done.stderr
  assert 'usage' in done.stdout


def test_it_writes_the_page_that_needs_no_server(installed, tmp_path):
  done = run_python(
    installed, '-m', 'mnist_jax.demo.static_page', 'try', cwd=tmp_path
  )
  assert done.returncode == 0, done.stderr
  assert (tmp_path / 'try' / 'index.html').is_file()
