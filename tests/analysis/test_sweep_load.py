"""Sweeps are read with suspicion: what no sweep writes becomes one line."""

import math

import pytest
import sweep_samples

from mnist_jax import errors
from mnist_jax.analysis.sweep import load, report
from mnist_jax.workdir import json_files

FAILED = {'seed': 10, 'overrides': {}, 'reason': 'diverged at step 210'}


def damage(path, value):
  """Return a sweep with one value replaced, or removed by None."""
  content = sweep_samples.make_seeds([90, 91])
  content['failed'] = [dict(FAILED)]
  place = content
  for key in path[:-1]:
    place = place[key]
  if value is None:
    del place[path[-1]]
  else:
    place[path[-1]] = value
  return content


SEED = ('seeds', 0)
TEST = (*SEED, 'test')


@pytest.mark.parametrize(
  'path, value, words',
  [
    (('seeds',), None, 'required field `seeds`'),
    (('seeds',), {}, 'at `$.seeds`'),
    (('seeds',), [{}] * 1_001, 'length <= 1000'),
    (('failed',), 3, 'at `$.failed`'),
    (('config_name',), None, 'required field `config_name`'),
    (('device',), 3, 'at `$.device`'),
    (SEED, [], 'at `$.seeds[0]`'),
    ((*SEED, 'seed'), None, 'required field `seed`'),
    ((*SEED, 'seed'), True, 'at `$.seeds[0].seed`'),
    ((*SEED, 'seed'), 1, 'seed 1 is there twice'),
    ((*SEED, 'dataset'), 'uci_digits', 'mixes data sets: mnist, uci_digits'),
    ((*SEED, 'train_seconds'), math.nan, 'at `$.seeds[0].train_seconds`'),
    ((*SEED, 'train_seconds'), 1e308, 'at `$.seeds[0].train_seconds`'),
    ((*SEED, 'train_seconds'), 10**400, 'at `$.seeds[0].train_seconds`'),
    ((*SEED, 'train_seconds'), -1, 'at `$.seeds[0].train_seconds`'),
    ((*SEED, 'overrides'), [], 'at `$.seeds[0].overrides`'),
    ((*SEED, 'overrides'), {'lr': [{}]}, 'at `$.seeds[0].overrides[...][0]`'),
    ((*SEED, 'overrides'), {'lr': math.inf}, 'at `$.seeds[0].overrides[...]`'),
    ((*SEED, 'overrides'), {'lr': 10**400}, 'at `$.seeds[0].overrides[...]`'),
    ((*SEED, 'overrides'), {str(i): i for i in range(21)}, 'length <= 20'),
    ((*SEED, 'workdir'), '../../etc', 'no plain name'),
    ((*SEED, 'workdir'), '..', 'no plain name'),
    ((*SEED, 'workdir'), '/etc', 'no plain name'),
    ((*SEED, 'workdir'), 'a\\b', 'no plain name'),
    ((*SEED, 'workdir'), 'a' * 256, 'length <= 255'),
    ((*SEED, 'workdir'), 3, 'at `$.seeds[0].workdir`'),
    (TEST, None, 'mixes numbers of test images'),
    ((*TEST, 'count'), 0, 'at `$.seeds[0].test.count`'),
    ((*TEST, 'count'), 90.5, 'at `$.seeds[0].test.count`'),
    ((*TEST, 'num_errors'), -1, 'at `$.seeds[0].test.num_errors`'),
    ((*TEST, 'num_errors'), 10_001, 'with 10001 errors of 10000'),
    ((*TEST, 'accuracy'), 0.5, 'test accuracy 0.5 with 90 errors of 10000'),
    ((*TEST, 'loss'), 'low', 'at `$.seeds[0].test.loss`'),
    ((*TEST, 'loss'), -1e308, 'at `$.seeds[0].test.loss`'),
    ((*TEST,), sweep_samples.make_scores(1, 9), 'mixes numbers of test images'),
    ((*SEED, 'valid'), 3, 'at `$.seeds[0].valid`'),
    (('failed', 0), 'x', 'at `$.failed[0]`'),
    (('failed', 0, 'seed'), None, 'required field `seed`'),
  ],
)
def test_what_no_sweep_writes_is_refused_in_one_line(path, value, words):
  with pytest.raises(errors.UserError) as caught:
    load.check(damage(path, value), 'sweep.json')
  message = str(caught.value)
  assert words in message and message.startswith('sweep.json')
  assert '; ' in message and '\n' not in message and len(message) < 400


@pytest.mark.parametrize(
  'content, words',
  [
    (b'', 'is damaged'),
    (b'{"seeds": [', 'is damaged'),
    (b'[' * 100_000, 'is damaged'),
    (b'{"seeds": NaN}', 'is damaged'),
    (b'{"seeds": ' + 9_999 * b'1' + b'}', 'is damaged'),
    (b'\xff\xfe', 'is damaged'),
    (b'[]', 'is damaged'),
    (b'{}', 'is no sweep'),
  ],
)
def test_a_damaged_file_is_one_line(content, words, tmp_path):
  path = tmp_path / 'sweep.json'
  path.write_bytes(content)
  with pytest.raises(errors.UserError, match=words) as caught:
    load.load(tmp_path)
  assert '\n' not in str(caught.value) and len(str(caught.value)) < 400


def test_a_folder_that_cannot_be_entered_is_one_line(no_entry):
  for path in (no_entry, no_entry / 'sweep.json'):
    for read in (load.is_sweep, load.load):
      with pytest.raises(errors.UserError, match='cannot be read'):
        read(path)


def test_a_file_beyond_any_sweep_is_not_even_read(tmp_path):
  path = tmp_path / 'sweep.json'
  with path.open('wb') as file:
    file.truncate(json_files.MAX_BYTES + 1)
  with pytest.raises(errors.UserError, match='larger than 64 MB'):
    load.load(path)


def test_numbers_of_any_size_that_is_allowed_are_described():
  content = sweep_samples.make_seeds([90, 91])
  for result in content['seeds']:
    result['train_seconds'] = 1e100
    result['test']['loss'] = result['valid']['loss'] = -1e100
  assert 'e+' not in report.describe(content)


def test_a_list_of_numbers_is_a_hyperparameter_too():
  content = sweep_samples.make_sweep(
    sweep_samples.make_result(seed, 90, overrides={'model.features': [8, last]})
    for last in (16, 17)
    for seed in (0, 1)
  )
  said = report.describe(content)
  assert 'features 8, 16 ' in said and 'features 8, 17 ' in said


def test_nothing_that_is_printed_steers_a_terminal():
  hostile = 'red \x1b[31m\n\u202e\x07 end' + 10_000 * 'x'
  content = damage(('failed', 0, 'reason'), hostile)
  content |= {'config_name': hostile, 'device': hostile, 'notice': hostile}
  content['seeds'][0]['overrides'] = {hostile: hostile}
  said = report.describe(content)
  assert '\x1b' not in said and '\u202e' not in said and '\x07' not in said
  assert max(map(len, said.splitlines())) < 1_200
