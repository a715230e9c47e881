"""A workdir is read back as it was written; a bad one becomes one line."""

import json
import os
import shutil

import numpy as np
import pytest
import run_samples

from mnist_jax import errors
from mnist_jax.analysis.run import load


def refuse(workdir):
  """Return the one line that load_run refuses a workdir with."""
  with pytest.raises(errors.UserError) as caught:
    load.load_run(workdir)
  message = str(caught.value)
  assert ';' in message and '\n' not in message and len(message) < 600
  return message


def test_a_folder_that_cannot_be_entered_is_one_line(no_entry):
  assert 'cannot be read' in refuse(no_entry)


def test_what_was_stored_is_read_back(workdir, dataset):
  run = load.load_run(workdir)
  labels = dataset.test.labels
  np.testing.assert_array_equal(run.test.labels, labels)
  wrong = run.test.logits.argmax(axis=1) != labels
  assert wrong.sum() == 20 and run.valid is None
  assert run.rows == run_samples.make_rows()
  assert run.result == run_samples.make_result(20, len(labels))
  assert list(run.explanations.saliency_indices) == [1, 0]
  assert run.explanations.filters.shape == (3, 3, 8)


def test_a_run_older_than_explanations_has_none(workdir):
  (workdir / 'explanations.npz').unlink()
  assert load.load_run(workdir).explanations is None


def test_a_resumed_and_a_cut_off_row_are_read_as_they_should_be(workdir):
  with (workdir / 'metrics.jsonl').open('a') as file:
    file.write('{"step": 300, "epoch": 3.0, "train/loss": 9.0}\n{"step": 4')
  rows = load.load_rows(workdir)
  assert [row['step'] for row in rows] == [100, 200, 300]
  assert rows[-1]['train/loss'] == 9.0


def test_what_is_no_number_is_left_out_of_a_row(workdir):
  row = {'step': 400, 'epoch': 4, 'train/loss': 'high', 'valid/loss': None}
  row |= {'valid/accuracy': True, 'lr': 10**400}
  with (workdir / 'metrics.jsonl').open('a') as file:
    file.write(json.dumps(row) + '\n')
  assert load.load_rows(workdir)[-1] == {'step': 400, 'epoch': 4}


PREDICTIONS = {
  'nine classes': (lambda z, y: (z[:, :9], y), 'float32 [497, 9]'),
  'a label too few': (lambda z, y: (z, y[1:]), 'must be int32 [497]'),
  'no image': (lambda z, y: (z[:0], y[:0]), 'must be float32 [N, 10]'),
  'labels that are no integers': (
    lambda z, y: (z, y.astype(float)),
    'test_labels is float64',
  ),
  'a pickle': (lambda z, y: (z.astype(object), y), 'holds Python objects'),
  'a label out of range': (lambda z, y: (z, y + 1), 'from 1 to 10'),
  'a logit that is not finite': (
    lambda z, y: (np.where(z == z[0, 0], np.nan, z), y),
    '1 test_logits that are not finite',
  ),
}


@pytest.mark.parametrize('case', PREDICTIONS)
def test_predictions_that_no_run_would_store_are_one_line(case, workdir):
  change, words = PREDICTIONS[case]
  path = workdir / 'predictions.npz'
  with np.load(path) as stored:
    logits, labels = change(stored['test_logits'], stored['test_labels'])
  run_samples.change_arrays(path, test_logits=logits, test_labels=labels)
  message = refuse(workdir)
  assert words in message and 'predictions.npz' in message


@pytest.mark.parametrize(
  ('num_labels', 'words'), [(4, 'must be int32 [5]'), (None, 'no valid_labels')]
)
def test_validation_predictions_without_their_labels_are_one_line(
  num_labels, words, workdir
):
  labels = None if num_labels is None else np.zeros(num_labels, np.int32)
  logits = np.zeros((5, 10), np.float32)
  changes = {'valid_logits': logits, 'valid_labels': labels}
  run_samples.change_arrays(workdir / 'predictions.npz', **changes)
  assert words in refuse(workdir)


