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
  evaluated = {
    name: job.evaluate(variables, job.splits[name])
    for name in ('test', 'valid')
    if name in job.splits
  }
  if not hosts.is_first():
    # The same evaluations in the same order as below; the rest is process 0's.
    job.evaluate(variables, job.splits['train'])
    return None
  logits = {name: logits for name, (logits, _) in evaluated.items()}
  write_predictions(path / 'predictions.npz', job.dataset, logits)
  write_explanations(path / 'explanations.npz', job, state, logits['test'])
  result = describe(job, state, progress, about)
  run = runs.load_run(path, result)
  with futures.ThreadPoolExecutor(1) as beside:
    # The largest split is evaluated while the figures, which do not need it,
    # are drawn. Nothing else may run on the devices meanwhile: XLA:CPU can
    # hang with two programs that sum over devices.
    train = beside.submit(job.evaluate, variables, job.splits['train'])
    described, pictures = outputs.draw(path, run, job.dataset)
    evaluated['train'] = train.result()
  for name in ('train', 'valid', 'test'):
    _, metrics = evaluated.get(name, (None, None))
    result[name] = metrics and metrics.compute()
  outputs.write(path, run, described, pictures)
  result['total_seconds'] = time.monotonic() - about.started
  files.write_json(path / 'result.json', result)
  return result


def choose(job, checkpoints):
  """Returns the state that `select` asks for, and the whole run's progress."""
  (state, _), progress, _ = checkpoints.restore_newest(job.abstract())
  if job.config.select == 'best_valid':
    (state, _), _ = checkpoints.restore_best(job.abstract())
  return state, progress


def write_predictions(path: pathlib.Path, dataset, logits: dict) -> None:
  """Writes logits and labels of test and valid, in the data set's order."""
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


def write_explanations(path: pathlib.Path, job, state, logits) -> None:
  """Writes filters and saliency maps, of the weights that were chosen."""
  variables, test = state.eval_variables(), job.dataset.test
  _write_arrays(
    path,
    explain.explain(job.model, variables, test.images, test.labels, logits),
  )


def _write_arrays(path, arrays):
  buffer = io.BytesIO()
  np.savez_compressed(buffer, **arrays)
  files.write(path, buffer.getvalue())


def describe(job, state, progress, about: About) -> dict:
  """Returns result.json but for the metrics."""
  return {
    'dataset': job.dataset.name,
    'notice': job.dataset.notice,
    'config_name': about.config_name,
    'command': about.command,
    'seed': job.config.seed,
    'num_params': summary.num_params(state.params),
    'steps': int(state.step),
    'epochs': int(state.step) / job.steps_per_epoch,
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
