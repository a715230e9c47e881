"""The end of a run: chosen weights, predictions, report, result.json."""

import dataclasses
import io
import math
import pathlib
import time
from typing import Any

import numpy as np

from mnist_jax.analysis.run import calibration, load, report
from mnist_jax.data import class_names
from mnist_jax.distributed import devices, multihost
from mnist_jax.models import onednn, summary
from mnist_jax.training import explain
from mnist_jax.training.early_stopping import Progress
from mnist_jax.training.loop import LoopState
from mnist_jax.training.metrics import Metrics
from mnist_jax.training.preemption import Preemption
from mnist_jax.training.trainer import Trainer
from mnist_jax.workdir import (
  atomic_files,
  provenance,
  tensorboard,
  weights_file,
)
from mnist_jax.workdir import workdir as workdir_lib
from mnist_jax.workdir.checkpoint import Checkpoints

SPLITS = ('test', 'valid', 'train')

# {name: (logits [N, K] float32, Metrics)} of the splits that there are.
Evaluated = dict[str, tuple[np.ndarray, Metrics]]


@dataclasses.dataclass(frozen=True)
class About:
  """What a result says about itself."""

  config_name: str  # 'improved', or 'improved-smoke'.
  command: str  # That makes, and resumes, the run.
  started: float  # By time.monotonic().
  trials: int = 1  # That ran side by side: each gets its share of the time.
  # When this was made: the CPU time of other programs counts from then.
  made: provenance.Moment = dataclasses.field(default_factory=provenance.now)


@dataclasses.dataclass(frozen=True)
class Chosen:
  """The weights that a run reports."""

  step: int
  variables: dict[str, Any]  # 'params' and 'batch_stats', on the devices.
  progress: Progress  # Of the whole run.
  seconds: dict[str, float]  # Of its timer.


def choose(
  trainer: Trainer, checkpoints: Checkpoints, loop: LoopState
) -> Chosen:
  """Returns the weights that `config.select` asks for.

  Raises:
    errors.UserError: when the best checkpoint is damaged or gone.
  """
  state = loop.state
  step = best_step(trainer, loop.progress)
  if step not in (None, int(state.step)):
    state, _ = checkpoints.restore_best(step, trainer.abstract())
  return Chosen(
    int(state.step), state.eval_variables(), loop.progress, loop.timer.seconds
  )


def best_step(trainer: Trainer, progress: Progress) -> int | None:
  """Returns the step whose weights to report; None for the last step."""
  if trainer.config.select != 'best_valid' or progress.best_epoch is None:
    return None
  return round(progress.best_epoch * trainer.steps_per_epoch)


def conclude(
  trainer: Trainer,
  chosen: Chosen,
  workdir: pathlib.Path,
  about: About,
  signals: Preemption,
  *,
  explained: bool = True,
) -> dict | None:
  """Evaluates the chosen weights on every split and writes what is left.

  This is the one place that looks at the test split, and only where
  `config.evaluate_test` says so; without it there is no report, which shows
  the test split. result.json comes last: a run that has it is finished.

  Args:
    trainer: of the run.
    chosen: the weights to evaluate.
    workdir: the run's folder.
    about: the run's name, command and start.
    signals: looked at between splits.
    explained: whether to write explanations, figures and report as well.
      `python -m mnist_jax.analysis WORKDIR` draws the figures at any time.

  Returns:
    The content of result.json; None in all processes but the first.

  Raises:
    preemption.Stopped: after a signal; the same command goes on.
    errors.UserError: when the chosen weights give no finite loss.
  """
  evaluated = evaluate(trainer, chosen, signals)
  if not multihost.is_first():
    return None
  temperature = fit_temperature(trainer, evaluated)
  sha256 = weights_file.write(
    workdir, chosen.variables, temperature, trainer.dataset.class_names
  )
  result = describe(trainer, chosen, about) | {'weights_sha256': sha256}
  result |= {
    name: evaluated[name][1].compute() if name in evaluated else None
    for name in ('train', 'valid', 'test')
  }
  write_predictions(trainer, evaluated, workdir)
  if explained and 'test' in evaluated:
    write_report(trainer, chosen, evaluated, result, workdir)
  if trainer.config.log.tensorboard:
    tensorboard.write_result(workdir, trainer.config, result)
  seconds = time.monotonic() - about.started
  result['total_seconds'] = seconds / about.trials
  result['peak_memory_mb'] = provenance.peak_memory_mb()
  others = provenance.cores_used_by_others(about.made)
  result['cores_used_by_others'] = round(others, 2)
  atomic_files.write_json(workdir / 'result.json', result)
  return result


