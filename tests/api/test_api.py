"""`mnist_jax.train` and `mnist_jax.load`, used as from a script or notebook."""

import os
import pathlib
import signal
import subprocess
import sys
import threading

import drawings
import ml_collections
import numpy as np
import pytest

import mnist_jax
from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.api import run as run_lib
from mnist_jax.training import results

REPOSITORY = pathlib.Path(__file__).parents[2]
RECIPE = 'single_conv:smoke'


def run_python(*arguments, cwd=REPOSITORY):
  return subprocess.run(
    [sys.executable, *arguments],
    cwd=cwd,
    capture_output=True,
    text=True,
    timeout=120,
  )


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
  """A run, and the rows that its callback got."""
  rows = []
  workdir = tmp_path_factory.mktemp('runs') / 'run'
  run = mnist_jax.train(RECIPE, workdir=workdir, seed=3, on_epoch=rows.append)
  return run, rows


@pytest.fixture(scope='module')
def model():
  return mnist_jax.load()


@pytest.fixture(scope='module')
def images(digits):
  return digits[0][:50]


def test_importing_the_package_does_not_import_jax():
  code = 'import mnist_jax, sys; print("jax" in sys.modules)'
  assert run_python('-c', code).stdout == 'False\n'


def test_loading_first_leaves_training_all_its_devices():
  code = (
    'import jax, mnist_jax, mnist_jax.config\n{}\nprint(jax.device_count())'
  )
  load = 'mnist_jax.load().predict([[[0] * 28] * 28])'
  train = (
    'from mnist_jax.distributed import devices\n'
    f"devices.configure(mnist_jax.config.load('{RECIPE}'))"
  )
  counts = [
    run_python('-c', code.format(first)).stdout for first in (load, train)
  ]
  assert counts[0] == counts[1] != ''


def test_an_unknown_name_is_an_attribute_error():
  with pytest.raises(AttributeError, match="no attribute 'trian'"):
    _ = mnist_jax.trian
  assert {'load', 'train'} <= set(dir(mnist_jax))


def test_a_run_has_its_result_metrics_and_figures(finished):
  run, rows = finished
  assert run.result['seed'] == 3
  assert run.result['config_name'] == 'single_conv-smoke'
  assert run.metrics == rows
  assert [row['epoch'] for row in rows] == [1.0, 2.0]
  for path in run.figures.values():
    assert path.read_bytes().startswith(b'\x89PNG')
  assert {'training_curves', 'misclassified'} <= run.figures.keys()


def test_a_notebook_shows_the_result_and_two_pictures(finished):
  page = finished[0]._repr_html_()
  assert f'{finished[0].result["test"]["accuracy"]:.2%}' in page
  assert page.count('<img alt=') == page.count('data:image/png;base64,') == 2


def test_a_run_predicts_as_its_stored_logits_do(finished, digits):
  from mnist_jax.data import uci_digits

  run, _ = finished
  stored = np.load(run.workdir / 'predictions.npz')
  predicted = run.predict(uci_digits.load().test_images)
  assert (predicted == stored['test_logits'].argmax(axis=1)).mean() > 0.99
  assert 'params' in run.variables


def test_the_command_and_the_function_give_the_same_weights(tmp_path):
  command = run_python(
    *('-m', 'mnist_jax.main', f'--config={RECIPE}', f'--workdir={tmp_path}/0'),
    '--config.optim.lr=0.02',
  )
  assert command.returncode == 0, command.stderr
  function = run_python(
    '-c',
    'import mnist_jax, mnist_jax.config\n'
    f"name, config = '{RECIPE}', mnist_jax.config.load('{RECIPE}')\n"
    "settings = {'optim.lr': 0.02}\n"
    f"mnist_jax.train(name, workdir='{tmp_path}/1', overrides=settings)\n"
    f"mnist_jax.train(config, workdir='{tmp_path}/2', overrides=settings)",
  )
  assert function.returncode == 0, function.stderr
  first, *others = (
    np.load(tmp_path / f'{i}/predictions.npz')['test_logits'] for i in range(3)
  )
  for logits in others:
    np.testing.assert_array_equal(logits, first)


def test_a_second_run_in_a_thread_gives_the_same_weights(finished, tmp_path):
  runs = []
  thread = threading.Thread(
    target=lambda: runs.append(
      mnist_jax.train(RECIPE, workdir=tmp_path / 'run', seed=3)
    )
  )
  thread.start()
  thread.join()
  logits = [
    np.load(run.workdir / 'predictions.npz')['test_logits']
    for run in (finished[0], *runs)
  ]
  np.testing.assert_array_equal(*logits)


