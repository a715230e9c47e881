"""The fault campaign: fair shares of time, right verdicts, real damage."""

import io
import json
import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest

import experiments
from experiments.fault_campaign import (
  bench,
  campaign,
  damage,
  families,
  hostile,
  pictures,
  processes,
  web,
)

CLEAN = processes.Done(0, 'done\n', '', 100.0)
REFUSED = processes.Done(2, '', 'mnist_jax: lr -1 must be above 0\n', 100.0)


def run(cases, tmp_path, seconds=60.0, seed=0):
  rows = campaign.run(cases, seed=seed, seconds=seconds, scratch=tmp_path)
  return [row.as_json() for row in rows]


def test_every_case_gets_an_attempt_even_without_time(tmp_path):
  cases = [campaign.Case(name, 9, 1, lambda its: ['']) for name in 'abc']
  rows = run(cases, tmp_path, seconds=0)
  assert [row['case'] for row in rows] == ['a', 'b', 'c']
  assert all(row['tried'] >= 1 for row in rows)


def test_a_case_ends_at_its_number_of_tries_and_leaves_no_folder(tmp_path):
  case = campaign.Case('some', 7, 1, lambda its: ['', ''], workers=1)
  (row,) = run([case], tmp_path)
  assert row == {'case': 'some', 'tried': 8, 'survived': 8, 'failed': 0}
  assert not list(tmp_path.iterdir())


def test_time_is_shared_by_weight(tmp_path):
  left = {}

  def attempt(its):
    left.setdefault(its.folder.name[0], its.seconds)
    return ['']

  cases = [campaign.Case(n, 1, w, attempt, 1) for n, w in (('a', 1), ('b', 3))]
  run(cases, tmp_path, seconds=1000)
  # The first has a quarter of all; the other all that is left.
  assert 200 < left['a'] < 250.1
  assert 900 < left['b'] < 1000.1


def test_what_falls_is_counted_and_described_with_its_attempt(tmp_path):
  case = campaign.Case(
    'odd', 4, 1, lambda its: ['odd' if its.number % 2 else ''], workers=1
  )
  (row,) = campaign.run([case], seed=0, seconds=60, scratch=tmp_path)
  assert row.as_json()['failed'] == 2
  assert [failure['attempt'] for failure in row.failures] == [1, 3]


def test_an_attempt_that_fails_itself_stops_no_other(tmp_path):
  case = campaign.Case('broken', 3, 1, lambda its: [str(1 / 0)], workers=1)
  (row,) = campaign.run([case], seed=0, seconds=60, scratch=tmp_path)
  assert row.as_json()['failed'] == 3
  assert 'campaign itself' in row.failures[0]['what']


@pytest.mark.parametrize('same', [True, False])
def test_random_choices_depend_on_the_seed_alone(tmp_path, same):
  drawn = []

  def attempt(its):
    drawn.append(its.rng.random())
    return ['']

  case = campaign.Case('some', 5, 1, attempt, workers=1)
  for seed in (1, 1 if same else 2):
    run([case], tmp_path, seed=seed)
  assert (drawn[:5] == drawn[5:]) == same
  assert len(set(drawn[:5])) == 5


def test_the_cases_have_names_of_their_own(tmp_path):
  cases = families.cases(bench.Bench(tmp_path, seed=0))
  assert len({case.name for case in cases}) == len(cases) > 20
  assert all(case.tries > 0 and case.weight > 0 for case in cases)


@pytest.mark.parametrize('done', [CLEAN, REFUSED])
def test_a_clean_end_is_no_failure(done):
  assert processes.judge(done) == ''


@pytest.mark.parametrize(
  ('code', 'stderr', 'megabytes', 'words'),
  [
    (None, '', 0, 'did not end'),
    (2, '', 0, '0 lines'),
    (2, 'one\ntwo\n', 0, '2 lines'),
    (-11, '', 0, 'code -11'),
    (0, 'Traceback (most recent call last):\nKeyError: 1\n', 0, 'KeyError'),
    (0, '', 10_000, '10,000 MB'),
  ],
)
def test_an_end_that_is_not_clean_is_described(code, stderr, megabytes, words):
  done = processes.Done(code, '', stderr, megabytes)
  assert words in processes.judge(done)


def test_a_command_that_hangs_is_killed_at_the_limit(tmp_path):
  started = time.monotonic()
  sleeping = ['-c', 'import time; time.sleep(1000)']
  assert processes.run(sleeping, tmp_path, limit=0.5).code is None
  assert time.monotonic() - started < 500


@pytest.mark.parametrize('way', damage.WAYS)
def test_each_way_damages_a_file(tmp_path, way):
  for seed in range(20):
    path = tmp_path / 'file.json'
    path.write_text('{"step": 17, "epoch": 1.0}')
    way(path, random.Random(seed))
    assert (
      not path.exists() or path.read_bytes() != b'{"step": 17, "epoch": 1.0}'
    )


def test_a_flipped_byte_of_a_text_is_never_another_number(tmp_path):
  path = tmp_path / 'file.json'
  for seed in range(50):
    path.write_text('{"step": 17}')
    damage.flip(path, random.Random(seed))
    with pytest.raises(ValueError, match=r'decode|utf'):
      json.loads(path.read_bytes())