def evaluate(
  trainer: Trainer, chosen: Chosen, signals: Preemption
) -> Evaluated:
  """Evaluates all splits, one after another.

  XLA on CPU can hang with two programs at once that sum over devices, so
  nothing else may run on the devices meanwhile.

  Raises:
    preemption.Stopped: after a signal.
    errors.UserError: when a loss is not finite.
  """
  evaluated: Evaluated = {}
  for name in SPLITS:
    if name not in trainer.splits:
      continue
    signals.stop_if_requested()
    evaluated[name] = trainer.evaluate(chosen.variables, trainer.splits[name])
    if not math.isfinite(evaluated[name][1].loss_sum):
      raise trainer.diverged(0, chosen.step)
  return evaluated


def fit_temperature(trainer: Trainer, evaluated: Evaluated) -> float:
  """Returns what calibrates the logits on validation; 1 without that split."""
  if 'valid' not in evaluated:
    return 1.0
  logits, _ = evaluated['valid']
  return calibration.fit_temperature(logits, trainer.dataset.valid.labels)


def describe(trainer: Trainer, chosen: Chosen, about: About) -> dict:
  """Returns result.json but for the metrics."""
  names = trainer.dataset.class_names
  own_names = {} if class_names.are_digits(names) else {'class_names': names}
  return {
    'dataset': trainer.dataset.name,
    **own_names,
    'notice': trainer.dataset.notice,
    'config_name': about.config_name,
    # A path in it may be no UTF-8, which no reader of JSON would take.
    'command': about.command.encode(errors='backslashreplace').decode(),
    'seed': trainer.config.seed,
    'num_params': summary.num_params(chosen.variables['params']),
    'steps': chosen.step,
    'epochs': chosen.step / trainer.steps_per_epoch,
    'selected': trainer.config.select,
    'best_epoch': chosen.progress.best_epoch,
    'train_seconds': chosen.seconds['train'],
    'compile_seconds': chosen.seconds['compile'],
    # For the report; `conclude` sets it again at the end.
    'total_seconds': time.monotonic() - about.started,
    'device': devices.describe(trainer.mesh),
    'num_devices': trainer.mesh.size,
    'versions': provenance.versions()
    | onednn.versions(trainer.mesh.devices.flat[0].platform),
    'git_commit': provenance.git_commit(),
  }


def write_predictions(
  trainer: Trainer, evaluated: Evaluated, workdir: pathlib.Path
) -> None:
  """Writes logits and labels of test and valid, in the data set's order."""
  dataset = trainer.dataset
  arrays: dict[str, np.ndarray] = {}
  if 'test' in evaluated:
    arrays |= {
      'test_logits': evaluated['test'][0],
      'test_labels': dataset.test.labels,
    }
  if 'valid' in evaluated:
    arrays |= {
      'valid_logits': evaluated['valid'][0],
      'valid_labels': dataset.valid.labels,
      'valid_indices': dataset.valid.indices,
    }
  _write_arrays(workdir / 'predictions.npz', arrays)


def write_report(
  trainer: Trainer,
  chosen: Chosen,
  evaluated: Evaluated,
  result: dict,
  workdir: pathlib.Path,
) -> None:
  """Writes explanations.npz, the figures, analysis.json and report.html."""
  dataset = trainer.dataset
  predictions = {
    name: load.Predictions(evaluated[name][0], getattr(dataset, name).labels)
    for name in ('test', 'valid')
    if name in evaluated
  }
  explanations = explain.explain(
    trainer.model,
    chosen.variables,
    dataset.test.images,
    dataset.test.labels,
    evaluated['test'][0],
  )
  found = {k: v for k, v in vars(explanations).items() if v is not None}
  _write_arrays(workdir / 'explanations.npz', found)
  run = load.Run(
    config=workdir_lib.as_json(trainer.config),
    rows=load.load_rows(workdir),
    result=result,
    test=predictions['test'],
    valid=predictions.get('valid'),
    explanations=explanations,
  )
  report.write_all(workdir, run, dataset)


def _write_arrays(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> None:
  buffer = io.BytesIO()
  np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
  atomic_files.write(path, buffer.getvalue())
