"""Trains and evaluates a recipe; run again after a kill, it resumes.

  python -m mnist_jax.main --config=configs/improved.py

mnist_jax/config.py lists every field that --config.FIELD=VALUE overrides.
"""

import gc
import pathlib
import shlex
import sys
import time

STARTED = time.monotonic()  # Before the imports: a user waits for them too.

# ruff: noqa: E402
from absl import flags
from ml_collections import config_flags

from mnist_jax import command_line, errors, hosts

_CONFIG = config_flags.DEFINE_config_file(
  'config',
  None,
  'Path of a recipe, such as configs/improved.py; path.py:smoke shrinks it to '
  'seconds, and --config.optim.lr=0.01 overrides a field.',
)
_DISTRIBUTED = flags.DEFINE_bool(
  'distributed',
  False,
  'Run as one of several processes, each started with this same command; TPU '
  'pods, Slurm and Open MPI are recognised, elsewhere the next flags say who.',
)
_COORDINATOR = flags.DEFINE_string(
  'coordinator', '', 'HOST:PORT of process 0, a port that is free there.'
)
_NUM_PROCESSES = flags.DEFINE_integer(
  'num_processes', None, 'How many processes the run has.', lower_bound=1
)
_PROCESS_ID = flags.DEFINE_integer(
  'process_id', None, 'Which one this is, from 0.', lower_bound=0
)
_JOIN_TIMEOUT = flags.DEFINE_integer(
  'join_timeout', 120, 'Seconds to wait for the other processes.', lower_bound=1
)
_WORKDIR = flags.DEFINE_string(
  'workdir', '', 'Folder of the run; runs/<config>-seed<seed> when not given.'
)


def main() -> None:
  """Runs what the flags say."""
  if _CONFIG.value is None:
    raise errors.UserError(
      'no config is given; try --config=configs/improved.py'
    )
  # Imports and traces make many objects that last. To look through them for
  # garbage as often as Python does by default takes a tenth of a short run.
  gc.set_threshold(100_000, 50, 100)
  _join()
  # Imported here, so that --help and typing errors answer at once.
  from mnist_jax import devices, outcome, train

  config = _CONFIG.value
  config_name = _config_name(flags.FLAGS['config'].config_filename)
  workdir = _WORKDIR.value or f'runs/{config_name}-seed{config.seed}'
  devices.configure(
    config,
    num_processes=hosts.expected(_NUM_PROCESSES.value),
    num_here=hosts.expected_here(_COORDINATOR.value, _NUM_PROCESSES.value),
  )
  train.train_and_evaluate(
    config,
    workdir,
    about=outcome.About(
      config_name=config_name,
      command=f'python -m mnist_jax.main {shlex.join(sys.argv[1:])}',
      started=STARTED,
    ),
  )


def _join() -> None:
  """Joins the other processes, if there are any."""
  given = _COORDINATOR.value, _NUM_PROCESSES.value, _PROCESS_ID.value
  if _DISTRIBUTED.value:
    hosts.initialize(*given, join_timeout=_JOIN_TIMEOUT.value)
  elif hosts.check_flags(*given):
    raise errors.UserError(
      '--coordinator, --num_processes and --process_id need --distributed'
    )


def _config_name(config_flag: str) -> str:
  """Returns 'improved-smoke' for 'configs/improved.py:smoke'."""
  path, *mode = config_flag.split(':')
  return '-'.join([pathlib.Path(path).stem, *mode])


if __name__ == '__main__':
  command_line.run(main)
