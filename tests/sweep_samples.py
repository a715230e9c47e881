"""Made-up sweeps for the tests of what reads them."""

import json

import numpy as np


def make_scores(num_errors, count, loss=0.03):
  accuracy = (count - num_errors) / count
  ours = {'loss': loss, 'accuracy': accuracy}
  return ours | {'num_errors': num_errors, 'count': count}


def make_result(seed, num_errors, valid_errors=70, overrides=(), count=10_000):
  """Make one trial's result; errors of None leave that split out."""
  valid = valid_errors is not None and make_scores(valid_errors, 6_087)
  test = num_errors is not None and make_scores(num_errors, count)
  overrides = dict(overrides)
  settings = ''.join(f'{k}{v}-' for k, v in overrides.items())
  return {
    'dataset': 'mnist',
    'config_name': 'fast',
    'seed': seed,
    'train_seconds': 1.5,
    'train': make_scores(300, 53_913),
    'valid': valid or None,
    'test': test or None,
    'overrides': overrides,
    'workdir': f'{settings}seed{seed}'.replace('/', '_'),
  }


def make_sweep(results, failed=(), **kwargs):
  return {
    'config_name': 'fast',
    'config': {'data': {'valid': 'writer_disjoint'}},
    'versions': {},
    'device': 'cpu (2 cores)',
    'num_devices': 2,
    'git_commit': 'c0ffee',
    'command': 'python -m experiments.seed_sweep',
    'mode': 'devices',
    'dataset': 'mnist',
    'notice': '',
    'seeds': list(results),
    'failed': list(failed),
    'summary': {},
  } | kwargs


def make_seeds(errors, first=0, **kwargs):
  """Make a sweep of one choice of settings with these numbers of errors."""
  return make_sweep(
    make_result(first + i, int(e), **kwargs) for i, e in enumerate(errors)
  )


def make_choosing(valid_errors, **kwargs):
  """Make a sweep that has not looked at the test set."""
  return make_sweep(
    make_result(i, None, int(e), **kwargs) for i, e in enumerate(valid_errors)
  )


def draw_errors(n, mean=95, sd=6, rng=0):
  return np.random.default_rng(rng).normal(mean, sd, n).round().astype(int)


def make_rows(epochs, valid=True, scale=1.0):
  rows = []
  for step, epoch in enumerate(epochs, start=1):
    row = {'train/loss': scale / (1 + epoch), 'train/accuracy': 1 - 0.1 / step}
    if valid:
      row |= {'valid/loss': scale / (2 + epoch), 'valid/accuracy': 0.98}
    rows.append({'step': step, 'epoch': float(epoch)} | row)
  return rows


def write(folder, sweep, seeded=()):
  """Write a sweep, and the metrics of its first trials."""
  folder.mkdir(parents=True, exist_ok=True)
  (folder / 'sweep.json').write_text(json.dumps(sweep))
  for result, rows in zip(sweep['seeds'], seeded, strict=False):
    workdir = folder / result['workdir']
    workdir.mkdir(exist_ok=True)
    lines = ''.join(json.dumps(row) + '\n' for row in rows)
    (workdir / 'metrics.jsonl').write_text(lines)
  return folder
