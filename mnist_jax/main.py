"""Trains and evaluates a recipe; run again after a kill, it resumes.

  python -m mnist_jax.main --config=configs/improved.py

mnist_jax/config.py lists every field that --config.FIELD=VALUE overrides.
"""

import time

STARTED = time.monotonic()  # Before the imports: a user waits for them too.

# ruff: noqa: E402
from mnist_jax.cli import interrupts

if __name__ == '__main__':
  interrupts.install()

from absl import flags

from mnist_jax import errors
from mnist_jax.cli import absl_flags, console
from mnist_jax.distributed import initialize
from mnist_jax.workdir import paths

_CONFIG = absl_flags.define_config()
_WORKDIR = flags.DEFINE_string(
  'workdir', '', 'Folder of the run; runs/<config>-seed<seed> when not given.'
)


def main() -> None:
  """Runs what the flags say."""
  if _CONFIG.value is None:
    raise errors.UserError(
      'no config is given; try --config=configs/improved.py'
    )
  config = _CONFIG.value
  config_name = absl_flags.config_name(flags.FLAGS['config'].config_filename)
  workdir = paths.expand(
    _WORKDIR.value or f'runs/{config_name}-seed{config.seed}'
  )
  with console.waiting('starting JAX'):
    initialize.join(config)
    # Imported here, so that --help and typing errors answer at once.
    from mnist_jax.training import results, train

  train.train_and_evaluate(
    config,
    workdir,
    about=results.About(
      config_name=config_name,
      command=absl_flags.command('mnist_jax.main'),
      started=STARTED,
    ),
  )


if __name__ == '__main__':
  absl_flags.run(main)
