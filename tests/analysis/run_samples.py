"""Made-up finished runs for the tests of what reads them."""

import json
import types

import numpy as np
import sweep_samples

from mnist_jax.data import datasets

HOSTILE = '<script>alert("$1$")</script><img src=http://example.org/x>'


def load_dataset():
  data = {'name': 'uci_digits', 'valid': 'none', 'manual_dir': ''}
  return datasets.load_dataset(types.SimpleNamespace(data_dir='', **data))


def make_result(num_errors, count, **changes):
  return {
    **{'dataset': 'uci_digits', 'config_name': HOSTILE, 'seed': 3},
    **{'num_params': 391370, 'steps': 300, 'epochs': 3.0},
    **{'selected': 'best_valid', 'best_epoch': 2.0, 'valid': None},
    'train': sweep_samples.make_scores(2, 1300),
    'test': sweep_samples.make_scores(num_errors, count, loss=0.125),
    **{'train_seconds': 95.04, 'compile_seconds': 2.0, 'total_seconds': 3725.0},
    **{'device': 'cpu', 'num_devices': 1, 'git_commit': 'c0ffee'},
    **{'versions': {'jax': '0.10.2'}, 'command': 'python -m x --y="<b>"'},
    'notice': 'MNIST cannot be had here (no network).',
  } | changes


def make_predictions(labels, num_errors=20):
  """Make logits that misread the first images, with much confidence."""
  labels = np.asarray(labels)
  logits = np.random.default_rng(0).normal(size=(len(labels), 10))
  logits[np.arange(len(labels)), labels] += 20
  wrong = np.arange(num_errors)
  logits[wrong, (labels[wrong] + 1) % 10] += 40
  return {'test_logits': np.float32(logits), 'test_labels': np.int32(labels)}


def make_explanations(count=2):
  rng = np.random.default_rng(0)
  return {
    'filters': rng.normal(size=(3, 3, 8)).astype(np.float32),
    'saliency': rng.random((count, 28, 28), np.float32),
    'saliency_indices': np.arange(count, dtype=np.int32)[::-1],
  }


def make_rows():
  return [
    {'step': int(100 * epoch), 'epoch': epoch, 'seconds': 1.0}
    | {f'{split}/loss': 1 / epoch for split in ('train', 'valid')}
    | {f'{split}/accuracy': 1 - 0.1 / epoch for split in ('train', 'valid')}
    for epoch in (1.0, 2.0, 3.0)
  ]


def write(workdir, labels, num_errors=20, **changes):
  """Write a workdir as the training loop leaves it."""
  workdir.mkdir(exist_ok=True)
  write_json(workdir / 'config.json', {'data': {'name': 'auto'}, 'seed': 3})
  lines = ''.join(json.dumps(row) + '\n' for row in make_rows())
  (workdir / 'metrics.jsonl').write_text(lines)
  result = make_result(num_errors, len(labels), **changes)
  write_json(workdir / 'result.json', result)
  arrays = make_predictions(labels, num_errors)
  np.savez(workdir / 'predictions.npz', **arrays)
  np.savez(workdir / 'explanations.npz', **make_explanations())
  return workdir


def write_json(path, content):
  path.write_text(json.dumps(content))


def change_result(workdir, **changes):
  result = json.loads((workdir / 'result.json').read_text())
  write_json(workdir / 'result.json', result | changes)


def change_arrays(path, **changes):
  """Replace or add arrays of an .npz file; None removes one."""
  with np.load(path) as stored:
    arrays = dict(stored) | changes
  kept = {name: array for name, array in arrays.items() if array is not None}
  np.savez(path, **kept)
