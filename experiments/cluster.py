"""Runs the points of a sweep as an array job, by submitit."""

import sys
from collections.abc import Callable, Sequence

from mnist_jax import console, errors
from mnist_jax import points as points_lib
from mnist_jax import sweep as sweep_lib

MINUTES = 24 * 60  # Unless --slurm=timeout_min=... says otherwise.


def make_execute(
  cluster: str, settings: Sequence[str], flags: Sequence[str]
) -> Callable:
  """Makes what `sweep.run` takes for `execute`.

  Args:
    cluster: 'slurm', or 'local' for processes of this machine.
    settings: 'partition=gpu', ...: what submitit passes on to Slurm.
    flags: of this command; each job gets them with `--only=POINT`.

  Raises:
    errors.UserError: when submitit is not installed, or a setting is none.
  """
  try:
    import submitit
  except ImportError as error:
    raise errors.UserError(
      '--submit needs submitit; pip install -r requirements-cluster.txt'
    ) from error
  parameters = {'timeout_min': MINUTES} | _read_settings(settings)

  def execute(sweep: sweep_lib.Sweep, points: Sequence[points_lib.Point]):
    todo = [point for point in points if not sweep.is_done(point)]
    executor = submitit.AutoExecutor(sweep.path / 'jobs', cluster=cluster)
    executor.update_parameters(name=sweep.config_name, **parameters)
    commands = [[*_command(flags), f'--only={point.name}'] for point in todo]
    functions = map(submitit.helpers.CommandFunction, commands)
    jobs = executor.map_array(lambda run: run(), list(functions))
    _wait(sweep, todo, jobs)
    return True

  return execute


def _read_settings(settings: Sequence[str]) -> dict:
  parameters = {}
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


def _wait(sweep, points, jobs) -> None:
  """Waits for all jobs; says where to look when one leaves no result."""
  console.say(
    f'{len(jobs)} jobs are submitted: {", ".join(job.job_id for job in jobs)}'
  )
  for point, job in zip(points, jobs, strict=True):
    job.wait()
    if result := sweep.result(point):
      console.say(console.point_line(point.name, result))
    else:
      console.warn(f'{point.name} has no result; {job.paths.stderr} says why')
