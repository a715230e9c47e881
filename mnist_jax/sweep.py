"""A sweep: the same recipe for many seeds and settings, as a folder.

Finished points are skipped, a killed one goes on, and one that fails is
written down with its reason and does not stop the rest.
"""

import dataclasses
import functools
import pathlib
import time
from collections.abc import Callable, Sequence

import jax
import ml_collections

from mnist_jax import abreast, console, devices, errors, files, hosts, lanes
from mnist_jax import checkpoint as checkpoint_lib
from mnist_jax import config as config_lib
from mnist_jax import job as job_lib
from mnist_jax import outcome as outcome_lib
from mnist_jax import points as points_lib
from mnist_jax import train as train_lib
from mnist_jax import workdir as workdir_lib
from mnist_jax.data import datasets

# More do not fit everywhere; the rest follows in groups of its own.
RUNS_PER_DEVICE = 32


@dataclasses.dataclass(frozen=True)
class Sweep:
  """What all points of a sweep share."""

  path: pathlib.Path
  mode: str  # 'vmap', 'loop' or 'devices'.
  config_name: str
  command: str  # What runs a point alone, but for its seed and settings.

  def about(self, point: points_lib.Point) -> outcome_lib.About:
    """Returns what the result of `point` says about itself, from now on."""
    settings = {'seed': point.config.seed} | point.overrides
    flags = (f'--config.{name}={value}' for name, value in settings.items())
    return outcome_lib.About(
      config_name=self.config_name,
      command=' '.join([self.command, *flags]),
      started=time.monotonic(),
    )

  def result(self, point: points_lib.Point) -> dict | None:
    """Returns the result of a finished point, or None."""
    return workdir_lib.read_result(self.path / point.name)

  def failure(self, point: points_lib.Point) -> dict | None:
    """Returns why a point failed, {'reason': ...}, or None."""
    return workdir_lib.read_json(self.path / point.name / 'failed.json')

  def is_done(self, point: points_lib.Point) -> bool:
    """Whether nothing is left to do for a point."""
    return bool(self.result(point) or self.failure(point))

  def are_done(self, points: Sequence[points_lib.Point]) -> bool:
    """The same for all of `points`; process 0 looks, for all of them."""
    return bool(hosts.from_first(all(map(self.is_done, points))))


