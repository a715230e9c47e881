"""The commands of experiments/, run wrongly on purpose: one line, code 2."""

import os
import pathlib
import subprocess
import sys

import pytest

import experiments
from experiments import photos, reproduce, sweep_flags
from mnist_jax import errors

SMOKE = '--config=configs/fast.py:smoke'


def run(module, *flags, cwd=experiments.ROOT):
  paths = {'PATH': '/nowhere', 'PYTHONPATH': str(experiments.ROOT)}
  return subprocess.run(
    [sys.executable, '-m', f'experiments.{module}', *flags],
    cwd=cwd,
    capture_output=True,
    text=True,
    timeout=120,
    env=os.environ | paths,  # Without Slurm.
  )


@pytest.mark.parametrize(
  ('module', 'flags', 'words'),
  [
    ('ablations', ['--num_seeds=0'], 'from 1 to 1000'),
    ('ablations', ['--publish_as=../x'], 'letters'),
    ('seed_sweep', [], '--config=configs/fast.py'),
    ('seed_sweep', [SMOKE, '--num_seeds=-1'], 'from 1 to 1000'),
    ('seed_sweep', [SMOKE, '--slurm=partition=gpu'], '--submit=slurm'),
    ('seed_sweep', [SMOKE, '--mode=fast'], 'vmap'),
    ('seed_sweep', [SMOKE, '--grid', 'optim.lr=fast'], "'fast'"),
    ('seed_sweep', [SMOKE, '--grid=optim.lrr=1'], 'optim.lr'),
    ('photos', ['--data=/nowhere'], 'labels.csv'),
    ('photos', ['--half=both'], 'choose|report'),
    ('pages', ['--half=choose', '--rows=plane'], 'plain'),
    ('pages', ['--count=0'], 'at least 1'),
    ('pages', ['--rows=plain'], '--half=choose'),
    ('publish', ['--workdir=/nowhere', '--name=../x'], 'small letters'),
    ('publish', ['--workdir=/nowhere', '--name=x'], '/nowhere'),
    ('reproduce', ['--names=improve'], "'improved'"),
    ('reproduce', ['--names='], 'single_conv'),
    ('tables', ['--check'], '--help'),
    ('frontier', ['--num_seeds=0'], 'at least 1'),
    ('frontier', ['--ensemble=/nowhere'], 'sweep.json'),
  ],
)
def test_a_wrong_flag_is_one_line(module, flags, words):
  done = run(module, *flags)
  assert done.returncode == 2, done.stderr
  assert done.stderr.count('\n') == 1, done.stderr
  assert words in done.stderr


def test_a_wrong_flag_is_one_line_from_another_folder(tmp_path):
  done = run('ablations', '--num_seeds=x', cwd=tmp_path)
  assert done.returncode == 2, done.stderr
  assert done.stderr.count('\n') == 1, done.stderr
  assert 'num_seeds' in done.stderr


@pytest.mark.parametrize('flags', [['--submit=slurm'], ['--submit=local']])
def test_a_job_that_cannot_be_submitted_is_one_line(flags, tmp_path):
  pytest.importorskip('submitit')
  flags = [*flags, '--slurm=gpus', f'--workdir={tmp_path}']
  done = run('seed_sweep', SMOKE, *flags)
  assert done.returncode == 2
  assert done.stderr.count('\n') == 1, done.stderr


def test_a_recipe_whose_sweep_raises_is_one_line(tmp_path):
  recipe = tmp_path / 'recipe.py'
  recipe.write_text(
    'from configs.fast import get_config\ndef sweep(add): add(1)\n'
  )
  done = run('seed_sweep', f'--config={recipe}:smoke', '--settings')
  assert done.returncode == 2
  assert done.stderr.count('\n') == 1, done.stderr
  assert 'TypeError' in done.stderr


@pytest.mark.parametrize(
  ('module', 'flag'),
  [('seed_sweep', 'grid'), ('ablations', 'num_seeds'), ('benchmark', 'rounds')],
)
def test_help_lists_the_flags(module, flag):
  done = run(module, '--help')
  assert done.returncode == 0
  assert f'--{flag}' in done.stdout


@pytest.mark.parametrize('num_seeds', [-1, 0, 1001])
def test_a_number_of_seeds_outside_the_range_is_refused(num_seeds):
  with pytest.raises(errors.UserError, match='from 1 to 1000'):
    sweep_flags.check(num_seeds, '')


@pytest.mark.parametrize('name', ['../x', 'a/b', 'a.json', ' '])
def test_a_name_that_is_not_one_file_is_refused(name):
  with pytest.raises(errors.UserError, match='letters'):
    sweep_flags.check(1, name)


@pytest.mark.parametrize('num_seeds', [1, 1000])
def test_the_ends_of_the_range_are_allowed(num_seeds):
  sweep_flags.check(num_seeds, 'fast-seeds_2')


def test_a_sweep_that_a_signal_stopped_is_not_taken_for_a_finished_one(
  monkeypatch, tmp_path
):
  monkeypatch.chdir(tmp_path)
  # Saved, not finished.
  monkeypatch.setattr(reproduce, 'finish', lambda command: 0)
  with pytest.raises(errors.UserError, match='basic has not finished'):
    reproduce.run('basic')


def make_set(folder: pathlib.Path, labels):
  folder.mkdir()
  rows = []
  for i, label in enumerate(labels):
    (folder / f'{i}.png').touch()
    rows.append(f'{i}.png,{label}\n')
  (folder / 'labels.csv').write_text('path,label\n' + ''.join(rows))


def test_the_two_halves_of_a_set_share_no_image_and_leave_none_out(tmp_path):
  make_set(tmp_path / 'desks', [1, 1, 1, 2, 2])
  halves = [photos.find_sets(str(tmp_path), h) for h in ('choose', 'report')]
  first, second = (list(half['desks'].values()) for half in halves)
  assert (first, second) == ([1, 2], [1, 1, 2])
  files = [path for half in halves for path in half['desks']]
  assert len(set(files)) == 5


def test_a_set_without_images_in_the_half_is_refused(tmp_path):
  make_set(tmp_path / 'desks', [1, 2])
  assert len(photos.find_sets(str(tmp_path), 'report')['desks']) == 2
  with pytest.raises(errors.UserError, match='desks has no image'):
    photos.find_sets(str(tmp_path), 'choose')
