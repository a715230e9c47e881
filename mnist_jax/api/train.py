"""`train`: a whole run from Python, with the same results as the command."""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import ml_collections

from mnist_jax import config as config_lib
from mnist_jax import config_rules, errors
from mnist_jax.api import run as run_lib
from mnist_jax.cli import absl_flags
from mnist_jax.distributed import devices
from mnist_jax.training import results
from mnist_jax.training import train as train_lib
from mnist_jax.workdir import paths


def train(
  config: str | os.PathLike | ml_collections.ConfigDict,
  *,
  workdir: str | os.PathLike | None = None,
  seed: int | None = None,
  overrides: Mapping[str, Any] | None = None,
  on_epoch: Callable[[dict[str, Any]], None] | None = None,
) -> run_lib.Run:
  """Trains, evaluates and explains a run; resumes what `workdir` holds.

  The same config, seed and number of devices give the same weights as
  `python -m mnist_jax.main`.

  Args:
    config: the name of a recipe ('improved', 'improved:smoke' for seconds, or
      'improved:all' to train on the validation images too), the path of a
      recipe, or a config.
    workdir: the run's folder; runs/NAME-seedSEED when not given.
    seed: instead of the config's own.
    overrides: {'optim.lr': 0.01, ...}, fields of the config.
    on_epoch: called after each epoch with its row of metrics.jsonl, such as
      {'epoch': 1.0, 'train/loss': 0.3, 'valid/accuracy': 0.97, ...}. What it
      raises ends the run, which the same call resumes.

  Raises:
    errors.UserError: for everything that the caller can mend.
    KeyboardInterrupt: after Ctrl-C or a SIGTERM; everything is saved, and the
      same call goes on, or returns the run where it was nearly finished.
  """
  started = time.monotonic()
  if on_epoch is not None and not callable(on_epoch):
    raise errors.UserError(
      f'on_epoch is a {type(on_epoch).__name__}; give a function of one row, '
      'such as print, or rows.append of a list'
    )
  if isinstance(config, os.PathLike):
    config = os.fspath(config)
  name = absl_flags.config_name(config) if isinstance(config, str) else ''
  config = _complete(config, seed, overrides or {})
  if workdir is None or workdir == '':
    if not name:
      raise errors.UserError(
        'a config has no name for its folder; give workdir=, as in '
        "train(config, workdir='runs/mine')"
      )
    workdir = f'runs/{name}-seed{config.seed}'
  workdir = paths.expand(workdir)
  run = run_lib.Run(workdir.absolute())
  devices.configure(config)
  about = results.About(
    config_name=name or workdir.name,
    command=f'mnist_jax.train(..., workdir={str(workdir)!r})',
    started=started,
  )
  result = train_lib.train_and_evaluate(
    config, workdir, about=about, on_epoch=on_epoch, raise_interrupt=True
  )
  if result is None:
    raise KeyboardInterrupt
  return run


def _complete(
  config: Any,
  seed: int | None,
  overrides: Mapping[str, Any],
) -> ml_collections.ConfigDict:
  """Returns a copy of the config, with `seed` and `overrides`, checked."""
  if isinstance(config, str):
    config = config_lib.load(config)
  if not isinstance(config, ml_collections.ConfigDict):
    raise errors.UserError(
      f'config is a {type(config).__name__}; give the name of a recipe, such '
      "as 'improved', its path, or a ConfigDict"
    )
  # A FrozenConfigDict stays frozen in a copy of its own.
  config = ml_collections.ConfigDict(config).copy_and_resolve_references()
  fields = dict(overrides) | ({} if seed is None else {'seed': seed})
  known = config_lib.flatten(config)
  for name, value in fields.items():
    errors.check_word('config field', name, known)
    try:
      config.update_from_flattened_dict({name: value})
    except (TypeError, ValueError) as error:
      raise errors.UserError(
        f'{name} {value!r} is not of type {type(known[name]).__name__}; its '
        f'value in this config is {known[name]!r}'
      ) from error
  config_rules.validate(config)  # Devices are made for its batch.
  return config