def test_the_places_of_nested_objects_are_all_values_or_all_but_texts():
  content = {'a': 1, 'b': {'c': 2.5, 'd': 'text'}, 'e': None}
  assert damage.places(content, texts=False) == [('a',), ('b', 'c'), ('e',)]
  assert ('b', 'd') in damage.places(content)


def test_mutated_pictures_are_many_and_the_same_for_the_same_seed():
  def draw(seed):
    rng = random.Random(seed)
    return [pictures.mutate(rng) for _ in range(10)]

  assert draw(0) == draw(0)
  assert len({content for _, content in draw(0) + draw(1)}) > 15


@pytest.mark.parametrize('seed', range(20))
def test_a_malformed_request_is_not_a_right_one(seed):
  picture = bytes(1000)
  request = web.malform(random.Random(seed), picture)
  head = (
    b'POST /read HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: image/png\r\n'
    b'content-length: 1000\r\n\r\n'
  )
  assert request != head + picture


def test_a_traceback_is_never_taken_for_another_result():
  traceback = "traceback, code 1: AttributeError: 'list' has no attribute"
  assert hostile.without_changes(traceback) == traceback
  assert not hostile.without_changes('code 0, but other accuracy')


@pytest.mark.parametrize(
  'way', [hostile.claim_shape, hostile.encrypt, hostile.pickle]
)
def test_a_hostile_npz_cannot_be_loaded_as_it_is(tmp_path, way):
  path = tmp_path / 'arrays.npz'
  np.savez(path, numbers=np.arange(4, dtype=np.float32))
  way(path, random.Random(0))
  with pytest.raises((ValueError, RuntimeError, MemoryError, EOFError)):  # noqa: SIM117
    with np.load(path) as arrays:
      np.asarray(arrays['numbers'])


@pytest.mark.parametrize(
  'way', [hostile.retype, hostile.reshape, hostile.poison]
)
def test_a_changed_npz_loads_as_something_else(tmp_path, way):
  path, array = tmp_path / 'arrays.npz', np.ones((2, 3), np.float32)
  np.savez(path, numbers=array)
  way(path, random.Random(0))
  with np.load(path) as arrays:
    found = arrays['numbers']
  assert found.dtype != array.dtype or not np.array_equal(found, array)


def test_the_header_of_an_npy_file_is_numpys_own():
  array = io.BytesIO()
  np.save(array, np.zeros(1000, np.float32))
  content = hostile.npy_header(1000) + bytes(4000)
  assert np.array_equal(np.load(io.BytesIO(content)), np.zeros(1000))
  assert len(hostile.npy_header(1000)) == len(array.getvalue()) - 4000


def command(*flags):
  return subprocess.run(
    [sys.executable, '-m', 'experiments.fault_campaign', *flags],
    cwd=experiments.ROOT,
    capture_output=True,
    text=True,
    timeout=300,
    env=os.environ,
  )


def test_a_slice_of_the_campaign_keeps_the_rows_of_other_cases(tmp_path):
  out = tmp_path / 'faults.json'
  earlier, absent = (
    {'case': name, 'tried': 9, 'survived': 8, 'failed': 1}
    for name in ('SIGKILL', 'a case that needs what is not here')
  )
  out.write_text(json.dumps({'cases': [absent, earlier]}))
  done = command('--minutes=0.001', '--cases=config values', f'--out={out}')
  assert done.returncode in (0, 1), done.stderr
  kept, row, last = json.loads(out.read_text())['cases']
  assert (kept, last) == (earlier, absent)
  assert row['case'] == 'bad config values'
  assert row['tried'] == row['survived'] + row['failed'] > 0
  assert (
    len(row['failures']) == row['failed'] == done.returncode * row['failed']
  )
  assert row['case'] in done.stdout


@pytest.mark.parametrize(
  ('flag', 'words'),
  [('--minutes=0', 'minutes 0.0'), ('--cases=nope', 'SIGKILL')],
)
def test_a_wrong_flag_of_the_campaign_is_one_line(flag, words):
  done = command(flag)
  assert done.returncode == 2
  assert done.stderr.count('\n') == 1, done.stderr
  assert words in done.stderr


def test_a_signal_ends_the_campaign_and_all_that_it_has_started(tmp_path):
  flags = ['--minutes=5', '--cases=SIGKILL', f'--out={tmp_path}/faults.json']
  process = subprocess.Popen(
    [sys.executable, '-m', 'experiments.fault_campaign', *flags],
    cwd=experiments.ROOT,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    env=os.environ | {'TMPDIR': str(tmp_path)},
  )
  until = time.monotonic() + 120
  while not list(tmp_path.glob('*/bench/*.stdout')):
    assert time.monotonic() < until
    time.sleep(0.05)
  process.terminate()
  _, stderr = process.communicate(timeout=120)
  assert process.returncode == 130
  assert stderr.count('\n') == 1, stderr
  assert not list(tmp_path.iterdir())