def run(
  config: ml_collections.ConfigDict,
  path: pathlib.Path,
  *,
  num_seeds: int,
  rows: Sequence[dict] = ({},),
  only: str = '',
  mode: str = 'auto',
  execute: Callable | None = None,
  about: outcome_lib.About,
) -> dict | None:
  """Runs the points of a sweep that are not done yet.

  Args:
    config: the recipe; its seed is the first.
    path: the sweep's folder; each point gets one of its own below.
    num_seeds: 1 or more.
    rows: settings {'optim.lr': 0.01, ...}, each for every seed.
    only: name of a single point, to run no other; '' for all.
    mode: 'vmap', 'loop', 'devices' or 'auto'.
    execute: what runs the points, elsewhere; None for `run_points`.
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
  points = points_lib.make_points(config, num_seeds, rows)
  mode = resolve_mode(mode, len(points))
  sweep = Sweep(path, mode, about.config_name, about.command)
  workdir_lib.write_config(path, config)
  if dataset.notice:
    console.warn(dataset.notice)
  if only:
    points = [point_named(only, points)]
  console.say(
    f'{about.config_name}: {len(points)} runs on {dataset.name}, {mode} mode, '
    f'{jax.device_count()} devices, in {path}\n'
  )
  if not (execute or run_points)(sweep, points):
    return None
  return describe(sweep, config, dataset) | gather(sweep, points)


def point_named(name: str, points: Sequence[points_lib.Point]):
  """Returns the point of that name.

  Raises:
    errors.UserError: when there is none.
  """
  by_name = {point.name: point for point in points}
  if name not in by_name:
    raise errors.UserError(
      f'the sweep has no point {name!r}; {config_lib.suggest(name, by_name)}'
    )
  return by_name[name]


def resolve_mode(mode: str, num_points: int) -> str:
  """Returns what 'auto' stands for here.

  On CPU a run per core is faster than all cores on one run after another, and
  vmapped convolutions are several times slower than both (README, "Seeds").
  Accelerators are wide enough for many small runs at once.
  """
  if mode != 'auto':
    return mode
  if num_points == 1:
    return 'loop'
  if jax.default_backend() == 'cpu':
    return 'devices' if jax.device_count() > 1 else 'loop'
  return 'vmap'


def run_points(sweep: Sweep, points: Sequence[points_lib.Point]) -> bool:
  """Runs the points that are not done yet.

  Returns:
    Whether all are done; False after a signal, and the same call goes on.
  """
  for point in points:
    if failure := sweep.failure(point):
      console.warn(
        f'{point.name} has failed before: {failure["reason"]}; to try again, '
        f'delete {sweep.path / point.name}'
      )
  return all(
    sweep.are_done(group) or _run_group(sweep, group)
    for group in points_lib.group(points)
  )


def _run_group(sweep: Sweep, points: Sequence[points_lib.Point]) -> bool:
  """Runs points that share a compiled program."""
  try:
    dataset = datasets.load_dataset(points[0].config.data)
    job = job_lib.create_job(points[0].config, dataset)
  except errors.UserError as error:
    return _conclude(sweep, points, [str(error)] * len(points))
  if sweep.mode == 'loop':
    size, run_some = 1, functools.partial(_run_alone, job=job)
  else:
    per_device = min(-(-len(points) // job.mesh.size), RUNS_PER_DEVICE)
    size = job.mesh.size * (per_device if sweep.mode == 'vmap' else 1)
    programs = abreast.make_programs(job, size)
    run_some = functools.partial(_run_together, job=job, programs=programs)
  for start in range(0, len(points), size):
    # The same runs together whatever is done: a killed sweep ends alike.
    some = points[start : start + size]
    if sweep.are_done(some):
      continue
    try:
      failures = run_some(sweep, some)
    except Exception as error:  # Whatever it is, the other points go on.
      if hosts.loss_of_another(error):
        raise
      failures = [_reason(error)] * len(some)
    if failures is None:
      return False
    _conclude(sweep, some, failures)
  return True


def _run_alone(sweep, points, *, job) -> list[str] | None:
  """Runs one point as `python -m mnist_jax.main` does, but for the figures."""
  (point,) = points
  job, path, about = _prepare(sweep, point, job)
  with checkpoint_lib.Checkpoints(path) as checkpoints:
    if not train_lib.train(job, checkpoints, path, say=lambda line: None):
      return None
    state, progress = outcome_lib.choose(job, checkpoints)
  outcome_lib.record(
    job, int(state.step), state.eval_variables(), progress, path, about
  )
  return ['']


def _run_together(sweep, points, *, job, programs) -> list[str] | None:
  """Runs points side by side; returns why each failed, '' if it did not."""
  group = [lanes.Lane(*_prepare(sweep, point, job)) for point in points]
  name = f'{points[0].name}-and-{len(points) - 1}-more'
  done = lanes.run_lanes(group, programs, sweep.path / name)
  return [lane.failed for lane in group] if done else None


def _prepare(sweep: Sweep, point: points_lib.Point, job: job_lib.Job):
  """Returns the point's job, its folder, which has a config, and About."""
  path = sweep.path / point.name
  config = workdir_lib.resume_config(path, point.config)
  workdir_lib.write_config(path, config)
  return job.with_config(config), path, sweep.about(point)


def _reason(error: Exception) -> str:
  line = ' '.join(str(error).split())
  known = isinstance(error, errors.UserError)
  return line if known else f'{type(error).__name__}: {line[:200]}'


def _conclude(sweep, points, failures) -> bool:
  """Says how each point ended; writes down those that failed."""
  for point, failure in zip(points, failures, strict=True):
    if not hosts.is_first():
      continue
    if failure:
      path = sweep.path / point.name / 'failed.json'
      files.write_json(path, {'reason': failure})
      console.warn(f'{point.name} failed: {failure}')
    else:
      console.say(console.point_line(point.name, sweep.result(point)))
  return True


def describe(sweep: Sweep, config, dataset: datasets.Dataset) -> dict:
  """Returns what sweep.json says beside the numbers of its points."""
  mesh = devices.create_mesh(config.num_devices, config.data.batch_size, 'runs')
  return {
    'config_name': sweep.config_name,
    'config': workdir_lib.as_json(config),
    'versions': outcome_lib.versions(),
    'device': devices.describe(mesh),
    'num_devices': mesh.size,
    'git_commit': outcome_lib.git_commit(),
    'command': sweep.command,
    'mode': sweep.mode,
    'dataset': dataset.name,
    'notice': dataset.notice,
  }


def gather(sweep: Sweep, points: Sequence[points_lib.Point]) -> dict:
  """Gathers the points that are done.

  Returns:
    {'seeds': results in the order of `points`, 'failed': the other ones}.
  """
  seeds, failed = [], []
  for point in points:
    place = {'workdir': point.name, 'overrides': point.overrides}
    if result := sweep.result(point):
      seeds.append(result | place)
    else:
      failure = sweep.failure(point) or {'reason': 'not finished'}
      failed.append({'seed': point.config.seed} | place | failure)
  return {'seeds': seeds, 'failed': failed}