def test_a_run_goes_on_after_its_callback_has_raised(finished, tmp_path):
  def fail(row):
    raise RuntimeError(f'at epoch {row["epoch"]}')

  with pytest.raises(RuntimeError, match='at epoch 1'):
    mnist_jax.train(RECIPE, workdir=tmp_path / 'run', seed=3, on_epoch=fail)
  rows = []
  run = mnist_jax.train(
    RECIPE, workdir=tmp_path / 'run', seed=3, on_epoch=rows.append
  )
  assert [row['epoch'] for row in rows] == [2.0]  # The first was saved.
  assert [row['epoch'] for row in run.metrics] == [1.0, 2.0]
  logits = [
    np.load(each.workdir / 'predictions.npz')['test_logits']
    for each in (finished[0], run)
  ]
  np.testing.assert_array_equal(*logits)


def test_an_interrupted_run_is_saved_and_ends_the_cell(tmp_path):
  code = f"""
import os, signal, mnist_jax
def interrupt(row):
  os.kill(os.getpid(), signal.SIGINT)
try:
  mnist_jax.train('{RECIPE}', workdir='{tmp_path}/run', on_epoch=interrupt)
except KeyboardInterrupt:
  print('ended')
mnist_jax.train('{RECIPE}', workdir='{tmp_path}/run')
"""
  done = run_python('-c', code)
  assert done.returncode == 0, done.stderr
  assert 'stopped and saved' in done.stdout
  assert 'ended' in done.stdout
  assert 'resuming at step' in done.stdout


def test_a_signal_while_the_report_is_drawn_ends_a_loop_over_seeds(
  tmp_path, monkeypatch
):
  monkeypatch.setattr(
    results,
    'write_report',
    lambda *unused: os.kill(os.getpid(), signal.SIGTERM),
  )
  short = {'total_epochs': 0.1, 'optim.warmup_epochs': 0.0}
  with pytest.raises(KeyboardInterrupt):
    mnist_jax.train(RECIPE, workdir=tmp_path, overrides=short)
  run = mnist_jax.train(RECIPE, workdir=tmp_path, overrides=short)
  assert run.result['seed'] == 0


def test_a_run_is_found_after_the_folder_was_changed(
  finished, tmp_path, monkeypatch
):
  run, _ = finished
  monkeypatch.chdir(run.workdir.parent)
  again = mnist_jax.train(RECIPE, workdir=run.workdir.name, seed=3)
  monkeypatch.chdir(tmp_path)
  assert again.result == run.result
  assert again.figures == run.figures


def test_a_workdir_may_be_in_the_home_of_the_user(finished, monkeypatch):
  run, _ = finished
  monkeypatch.setenv('HOME', str(run.workdir.parent))
  again = mnist_jax.train(RECIPE, workdir='~/run', seed=3)
  assert again.workdir == run.workdir
  assert mnist_jax.load('~/run').name == run.model.name


def test_a_run_that_is_gone_has_no_result(tmp_path):
  run = run_lib.Run(tmp_path / 'gone')
  for read in (lambda: run.result, lambda: repr(run), lambda: run.metrics):
    with pytest.raises(errors.UserError, match='gone'):
      read()


def test_an_empty_workdir_is_one_that_is_not_given():
  with pytest.raises(errors.UserError, match='give workdir='):
    mnist_jax.train(config_lib.default(), workdir='')


def test_a_recipe_may_be_a_path_and_a_config_may_be_frozen(finished):
  run, _ = finished
  frozen = ml_collections.FrozenConfigDict(config_lib.load(RECIPE))
  for config in (frozen, pathlib.Path(RECIPE)):
    # Whose folder belongs to a run of another rate.
    with pytest.raises(errors.UserError, match=r'optim\.lr: .* -> 0\.5'):
      mnist_jax.train(
        config, workdir=run.workdir, seed=3, overrides={'optim.lr': 0.5}
      )
  assert frozen.optim.lr != 0.5


def test_a_finished_run_of_another_config_is_not_taken_for_this_one(finished):
  run, _ = finished
  with pytest.raises(errors.UserError, match=r'optim\.lr: .* -> 0\.5'):
    mnist_jax.train(
      RECIPE, workdir=run.workdir, seed=3, overrides={'optim.lr': 0.5}
    )
  again = mnist_jax.train(RECIPE, workdir=run.workdir, seed=3)
  assert again.result == run.result


