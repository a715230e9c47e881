"""Runs the trials of a sweep as an array job, with submitit."""

import shutil
import sys
from collections.abc import Callable, Sequence

from mnist_jax import errors
from mnist_jax.cli import console
from mnist_jax.sweep import trials as trials_lib
from mnist_jax.sweep.folder import Sweep, trial_line

MINUTES = 24 * 60  # Unless --slurm=timeout_min=... says otherwise.


def make_execute(
  cluster: str, settings: Sequence[str], flags: Sequence[str]
) -> Callable:
  """Makes the function that `sweep.run` takes as `execute`.

  Args:
    cluster: 'slurm', or 'local' for processes on this machine.
    settings: such as 'partition=gpu'; submitit passes them on to Slurm.
    flags: of this command; each job gets them with `--only=TRIAL`.

  Raises:
    errors.UserError: when submitit or Slurm is not installed, or a setting is
      not NAME=VALUE.
  """
  try:
    import submitit
  except ImportError as error:
    raise errors.UserError(
      '--submit needs submitit; pip install -r requirements-cluster.txt'
    ) from error
  if cluster == 'slurm' and not shutil.which('srun'):
    raise errors.UserError(
      '--submit=slurm finds no srun here; use a login node of the cluster, or '
      '--submit=local'
    )
  parameters = {'timeout_min': MINUTES} | _read_settings(settings)

  def execute(sweep: Sweep, trials: Sequence[trials_lib.Trial]) -> None:
    todo = [trial for trial in trials if not sweep.is_done(trial)]
    if not todo:
      return
    executor = submitit.AutoExecutor(sweep.folder / 'jobs', cluster=cluster)
    try:
      executor.update_parameters(name=sweep.config_name, **parameters)
    except (NameError, TypeError, ValueError) as error:
      raise errors.UserError(
        f'submitit refuses --slurm={",".join(settings)} ({error})'
      ) from error
    commands = [[*_command(flags), f'--only={trial.name}'] for trial in todo]
    functions = map(submitit.helpers.CommandFunction, commands)
    jobs = executor.map_array(lambda run: run(), list(functions))
    _wait(sweep, todo, jobs)

  return execute


def _read_settings(settings: Sequence[str]) -> dict:
  parameters: dict[str, str | int] = {}
  for setting in settings:
    name, equals, value = setting.partition('=')
    if not equals or not name.isidentifier():
      raise errors.UserError(
        f'slurm setting {setting!r} is not NAME=VALUE; write one such as '
        '--slurm=partition=gpu,gpus_per_node=1'
      )
    key = name if name == 'timeout_min' else f'slurm_{name}'
    parameters[key] = int(value) if value.isdigit() else value
  return parameters


def _command(flags: Sequence[str]) -> list[str]:
  kept = [
    flag
    for flag in flags
    if flag.lstrip('-').split('=')[0] not in ('submit', 'slurm', 'mode')
  ]
  module = [sys.executable, '-m', 'experiments.seed_sweep']
  return [*module, *kept, '--mode=loop']


def _wait(
  sweep: Sweep, trials: Sequence[trials_lib.Trial], jobs: Sequence
) -> None:
  """Waits for all jobs; warns about each that leaves no result."""
  console.say(
    f'{len(jobs)} jobs are submitted: {", ".join(job.job_id for job in jobs)}'
  )
  for trial, job in zip(trials, jobs, strict=True):
    job.wait()
    if result := sweep.result(trial):
      console.say(trial_line(trial.name, result))
    else:
      console.warn(f'{trial.name} has no result; {job.paths.stderr} says why')
