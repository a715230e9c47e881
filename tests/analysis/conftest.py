"""A finished run, and its data set."""

import pytest
import run_samples


@pytest.fixture(scope='session')
def dataset():
  return run_samples.load_dataset()


@pytest.fixture
def workdir(dataset, tmp_path):
  """A run with 20 test errors, as the training loop leaves it."""
  return run_samples.write(tmp_path / 'run', dataset.test.labels)


@pytest.fixture(scope='module')
def written(dataset, tmp_path_factory):
  """The same run with its report; tests leave it as it is."""
  from mnist_jax.analysis.run import load, report

  labels = dataset.test.labels
  path = run_samples.write(tmp_path_factory.mktemp('written') / 'run', labels)
  report.write_all(path, load.load_run(path), dataset)
  return path
