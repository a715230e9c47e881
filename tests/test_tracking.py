"""The examples of docs/tracking.md run against the trackers' offline modes."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PAGE = (ROOT / 'docs' / 'tracking.md').read_text()
BLOCKS = dict(
  re.findall(r'^```python title="(\w+)"\n((?:.*\n)*?)```$', PAGE, re.M)
)


@pytest.fixture
def inside(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  return tmp_path


@pytest.mark.filterwarnings('ignore')  # Those of the trackers.
def test_weights_and_biases_gets_a_run(inside, monkeypatch):
  pytest.importorskip('wandb')
  monkeypatch.setenv('WANDB_MODE', 'offline')
  exec(BLOCKS['wandb'], {})
  (folder,) = inside.glob('wandb/offline-run-*')
  assert list(folder.rglob('*.wandb'))


@pytest.mark.filterwarnings('ignore')
def test_mlflow_gets_parameters_and_metrics(inside, monkeypatch):
  mlflow = pytest.importorskip('mlflow')
  monkeypatch.setenv('MLFLOW_ALLOW_FILE_STORE', 'true')
  monkeypatch.setenv('MLFLOW_TRACKING_URI', (inside / 'mlruns').as_uri())
  exec(BLOCKS['mlflow'], {})
  run = mlflow.last_active_run()
  assert run.data.params['model.name'] == 'fast'
  assert 0.1 < run.data.metrics['test/accuracy'] <= 1
  assert 'valid/loss' in run.data.metrics or 'train/loss' in run.data.metrics