@pytest.mark.parametrize(
  ('arguments', 'words'),
  [
    ({'config': 'improve'}, "'improved'"),
    ({'config': 'improved:smoky'}, ':smoke'),
    ({'config': RECIPE, 'overrides': {'optim.lrr': 1}}, "'optim.lr'"),
    ({'config': RECIPE, 'overrides': {'optim.lr': 'x'}}, 'float'),
    ({'config': RECIPE, 'overrides': {'optim.lr': -1.0}}, 'out of range'),
    ({'config': RECIPE, 'seed': -1}, 'seed -1 is out of range'),
    ({'config': RECIPE, 'overrides': {'optim.lr': None}}, 'type float'),
    ({'config': RECIPE, 'overrides': {'data.manual_dir': None}}, 'type str'),
    ({'config': RECIPE, 'workdir': '~nobody_of_that_name/x'}, 'unknown user'),
    ({'config': config_lib.default()}, 'workdir='),
    ({'config': {'seed': 1}}, 'a dict'),
    ({'config': None}, 'a NoneType'),
  ],
)
def test_a_wrong_argument_is_named_with_the_way_out(arguments, words):
  with pytest.raises(errors.UserError) as caught:
    mnist_jax.train(**arguments)
  assert words in str(caught.value)


def test_a_config_is_not_changed(tmp_path):
  config = config_lib.load(RECIPE)
  with pytest.raises(errors.UserError):
    mnist_jax.train(
      config, workdir=tmp_path, seed=9, overrides={'optim.lr': -1.0}
    )
  assert config == config_lib.load(RECIPE)


def test_floats_and_integers_get_the_same_digits(model, images):
  probabilities = model.predict_proba(images)
  assert probabilities.shape == (50, 10)
  np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
  for same in (
    images / 255,
    (images / 255).astype(np.float32),
    images.astype(np.int64),
    images[..., None],
    images.tolist(),
  ):
    np.testing.assert_allclose(
      model.predict_proba(same), probabilities, rtol=1e-3, atol=1e-5
    )
  np.testing.assert_array_equal(
    model.predict(images), probabilities.argmax(axis=1)
  )


def test_real_digits_are_read_as_their_labels(model, digits):
  images, labels = digits
  assert (model.predict(images) == labels).mean() > 0.9


def test_no_image_has_no_digit(model):
  empty = np.zeros((0, 28, 28))
  assert model.predict(empty).shape == (0,)
  assert model.predict_proba(empty).shape == (0, 10)


@pytest.mark.parametrize(
  ('bad', 'words'),
  [
    (np.zeros((28, 28), np.uint8), r'images\[None\]'),
    (np.zeros((2, 14, 14), np.uint8), r'\[2, 14, 14\]'),
    (np.full((1, 28, 28), 255.0), '0.0 to 255|255.0 to 255'),
    (np.full((1, 28, 28), np.nan), 'from 0'),
    (np.full((1, 28, 28), -1), 'from -1 to -1'),
    (np.full((1, 28, 28), 256), 'from 256 to 256'),
    (np.full((1, 28, 28), 'x'), 'type <U1'),
    (np.zeros((1, 28, 28), bool), 'type bool'),
    ([[[0, 1]], [[0]]], 'type list make no array'),
  ],
)
def test_an_array_that_is_no_image_is_refused(model, bad, words):
  with pytest.raises(errors.UserError, match=words):
    model.predict(bad)


def test_a_picture_is_read_from_its_path_or_content(model, tmp_path):
  content = drawings.row(7, 1)
  path = tmp_path / 'seven.png'
  path.write_bytes(content)
  for picture in (content, bytearray(content), path, str(path)):
    assert [found.digit for found in model.read(picture)] == [7, 1]
  with pytest.raises(errors.UserError):
    model.read(b'no picture')
  with (
    path.open('rb') as file,
    pytest.raises(errors.UserError, match='a BufferedReader'),
  ):
    model.read(file)
  with pytest.raises(errors.UserError, match=r'predict\(\) takes arrays'):
    model.read(np.zeros((28, 28)))


def test_weights_without_a_name_are_refused():
  with pytest.raises(errors.UserError, match='NoneType is neither'):
    mnist_jax.load(None)
