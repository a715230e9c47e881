"""Runs as a user starts them: killed, resumed, stopped, diverged."""

import dataclasses
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mnist_jax import config as config_lib
from mnist_jax import config_rules
from mnist_jax.analysis.run import load as load_lib
from mnist_jax.data import datasets
from mnist_jax.errors import UserError
from mnist_jax.training import preemption, results, train
from mnist_jax.training import trainer as trainer_lib
from mnist_jax.training.early_stopping import Progress
from mnist_jax.workdir import json_files, workdir

REPOSITORY = pathlib.Path(__file__).parents[2]
# Small and quick to compile, with every part of the state that resumes.
RECIPE = (
  '--config=configs/single_conv.py:smoke',
  '--config.data.valid=random',
  '--config.select=best_valid',
  '--config.total_epochs=6.0',
  '--config.data.batch_size=8',  # Long enough epochs to be hit by a signal.
  '--config.optim.name=adam',
  '--config.optim.ema_decay=0.99',
  '--config.optim.schedule=plateau',
  '--config.optim.plateau_patience=2',
  '--config.augment.enabled=True',
  '--config.augment.rotate=10.0',
)


def start(path, *flags):
  return subprocess.Popen(
    [sys.executable, '-m', 'mnist_jax.main', f'--workdir={path}', *flags],
    cwd=REPOSITORY,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    env=os.environ | {'MPLBACKEND': 'Agg'},
  )


def finish(path, *flags):
  process = start(path, *flags)
  out, err = process.communicate(timeout=120)
  assert process.returncode == 0, err
  return out


def wait_for_epoch(path, epoch):
  deadline = time.monotonic() + 60
  while time.monotonic() < deadline:
    rows = path / 'metrics.jsonl'
    if rows.exists() and rows.read_text().count('\n') >= epoch:
      return
    time.sleep(0.02)
  raise AssertionError(f'{path} never reached epoch {epoch}')


def load_rows(path):
  lines = (path / 'metrics.jsonl').read_text().splitlines()
  return [json.loads(line) for line in lines]


def read_rows(path):
  keep = ('step', 'train/loss', 'valid/loss', 'valid/num_errors', 'lr')
  return [{key: row[key] for key in keep} for row in load_rows(path)]


@pytest.fixture(scope='module')
def unbroken(tmp_path_factory):
  path = tmp_path_factory.mktemp('unbroken')
  finish(path, *RECIPE)
  return path


def assert_same_run(path, unbroken):
  ours = json.loads((path / 'result.json').read_text())
  theirs = json.loads((unbroken / 'result.json').read_text())
  for split in ('train', 'valid', 'test'):
    assert ours[split] == theirs[split]
  assert ours['best_epoch'] == theirs['best_epoch']
  assert read_rows(path) == read_rows(unbroken)
  with (
    np.load(path / 'predictions.npz') as a,
    np.load(unbroken / 'predictions.npz') as b,
  ):
    np.testing.assert_array_equal(a['test_logits'], b['test_logits'])


def test_a_run_killed_anywhere_ends_bit_for_bit_like_an_unbroken_one(
  tmp_path, unbroken
):
  moments = random.Random(0)
  for epoch in (1, 4):
    process = start(tmp_path, *RECIPE)
    wait_for_epoch(tmp_path, epoch)
    time.sleep(moments.uniform(0, 0.3))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / 'result.json').exists()
  assert 'resuming at step' in finish(tmp_path, *RECIPE)
  assert_same_run(tmp_path, unbroken)


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_says_how_to_go_on_and_loses_nothing(
  tmp_path, unbroken, number
):
  process = start(tmp_path, *RECIPE)
  wait_for_epoch(tmp_path, 3)
  process.send_signal(number)
  out, err = process.communicate(timeout=30)
  assert process.returncode == 0, err
  assert f'to go on: python -m mnist_jax.main --workdir={tmp_path}' in out
  assert not err
  finish(tmp_path, *RECIPE)
  assert_same_run(tmp_path, unbroken)


def test_a_second_run_in_the_same_workdir_is_refused(tmp_path):
  first = start(tmp_path, *RECIPE)
  wait_for_epoch(tmp_path, 1)
  second = start(tmp_path, *RECIPE, '--config.seed=7')
  out, err = second.communicate(timeout=60)
  assert (second.returncode, out) == (2, '')
  assert f'in use by process {first.pid}' in err
  assert err.count('\n') == 1
  first.kill()
  first.communicate()


def test_a_finished_run_says_so_and_prints_its_result(unbroken):
  before = (unbroken / 'result.json').read_bytes()
  out = finish(unbroken, *RECIPE)
  assert 'is finished' in out
  assert 'test accuracy' in out
  assert (unbroken / 'result.json').read_bytes() == before


