"""What a run prints fits a terminal."""

import json

import pytest

import experiments
from mnist_jax.training import log_lines

RUNS = sorted(experiments.RESULTS.glob('*.jsonl'))


@pytest.mark.parametrize('path', RUNS, ids=lambda path: path.stem)
def test_every_epoch_of_our_runs_fits_80_columns(path):
  rows = [json.loads(line) for line in path.read_text().splitlines()]
  for row in rows:
    line = log_lines.epoch_line(row, rows[-1]['epoch'])
    assert len(line) <= 80, line
    assert f'{row["train/accuracy"]:.2%}' in line
  columns = {log_lines.epoch_line(row, 10.0).index('train') for row in rows}
  assert len(columns) == 1
