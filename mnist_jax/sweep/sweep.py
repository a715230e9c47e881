"""A sweep: the same recipe for many seeds and settings, as a folder.

Finished trials are skipped, a killed one goes on, and one that fails is
written down with its reason and does not stop the rest.
"""

import dataclasses
import functools
import pathlib
import time
from collections.abc import Callable, Sequence

import jax
import ml_collections

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.cli import console
from mnist_jax.data import datasets
from mnist_jax.distributed import devices, multihost
from mnist_jax.sweep import parallel_steps, parallel_train
from mnist_jax.sweep import trials as trials_lib
from mnist_jax.training import results as results_lib
from mnist_jax.training import train as train_lib
from mnist_jax.training import trainer as trainer_lib
from mnist_jax.workdir import atomic_files, provenance
from mnist_jax.workdir import checkpoint as checkpoint_lib
from mnist_jax.workdir import workdir as workdir_lib

# More do not fit everywhere; the rest follows in groups of its own.
RUNS_PER_DEVICE = 32


@dataclasses.dataclass(frozen=True)
class Sweep:
  """What all trials of a sweep share."""

  path: pathlib.Path
  mode: str  # 'vmap', 'loop' or 'devices'.
  config_name: str
  command: str  # What runs a trial alone, but for its seed and settings.

  def about(self, trial: trials_lib.Trial) -> results_lib.About:
    """Returns what the result of `trial` says about itself, from now on."""
    settings = {'seed': trial.config.seed} | trial.overrides
    flags = (f'--config.{name}={value}' for name, value in settings.items())
    return results_lib.About(
      config_name=self.config_name,
      command=' '.join([self.command, *flags]),
      started=time.monotonic(),
    )

  def result(self, trial: trials_lib.Trial) -> dict | None:
    """Returns the result of a finished trial, or None."""
    return workdir_lib.read_result(self.path / trial.name)

  def failure(self, trial: trials_lib.Trial) -> dict | None:
    """Returns why a trial failed, {'reason': ...}, or None."""
    return workdir_lib.read_json(self.path / trial.name / 'failed.json')

  def is_done(self, trial: trials_lib.Trial) -> bool:
    """Whether nothing is left to do for a trial."""
    return bool(self.result(trial) or self.failure(trial))

  def are_done(self, trials: Sequence[trials_lib.Trial]) -> bool:
    """The same for all of `trials`; process 0 looks, for all of them."""
    return bool(multihost.from_first(all(map(self.is_done, trials))))


def run(
  config: ml_collections.ConfigDict,
  path: pathlib.Path,
  *,
  num_seeds: int,
  rows: Sequence[dict] = ({},),
  only: str = '',
  mode: str = 'auto',
  execute: Callable | None = None,
  about: results_lib.About,
) -> dict | None:
  """Runs the trials of a sweep that are not done yet.

  Args:
    config: the recipe; its seed is the first.
    path: the sweep's folder; each trial gets one of its own below.
    num_seeds: 1 or more.
    rows: settings {'optim.lr': 0.01, ...}, each for every seed.
    only: name of a single trial, to run no other; '' for all.
    mode: 'vmap', 'loop', 'devices' or 'auto'.
    execute: what runs the trials, elsewhere; None for `run_trials`.
    about: name of the recipe, and the command that runs one seed.

  Returns:
    The content of sweep.json but for its summary; None when a signal stopped
    the sweep.

  Raises:
    errors.UserError: for whatever a user can mend.
  """
  config = workdir_lib.resume_config(path, config)
  dataset = datasets.load_dataset(config.data)
  config = config.copy_and_resolve_references()
  config.data.name = dataset.name
  trials = trials_lib.make_trials(config, num_seeds, rows)
  mode = resolve_mode(mode, len(trials))
  sweep = Sweep(path, mode, about.config_name, about.command)
  workdir_lib.write_config(path, config)
  if dataset.notice:
    console.warn(dataset.notice)
  if only:
    trials = [trial_named(only, trials)]
  console.say(
    f'{about.config_name}: {len(trials)} runs on {dataset.name}, {mode} mode, '
    f'{jax.device_count()} devices, in {path}\n'
  )
  if not (execute or run_trials)(sweep, trials):
    return None
  return describe(sweep, config, dataset) | gather(sweep, trials)


def trial_named(name: str, trials: Sequence[trials_lib.Trial]):
  """Returns the trial of that name.

  Raises:
    errors.UserError: when there is none.
  """
  by_name = {trial.name: trial for trial in trials}
  if name not in by_name:
    raise errors.UserError(
      f'the sweep has no trial {name!r}; {config_lib.suggest(name, by_name)}'
    )
  return by_name[name]


def resolve_mode(mode: str, num_trials: int) -> str:
  """Returns what 'auto' stands for here.

  On CPU a run per core is faster than all cores on one run after another, and
  vmapped convolutions are several times slower than both (README, "Seeds").
  Accelerators are wide enough for many small runs at once.
  """
  if mode != 'auto':
    return mode
  if num_trials == 1:
    return 'loop'
  if jax.default_backend() == 'cpu':
    return 'devices' if jax.device_count() > 1 else 'loop'
  return 'vmap'


