"""The end of a run: chosen weights, predictions, report, result.json."""

import dataclasses
import importlib.metadata
import io
import pathlib
import platform
import subprocess
import time
from concurrent import futures

import numpy as np

from mnist_jax import devices, explain, files, hosts, summary
from mnist_jax import progress as progress_lib
from mnist_jax.analysis import outputs, runs


@dataclasses.dataclass(frozen=True)
class About:
  """What a result says about itself."""

  config_name: str  # 'improved', or 'improved-smoke'.
  command: str  # That makes, and resumes, the run.
  started: float  # By time.monotonic().


def conclude(job, checkpoints, path: pathlib.Path, about: About):
  """Evaluates the chosen weights on every split and writes what is left.

  The one place where the test split is looked at. result.json comes last:
  where it is, the run is finished.

  Returns:
    The content of result.json; None in all processes but the first.
  """
  state, progress = choose(job, checkpoints)
  variables = state.eval_variables()
  evaluated = evaluate(job, variables, ('test', 'valid'))
  if not hosts.is_first():
    # The same evaluations in the same order as below; the rest is process 0's.
    job.evaluate(variables, job.splits['train'])
    return None
  logits = write_predictions(path / 'predictions.npz', job.dataset, evaluated)
  write_explanations(path / 'explanations.npz', job, variables, logits['test'])
  result = describe(job, int(state.step), variables, progress, about)
  run = runs.load_run(path, result)
  with futures.ThreadPoolExecutor(1) as beside:
    # The largest split is evaluated while the figures, which do not need it,
    # are drawn. Nothing else may run on the devices meanwhile: XLA:CPU can
    # hang with two programs that sum over devices.
    train = beside.submit(job.evaluate, variables, job.splits['train'])
    described, pictures = outputs.draw(path, run, job.dataset)
    evaluated['train'] = train.result()
  result |= scores(evaluated)
  outputs.write(path, run, described, pictures)
  return finish(path, result, about)


def record(job, step, variables, progress, path, about: About):
  """Leaves what `conclude` does, but for figures and report.

  They can be had at any time: `python -m mnist_jax.analysis WORKDIR`.

  Args:
    job: of the run.
    step: after which the run had `variables`.
    variables: to evaluate.
    progress: a Progress.
    path: the run's folder.
    about: the run's name, command and start.

  Returns:
    The content of result.json; None in all processes but the first.
  """
  evaluated = evaluate(job, variables, ('train', 'valid', 'test'))
  if not hosts.is_first():
    return None
  write_predictions(path / 'predictions.npz', job.dataset, evaluated)
  result = describe(job, step, variables, progress, about) | scores(evaluated)
  return finish(path, result, about)


def evaluate(job, variables, names) -> dict:
  """Returns {name: (logits [N, 10], Metrics)} of those splits there are."""
  return {
    name: job.evaluate(variables, job.splits[name])
    for name in names
    if name in job.splits
  }


def scores(evaluated: dict) -> dict:
  """Returns the metrics of each split, None where there is no such split."""
  empty = {'train': None, 'valid': None, 'test': None}
  return empty | {
    name: metrics.compute() for name, (_, metrics) in evaluated.items()
  }


def finish(path, result: dict, about: About) -> dict:
  """Adds the time to `result` and writes it, the run's last file."""
  result['total_seconds'] = time.monotonic() - about.started
  files.write_json(path / 'result.json', result)
  return result


def choose(job, checkpoints):
  """Returns the state that `select` asks for, and the whole run's progress."""
  (state, _), saved, _ = checkpoints.restore_newest(job.abstract())
  if job.config.select == 'best_valid':
    (state, _), _ = checkpoints.restore_best(job.abstract())
  return state, progress_lib.Progress(**saved)


def write_predictions(path: pathlib.Path, dataset, evaluated: dict) -> dict:
  """Writes logits and labels of test and valid, in the data set's order.

  Returns:
    {'test': logits [N, 10], ...}
  """
  logits = {name: logits for name, (logits, _) in evaluated.items()}
  arrays = {
    'test_logits': logits['test'],
    'test_labels': dataset.test.labels,
  }
  if 'valid' in logits:
    arrays |= {
      'valid_logits': logits['valid'],
      'valid_labels': dataset.valid.labels,
      'valid_indices': dataset.valid.indices,
    }
  _write_arrays(path, arrays)
  return logits


def write_explanations(path: pathlib.Path, job, variables, logits) -> None:
  """Writes filters and saliency maps, of the weights that were chosen."""
  test = job.dataset.test
  _write_arrays(
    path,
    explain.explain(job.model, variables, test.images, test.labels, logits),
  )


def _write_arrays(path, arrays):
  buffer = io.BytesIO()
  np.savez_compressed(buffer, **arrays)
  files.write(path, buffer.getvalue())


def describe(job, step: int, variables, progress, about: About) -> dict:
  """Returns result.json but for the metrics."""
  return {
    'dataset': job.dataset.name,
    'notice': job.dataset.notice,
    'config_name': about.config_name,
    'command': about.command,
    'seed': job.config.seed,
    'num_params': summary.num_params(variables['params']),
    'steps': step,
    'epochs': step / job.steps_per_epoch,
    'selected': job.config.select,
    'best_epoch': progress.best_epoch,
    'train_seconds': progress.seconds['train'],
    'compile_seconds': progress.seconds['compile'],
    'total_seconds': time.monotonic() - about.started,
    'device': devices.describe(job.mesh),
    'num_devices': job.mesh.size,
    'versions': versions(),
    'git_commit': git_commit(),
  }


def versions() -> dict[str, str]:
  """Returns the versions of Python and of what numbers may depend on."""
  names = ('jax', 'jaxlib', 'flax', 'optax', 'orbax-checkpoint', 'numpy')
  return {'python': platform.python_version()} | {
    name: importlib.metadata.version(name) for name in names
  }


def git_commit() -> str:
  """Returns the commit of this source tree, '' where there is none."""
  try:
    answer = subprocess.run(
      ['git', 'rev-parse', 'HEAD'],
      cwd=pathlib.Path(__file__).parent,
      capture_output=True,
      text=True,
      timeout=5,
      check=True,
    )
  except (OSError, subprocess.SubprocessError):
    return ''
  return answer.stdout.strip()
