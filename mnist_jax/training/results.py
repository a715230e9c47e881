"""The end of a run: chosen weights, predictions, report, result.json."""

import dataclasses
import io
import pathlib
import time

import numpy as np

from mnist_jax.analysis.run import load, report
from mnist_jax.distributed import devices, multihost
from mnist_jax.models import summary
from mnist_jax.training import early_stopping as early_stopping_lib
from mnist_jax.training import explain
from mnist_jax.workdir import atomic_files, provenance
from mnist_jax.workdir import workdir as workdir_lib


@dataclasses.dataclass(frozen=True)
class About:
  """What a result says about itself."""

  config_name: str  # 'improved', or 'improved-smoke'.
  command: str  # That makes, and resumes, the run.
  started: float  # By time.monotonic().


def conclude(trainer, checkpoints, path: pathlib.Path, about: About):
  """Evaluates the chosen weights on every split and writes what is left.

  The one place where the test split is looked at. result.json comes last:
  where it is, the run is finished.

  Returns:
    The content of result.json; None in all processes but the first.
  """
  state, progress = choose(trainer, checkpoints)
  variables = state.eval_variables()
  evaluated = evaluate(trainer, variables, ('test', 'valid', 'train'))
  if not multihost.is_first():
    return None
  write_predictions(path / 'predictions.npz', trainer.dataset, evaluated)
  test = load.Predictions(evaluated['test'][0], trainer.dataset.test.labels)
  valid = None
  if 'valid' in evaluated:
    labels = trainer.dataset.valid.labels
    valid = load.Predictions(evaluated['valid'][0], labels)
  explanations = explain.explain(
    *(trainer.model, variables, trainer.dataset.test.images),
    *(test.labels, test.logits),
  )
  _write_arrays(path / 'explanations.npz', vars(explanations))
  run = load.Run(
    config=workdir_lib.as_json(trainer.config),
    rows=load.load_rows(path),
    result=describe(trainer, int(state.step), variables, progress, about)
    | scores(evaluated),
    test=test,
    valid=valid,
    explanations=explanations,
  )
  report.write_all(path, run, trainer.dataset)
  return finish(path, dict(run.result), about)


def record(trainer, step, variables, progress, path, about: About):
  """Leaves what `conclude` does, but for figures and report.

  They can be had at any time: `python -m mnist_jax.analysis WORKDIR`.

  Args:
    trainer: of the run.
    step: after which the run had `variables`.
    variables: to evaluate.
    progress: a Progress.
    path: the run's folder.
    about: the run's name, command and start.

  Returns:
    The content of result.json; None in all processes but the first.
  """
  evaluated = evaluate(trainer, variables, ('train', 'valid', 'test'))
  if not multihost.is_first():
    return None
  write_predictions(path / 'predictions.npz', trainer.dataset, evaluated)
  result = describe(trainer, step, variables, progress, about) | scores(
    evaluated
  )
  return finish(path, result, about)


def evaluate(trainer, variables, names) -> dict:
  """Returns {name: (logits [N, 10], Metrics)} of those splits there are."""
  return {
    name: trainer.evaluate(variables, trainer.splits[name])
    for name in names
    if name in trainer.splits
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
  atomic_files.write_json(path / 'result.json', result)
  return result


def choose(trainer, checkpoints):
  """Returns the state that `select` asks for, and the whole run's progress."""
  (state, _), saved, _ = checkpoints.restore_newest(trainer.abstract())
  if trainer.config.select == 'best_valid':
    (state, _), _ = checkpoints.restore_best(trainer.abstract())
  return state, early_stopping_lib.Progress(**saved)


def write_predictions(path: pathlib.Path, dataset, evaluated: dict) -> None:
  """Writes logits and labels of test and valid, in the data set's order."""
  arrays = {
    'test_logits': evaluated['test'][0],
    'test_labels': dataset.test.labels,
  }
  if 'valid' in evaluated:
    arrays |= {
      'valid_logits': evaluated['valid'][0],
      'valid_labels': dataset.valid.labels,
      'valid_indices': dataset.valid.indices,
    }
  _write_arrays(path, arrays)


def _write_arrays(path, arrays):
  buffer = io.BytesIO()
  np.savez_compressed(buffer, **arrays)
  atomic_files.write(path, buffer.getvalue())


def describe(trainer, step: int, variables, progress, about: About) -> dict:
  """Returns result.json but for the metrics."""
  return {
    'dataset': trainer.dataset.name,
    'notice': trainer.dataset.notice,
    'config_name': about.config_name,
    'command': about.command,
    'seed': trainer.config.seed,
    'num_params': summary.num_params(variables['params']),
    'steps': step,
    'epochs': step / trainer.steps_per_epoch,
    'selected': trainer.config.select,
    'best_epoch': progress.best_epoch,
    'train_seconds': progress.seconds['train'],
    'compile_seconds': progress.seconds['compile'],
    'total_seconds': time.monotonic() - about.started,
    'device': devices.describe(trainer.mesh),
    'num_devices': trainer.mesh.size,
    'versions': provenance.versions(),
    'git_commit': provenance.git_commit(),
  }