@pytest.mark.parametrize(
  ('changes', 'word'),
  [
    ({'saliency': None}, 'has no saliency'),
    ({'filters': np.array([{}], object)}, 'Python objects'),
    ({'filters': np.ones((3, 3, 8))}, 'float64'),
    ({'filters': np.ones((3, 5, 8), np.float32)}, 'float32 [3, 3, 8]'),
    ({'filters': np.ones((3, 3, 0), np.float32)}, 'float32 [3, 3, F]'),
    ({'filters': np.ones((29, 29, 1), np.float32)}, 'at most 28 by 28'),
    ({'filters': np.full((3, 3, 8), np.nan, np.float32)}, 'finite'),
    ({'saliency': np.ones((3, 28, 29), np.float32)}, 'float32 [3, 28, 28]'),
    ({'saliency': np.full((2, 28, 28), np.nan, np.float32)}, 'in 0..1'),
    ({'saliency': np.full((2, 28, 28), 1.1, np.float32)}, 'in 0..1'),
    ({'saliency_indices': np.array([4], np.int32)}, 'int32 [2]'),
    ({'saliency_indices': np.array([4, 4], np.int32)}, 'each once'),
    ({'saliency_indices': np.array([4, 497], np.int32)}, 'below 497'),
    ({'saliency_indices': np.array([4, -1], np.int32)}, 'below 497'),
    ({'saliency_indices': np.array([4.0, 2.0])}, 'float64'),
  ],
)
def test_explanations_that_no_run_would_store_are_one_line(
  changes, word, workdir
):
  run_samples.change_arrays(workdir / 'explanations.npz', **changes)
  message = refuse(workdir)
  assert word in message and 'explanations.npz' in message
  assert 'delete it to do without' in message


BAD = {
  'no folder': (shutil.rmtree, 'metrics.jsonl is not there'),
  'no config': (
    lambda d: (d / 'config.json').unlink(),
    'config.json is not there',
  ),
  'no predictions': (
    lambda d: (d / 'predictions.npz').unlink(),
    'has no predictions',
  ),
  'predictions cut off': (
    lambda d: os.truncate(d / 'predictions.npz', 2_000),
    'predictions.npz cannot be read',
  ),
  'no row yet': (
    lambda d: (d / 'metrics.jsonl').write_text(''),
    'holds no row yet',
  ),
  'a result cut off': (
    lambda d: (d / 'result.json').write_text('{"seed": '),
    'result.json is damaged',
  ),
  'a result without its test': (
    lambda d: run_samples.change_result(d, test={}),
    'at `$.test`',
  ),
  'a folder that leaves no text': (
    lambda d: run_samples.write_json(
      d / 'config.json', {'data': {'name': 'mnist', 'manual_dir': 'a\0b'}}
    ),
    'at `$.data.manual_dir`',
  ),
}


@pytest.mark.parametrize('case', BAD)
def test_a_bad_workdir_is_refused_in_one_line_with_a_way_out(case, workdir):
  spoil, words = BAD[case]
  spoil(workdir)
  assert words in refuse(workdir)


@pytest.mark.parametrize(
  'content', ['[]', '3', '"x"', 'null', '{}', '{"data": 3}', '[' * 100_000]
)
@pytest.mark.parametrize(
  'name', ['config.json', 'result.json', 'metrics.jsonl']
)
def test_json_of_another_shape_is_one_line(name, content, workdir):
  (workdir / name).write_text(f'{content}\n')
  assert name in refuse(workdir)


@pytest.mark.parametrize('value', [[], {'a': 1}, 'x', -1, 10**400, True])
def test_a_result_with_a_value_of_another_kind_is_one_line(value, workdir):
  result = run_samples.make_result(20, 497)
  for name, good in result.items():
    fits = isinstance(value, str) and isinstance(good, str)
    if fits or (name, value) == ('seed', -1):
      continue
    run_samples.write_json(workdir / 'result.json', result | {name: value})
    assert f'`$.{name}' in refuse(workdir), name