def run_trials(sweep: Sweep, trials: Sequence[trials_lib.Trial]) -> bool:
  """Runs the trials that are not done yet.

  Returns:
    Whether all are done; False after a signal, and the same call goes on.
  """
  for trial in trials:
    if failure := sweep.failure(trial):
      console.warn(
        f'{trial.name} has failed before: {failure["reason"]}; to try again, '
        f'delete {sweep.path / trial.name}'
      )
  return all(
    sweep.are_done(group) or _run_group(sweep, group)
    for group in trials_lib.group(trials)
  )


def _run_group(sweep: Sweep, trials: Sequence[trials_lib.Trial]) -> bool:
  """Runs trials that share a compiled program."""
  try:
    dataset = datasets.load_dataset(trials[0].config.data)
    trainer = trainer_lib.create_trainer(trials[0].config, dataset)
  except errors.UserError as error:
    return _conclude(sweep, trials, [str(error)] * len(trials))
  if sweep.mode == 'loop':
    size, run_some = 1, functools.partial(_run_alone, trainer=trainer)
  else:
    per_device = min(-(-len(trials) // trainer.mesh.size), RUNS_PER_DEVICE)
    size = trainer.mesh.size * (per_device if sweep.mode == 'vmap' else 1)
    programs = parallel_steps.make_programs(trainer, size)
    run_some = functools.partial(
      _run_together, trainer=trainer, programs=programs
    )
  for start in range(0, len(trials), size):
    # The same runs together whatever is done: a killed sweep ends alike.
    some = trials[start : start + size]
    if sweep.are_done(some):
      continue
    try:
      failures = run_some(sweep, some)
    except Exception as error:  # Whatever it is, the other trials go on.
      if multihost.loss_of_another(error):
        raise
      failures = [_reason(error)] * len(some)
    if failures is None:
      return False
    _conclude(sweep, some, failures)
  return True


def _run_alone(sweep, trials, *, trainer) -> list[str] | None:
  """Runs one trial as `python -m mnist_jax.main` does, but for the figures."""
  (trial,) = trials
  trainer, path, about = _prepare(sweep, trial, trainer)
  with checkpoint_lib.Checkpoints(path) as checkpoints:
    if not train_lib.train(trainer, checkpoints, path, say=lambda line: None):
      return None
    state, progress = results_lib.choose(trainer, checkpoints)
  results_lib.record(
    trainer, int(state.step), state.eval_variables(), progress, path, about
  )
  return ['']


def _run_together(sweep, trials, *, trainer, programs) -> list[str] | None:
  """Runs trials side by side; returns why each failed, '' if it did not."""
  group = [
    parallel_train.Lane(*_prepare(sweep, trial, trainer)) for trial in trials
  ]
  name = f'{trials[0].name}-and-{len(trials) - 1}-more'
  done = parallel_train.run_lanes(group, programs, sweep.path / name)
  return [lane.failed for lane in group] if done else None


def _prepare(
  sweep: Sweep, trial: trials_lib.Trial, trainer: trainer_lib.Trainer
):
  """Returns the trial's trainer, its folder, which has a config, and About."""
  path = sweep.path / trial.name
  config = workdir_lib.resume_config(path, trial.config)
  workdir_lib.write_config(path, config)
  return trainer.with_config(config), path, sweep.about(trial)


def _reason(error: Exception) -> str:
  line = ' '.join(str(error).split())
  known = isinstance(error, errors.UserError)
  return line if known else f'{type(error).__name__}: {line[:200]}'


def _conclude(sweep, trials, failures) -> bool:
  """Says how each trial ended; writes down those that failed."""
  for trial, failure in zip(trials, failures, strict=True):
    if not multihost.is_first():
      continue
    if failure:
      path = sweep.path / trial.name / 'failed.json'
      atomic_files.write_json(path, {'reason': failure})
      console.warn(f'{trial.name} failed: {failure}')
    else:
      console.say(trial_line(trial.name, sweep.result(trial)))
  return True


def describe(sweep: Sweep, config, dataset: datasets.Dataset) -> dict:
  """Returns what sweep.json says beside the numbers of its trials."""
  mesh = devices.create_mesh(config.num_devices, config.data.batch_size, 'runs')
  return {
    'config_name': sweep.config_name,
    'config': workdir_lib.as_json(config),
    'versions': provenance.versions(),
    'device': devices.describe(mesh),
    'num_devices': mesh.size,
    'git_commit': provenance.git_commit(),
    'command': sweep.command,
    'mode': sweep.mode,
    'dataset': dataset.name,
    'notice': dataset.notice,
  }


def gather(sweep: Sweep, trials: Sequence[trials_lib.Trial]) -> dict:
  """Gathers the trials that are done.

  Returns:
    {'seeds': results in the order of `trials`, 'failed': the other ones}.
  """
  seeds, failed = [], []
  for trial in trials:
    place = {'workdir': trial.name, 'overrides': trial.overrides}
    if result := sweep.result(trial):
      seeds.append(result | place)
    else:
      failure = sweep.failure(trial) or {'reason': 'not finished'}
      failed.append({'seed': trial.config.seed} | place | failure)
  return {'seeds': seeds, 'failed': failed}


def trial_line(name: str, result: dict) -> str:
  """Returns a finished trial of a sweep as one line."""
  parts = [f'{name:<12}']
  for split in ('train', 'valid', 'test'):
    if scores := result[split]:
      parts.append(
        f'{split} {scores["accuracy"]:7.2%} ({scores["num_errors"]} errors)'
      )
  return '  '.join([*parts, f'{result["train_seconds"]:.1f} s'])
