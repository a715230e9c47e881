"""A sweep's folder: what its trials share, and how each of them has ended."""

import dataclasses
import pathlib
import time
from collections.abc import Sequence

import ml_collections

from mnist_jax.data import datasets
from mnist_jax.distributed import multihost
from mnist_jax.sweep.trials import Trial
from mnist_jax.training import results
from mnist_jax.workdir import workdir as workdir_lib


@dataclasses.dataclass(frozen=True)
class Sweep:
  """What all trials of a sweep share."""

  folder: pathlib.Path
  mode: str  # 'vmap', 'loop' or 'devices'.
  config: ml_collections.ConfigDict  # The recipe; its seed is the first.
  dataset: datasets.Dataset  # Of that config.
  config_name: str
  command: str  # That runs a trial alone, but for its seed and settings.

  def about(self, trial: Trial) -> results.About:
    """Returns what the result of `trial` says about itself, from now on."""
    settings = {'seed': trial.config.seed} | trial.overrides
    flags = (f'--config.{name}={value}' for name, value in settings.items())
    return results.About(
      config_name=self.config_name,
      command=' '.join([self.command, *flags]),
      started=time.monotonic(),
    )

  def workdir(self, trial: Trial) -> pathlib.Path:
    """Returns the folder of a trial."""
    return self.folder / trial.name

  def result(self, trial: Trial) -> dict | None:
    """Returns the result of a finished trial, or None."""
    return workdir_lib.read_result(self.workdir(trial))

  def failure(self, trial: Trial) -> dict | None:
    """Returns why a trial failed, {'reason': ...}, or None."""
    return workdir_lib.read_failure(self.workdir(trial))

  def is_done(self, trial: Trial) -> bool:
    """Whether nothing is left to do for a trial."""
    return bool(self.result(trial) or self.failure(trial))

  def are_done(self, trials: Sequence[Trial]) -> bool:
    """The same for all of `trials`; process 0 looks, for all processes."""
    return bool(multihost.from_first(all(map(self.is_done, trials))))


def trial_line(name: str, result: dict) -> str:
  """Returns a finished trial as one line."""
  parts = [f'{name:<12}']
  for split in ('train', 'valid', 'test'):
    if scores := result[split]:
      parts.append(
        f'{split} {scores["accuracy"]:7.2%} ({scores["num_errors"]} errors)'
      )
  return '  '.join([*parts, f'{result["train_seconds"]:.1f} s'])