def test_a_workdir_holds_what_the_readme_promises(unbroken):
  names = {
    str(p.relative_to(unbroken))
    for p in unbroken.rglob('*')
    if p.is_file() and 'checkpoints' not in p.parts
  }
  figures = (
    *('sample_digits', 'training_curves', 'predictions', 'misclassified'),
    *('confusion_matrix', 'per_class', 'reliability', 'confidence'),
    *('coverage', 'filters', 'saliency'),
  )
  assert names == {
    '.lock',
    'config.json',
    'metrics.jsonl',
    'result.json',
    'predictions.npz',
    'weights.safetensors',
    'explanations.npz',
    'analysis.json',
    'report.html',
    *(f'figures/{name}.png' for name in figures),
  }
  result = json.loads((unbroken / 'result.json').read_text())
  with np.load(unbroken / 'predictions.npz', allow_pickle=False) as arrays:
    wrong = arrays['test_logits'].argmax(1) != arrays['test_labels']
    assert wrong.sum() == result['test']['num_errors']
    assert arrays['test_logits'].shape == (497, 10)
    assert arrays['test_logits'].dtype == np.float32
    assert arrays['test_labels'].dtype == np.int32
    assert len(arrays['valid_indices']) == result['valid']['count']
  assert result['dataset'] == 'uci_digits'
  rows = load_rows(unbroken)
  assert [row['epoch'] for row in rows] == list(range(1, 7))
  assert rows[-1]['step'] == 6 * (1100 // 8)


def run_here(path, **fields):
  """Runs a shrunk recipe in this process."""
  config = config_lib.smoke(config_lib.default())
  config.num_devices = 1
  config.model.update(name='single_conv', dropout=0.0)
  config.update_from_flattened_dict(fields)
  about = results.About('test', 'python', time.monotonic())
  return train.train_and_evaluate(config, path, about=about)


def test_a_loss_that_is_not_finite_stops_with_its_steps_and_advice(tmp_path):
  with pytest.raises(UserError, match=r'between steps \d+ and \d+.*optim\.lr'):
    run_here(tmp_path, **{'optim.lr': 1e3, 'optim.name': 'sgd'})
  assert not (tmp_path / 'result.json').exists()


@pytest.mark.parametrize('valid', ['random', 'none'])
def test_a_last_step_that_diverges_ends_in_the_same_line(
  tmp_path, monkeypatch, valid
):
  # The loss before the only step is finite, so only an evaluation can tell.
  # No rate that a config may have is sure to overflow in one step.
  monkeypatch.setitem(config_rules.RANGES, 'optim.lr', (0.0, 1e39))
  fields = {'total_epochs': 1 / 17, 'data.valid': valid}
  with pytest.raises(UserError, match=r'between steps 0 and 1; lower optim'):
    run_here(tmp_path, **fields, **{'optim.lr': 1e38, 'optim.name': 'sgd'})
  assert not (tmp_path / 'result.json').exists()


def test_a_signal_during_the_last_evaluation_is_answered(
  tmp_path, monkeypatch, capsys
):
  evaluate = results.evaluate

  def interrupted(trainer, chosen, signals):
    signals._receive(signal.SIGTERM, None)
    return evaluate(trainer, chosen, signals)

  with monkeypatch.context() as patched:
    patched.setattr(results, 'evaluate', interrupted)
    assert run_here(tmp_path, total_epochs=0.5) is None
  assert 'stopped and saved' in capsys.readouterr().out
  assert not (tmp_path / 'result.json').exists()
  assert run_here(tmp_path, total_epochs=0.5)['steps'] == 8


def test_early_stopping_ends_when_validation_no_longer_improves(tmp_path):
  # So low a rate that float32 weights stay as they are.
  fields = {'optim.lr': 1e-12, 'early_stop.patience': 2}
  result = run_here(tmp_path, total_epochs=50.0, **fields)
  assert result['epochs'] == 3.0


def test_half_an_epoch_is_half_an_epoch(tmp_path):
  result = run_here(tmp_path, total_epochs=0.5)
  assert result['steps'] == round(0.5 * (1100 // 64))


def test_the_best_epoch_is_reported_when_asked_for(tmp_path):
  # So high a rate that the last epoch is hardly ever the best.
  fields = {'total_epochs': 8.0, 'optim.lr': 0.03, 'seed': 1}
  result = run_here(tmp_path, select='best_valid', **fields)
  rows = load_rows(tmp_path)
  best = min(rows, key=lambda r: (r['valid/num_errors'], r['valid/loss']))
  assert result['best_epoch'] == best['epoch']
  assert result['valid']['num_errors'] == best['valid/num_errors']
  assert result['steps'] == best['step']


def test_a_run_whose_best_checkpoint_is_gone_says_so_and_takes_no_other(
  tmp_path, monkeypatch
):
  # So low a rate that the first epoch stays the best.
  fields = {'total_epochs': 4.0, 'optim.lr': 1e-12, 'select': 'best_valid'}
  with monkeypatch.context() as patched:
    patched.setattr(results, 'choose', stop_here)
    assert run_here(tmp_path, **fields) is None
  shutil.rmtree(tmp_path / 'checkpoints/17')
  with pytest.raises(UserError, match=r'checkpoint 17 .* its weights are lost'):
    run_here(tmp_path, **fields)
  assert not (tmp_path / 'result.json').exists()


def stop_here(trainer, loop, checkpoints):
  raise preemption.Stopped


def test_a_run_with_non_digits_stopped_in_an_epoch_ends_like_an_unbroken_one(
  tmp_path, monkeypatch, capsys
):
  unbroken, broken = tmp_path / 'unbroken', tmp_path / 'broken'
  fields = {'data.non_digits': 0.1, 'data.valid': 'random'}
  result = run_here(unbroken, **fields)
  assert result['train']['count'] == 1_100
  assert '1,100 train + 110 non-digits, 200 valid' in capsys.readouterr().out
  run_epoch = train.run_epoch

  def interrupted(trainer, loop, signals, *others):
    if loop.progress.epochs == 1:
      signals._receive(signal.SIGTERM, None)
    run_epoch(trainer, loop, signals, *others)

  with monkeypatch.context() as patched:
    patched.setattr(train, 'run_epoch', interrupted)
    assert run_here(broken, **fields) is None
  run_here(broken, **fields)
  assert 'resuming at step' in capsys.readouterr().out
  assert_same_run(broken, unbroken)


def test_an_auto_data_set_once_chosen_stays_chosen(tmp_path):
  config = config_lib.default()
  config.data.name = 'uci_digits'
  workdir.write_config(tmp_path, config)
  config.data.name = 'auto'
  assert workdir.resume_config(tmp_path, config).data.name == 'uci_digits'


def test_a_run_without_the_test_set_is_the_same_and_says_so(tmp_path):
  """So that settings can be chosen by a command that cannot peek."""
  outs = [
    finish(tmp_path / str(flag), *RECIPE, f'--config.evaluate_test={flag}')
    for flag in (True, False)
  ]
  looked, not_looked = (
    workdir.read_result(tmp_path / str(flag)) for flag in (True, False)
  )
  assert not_looked['test'] is None
  for same in ('weights_sha256', 'train', 'valid'):
    assert looked[same] == not_looked[same]
  assert 'test accuracy' in outs[0] and 'validation accuracy' in outs[1]
  left = {path.name for path in (tmp_path / 'False').iterdir()}
  assert 'report.html' not in left and 'figures' not in left
  with np.load(tmp_path / 'False' / 'predictions.npz') as arrays:
    assert sorted(arrays) == ['valid_indices', 'valid_labels', 'valid_logits']
  with pytest.raises(UserError, match='has not looked at the test set'):
    load_lib.load_run(tmp_path / 'False')


def test_without_test_and_validation_there_is_nothing_to_evaluate():
  config = config_lib.load('basic:smoke')
  config.data.valid, config.evaluate_test = 'none', False
  with pytest.raises(UserError, match='nothing to evaluate'):
    config_rules.validate(config)


def test_the_test_images_are_not_even_on_the_devices():
  config = config_lib.load('basic:smoke')
  config.evaluate_test = False
  dataset = datasets.load_dataset(config.data)
  # Nothing that is done with this split can work.
  dataset = dataclasses.replace(dataset, test=None)
  trainer = trainer_lib.create_trainer(config, dataset)
  assert sorted(trainer.splits) == ['train', 'valid']


@pytest.mark.parametrize(
  ('name', 'learns'),
  [('basic', False), ('fast', False), ('tiny', True), ('simple', True)],
)
def test_batch_norm_of_single_values_is_refused_for_batches_of_one_image(
  name, learns
):
  config = config_lib.load(f'{name}:smoke')
  config.data.batch_size, config.num_devices = 1, 1
  dataset = datasets.load_dataset(config.data)
  if learns:
    trainer_lib.create_trainer(config, dataset)
    return
  with pytest.raises(UserError, match=r'batch_size 1: .* Dense_0') as error:
    trainer_lib.create_trainer(config, dataset)
  assert '\n' not in str(error.value)


def test_a_command_that_is_no_utf_8_can_be_read_back():
  config = config_lib.load('simple:smoke')
  trainer = trainer_lib.create_trainer(
    config, datasets.load_dataset(config.data)
  )
  seconds = {'train': 1.0, 'compile': 1.0}
  chosen = results.Chosen(1, {'params': {}}, Progress(), seconds)
  about = results.About('simple', "python '--workdir=a\udcff'", 0.0)
  stored = json.dumps(results.describe(trainer, chosen, about)).encode()
  read = json_files.decode(stored, dict)
  assert read['command'] == r"python '--workdir=a\udcff'"
