"""The frontier says what its runs and sweeps say."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import sweep_samples

import experiments
from experiments.benchmark import race
from experiments.frontier import measure, report
from mnist_jax.analysis.run import classification

SEED_SECONDS = (3.0, 1.0, 8.0)


def make_runs(errors):
  return [
    {
      'seed': i,
      'train_seconds': seconds,
      'total_seconds': seconds + 2,
      'test_errors': number,
      'num_params': 100,
      'device': 'cpu (some, 2 cores)',
    }
    for i, (seconds, number) in enumerate(
      zip(SEED_SECONDS, errors, strict=True)
    )
  ]


def test_seconds_are_medians_of_the_runs_and_errors_means_of_the_sweep():
  runs = make_runs([90, 100, 110])
  alone = measure.describe(measure.OURS[0], runs, None)
  assert (alone['train_seconds'], alone['total_seconds']) == (3.0, 5.0)
  assert alone['test_errors']['mean'] == 100 and alone['seeds'] == 3
  sweep = sweep_samples.make_seeds([80, 82, 84, 86, 88])
  more = measure.describe(measure.OURS[0], runs, sweep)
  assert more['test_errors']['mean'] == 84 and more['seeds'] == 5
  assert more['train_seconds'] == 3.0
  assert more['errors_from'] == 'fast-seeds'


@pytest.fixture(scope='module')
def sweep(tmp_path_factory):
  """The folder of a real sweep of two seeds."""
  folder = tmp_path_factory.mktemp('frontier') / 'sweep'
  done = subprocess.run(
    [
      *(sys.executable, '-m', 'experiments.seed_sweep'),
      *('--config=fast:smoke', '--num_seeds=2', f'--workdir={folder}'),
    ],
    cwd=experiments.ROOT,
    env=os.environ | {'MPLBACKEND': 'Agg'},
    capture_output=True,
    text=True,
    timeout=120,
  )
  assert done.returncode == 0, done.stderr
  return folder


def test_the_ensemble_is_the_plain_mean_of_the_probabilities(sweep):
  row = measure.average(sweep)
  probabilities, seconds = [], 0.0
  for seed in range(2):
    arrays = np.load(sweep / f'seed{seed}' / 'predictions.npz')
    probabilities.append(classification.softmax(arrays['test_logits']))
    labels = arrays['test_labels']
    result = json.loads((sweep / f'seed{seed}' / 'result.json').read_text())
    seconds += result['train_seconds']
  read = (probabilities[0] + probabilities[1]).argmax(axis=1)
  assert row['test_errors']['mean'] == (read != labels).sum()
  assert row['train_seconds'] == pytest.approx(seconds)
  assert row['name'] == '2 seeds of fast-smoke'


def test_the_table_goes_from_the_quickest_to_the_slowest(tmp_path):
  rows = [
    measure.describe(one, make_runs([n, n + 1, n + 2]), None) | {'name': name}
    for one, n, name in (
      (measure.OURS[1], 40, 'slow'),
      (measure.PYTORCH[0], 90, 'quick'),
    )
  ]
  rows[1]['train_seconds'] = 0.5
  found = {
    'rows': rows,
    'device': 'cpu (some, 2 cores)',
    'load_average': [0.1],
    'date': '2026-01-01',
  }
  lines = report.as_markdown(found).splitlines()
  assert lines[2].startswith('| quick ') and lines[3].startswith('| slow ')
  assert '**91.0** ± 1.0' in lines[2]
  report.keep(found, str(tmp_path))
  assert (tmp_path / 'frontier.png').read_bytes().startswith(b'\x89PNG')
  kept = json.loads((tmp_path / 'frontier.json').read_text())
  assert kept['rows'] == json.loads(json.dumps(rows))


def test_a_recipe_is_timed_by_the_command_that_a_user_types():
  found = race.run_recipe('fast', 'uci_digits', 3, 'smoke')
  assert found['seed'] == 3 and found['num_params'] == 72_362
  assert found['total_seconds'] > found['train_seconds'] > 0
