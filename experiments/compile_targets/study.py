"""Every recipe for every target."""

from collections.abc import Callable

import ml_collections

from experiments.compile_targets import measure, programs, targets
from mnist_jax import errors
from mnist_jax.cli import console

# By method of `Programs`: what follows the recipe's name in the results.
SUFFIXES = {'train': '', 'evaluate': '-evaluation', 'sweep': '-sweep'}


def available(names: list[str]) -> list[str]:
  """Returns the targets whose compilers are here; says why not of the others.

  Raises:
    errors.UserError: for an unknown target, or when none is left.
  """
  reasons = {name: targets.why_not(name) for name in names}
  for line in filter(None, reasons.values()):
    console.say(line)
  left = [name for name, reason in reasons.items() if not reason]
  if not left:
    raise errors.UserError(
      'no target is left; pip install -r requirements-tpu.txt'
    )
  return left


def measure_all(
  names: list[str],
  configs: dict[str, ml_collections.ConfigDict],
  keep: Callable[[str, str, dict], None],
) -> None:
  """Compiles every program for every target; what matters most comes first.

  Args:
    names: of targets, from `available`.
    configs: recipes by name.
    keep: gets each target, program and its numbers as soon as there are any.
  """
  meshes = {name: targets.create_mesh(name) for name in names}
  for kind in ('train', 'evaluate', 'sweep'):
    for target, mesh in meshes.items():
      for config_name, config in configs.items():
        program = config_name + SUFFIXES[kind]
        console.say(f'{target}: compiling {program}')
        lower = getattr(programs.Programs(config, mesh), kind)
        with targets.lowering(target):
          numbers = measure.measure(lower, targets.parse(target))
        keep(target, program, numbers)
