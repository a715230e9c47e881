"""Flags to a main function, and errors to one line on stderr."""

import os
import pathlib
import re
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence

from absl import app, flags, logging

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.distributed import multihost


def run(main: Callable[[], None]) -> None:
  """Parses the flags and runs `main`.

  What a user can mend ends as one line on stderr and exit code 2.
  """
  # Libraries narrate, and log as errors what they raise anyway.
  logging.set_verbosity(logging.FATAL)
  # After a failed write orbax's threads miss their event loop, and say so on
  # stderr, in tracebacks that nobody can catch.
  sys.unraisablehook = lambda unused: None
  if {'-h', '-help', '--help'} & set(sys.argv[1:]):
    app.usage(shorthelp=True, writeto_stdout=True)
    sys.exit(0)  # absl's own flag exits with 1.
  try:
    app.run(lambda unused_argv: main(), flags_parser=parse)
  except errors.UserError as error:
    _end(' '.join(str(error).split()), 2)
  except KeyboardInterrupt:
    _end('interrupted; the same command goes on', 130)
  except Exception as error:
    if line := multihost.loss_of_another(error):
      _end(line, os.EX_TEMPFAIL)
    if multihost.joined():  # Or the others would wait for this process.
      traceback.print_exc()
      multihost.leave(1)
    raise


def _end(line: str, code: int) -> None:
  print(f'mnist_jax: {line}', file=sys.stderr)
  multihost.leave(code)


def parse(argv: Sequence[str]) -> list[str]:
  """Parses flags as `flags.FLAGS` does.

  Raises:
    errors.UserError: for whatever absl or a recipe would raise.
  """
  _check_config_file(argv)
  _check_field_names(argv)
  try:
    rest = flags.FLAGS(list(argv))
  except errors.UserError:
    raise
  except flags.IllegalFlagValueError as error:
    raise errors.UserError(_describe_bad_value(str(error))) from error
  except flags.Error as error:
    raise errors.UserError(f'{error}; --help lists all flags') from error
  except Exception as error:  # A recipe is Python: it can raise anything.
    raise errors.UserError(
      f'the config cannot be loaded ({type(error).__name__}: {error}); compare '
      'it with configs/improved.py'
    ) from error
  if rest[1:]:
    raise errors.UserError(
      f'argument {rest[1]!r} is not a flag; flags begin with --, such as '
      '--config=configs/improved.py'
    )
  return rest


def config_name(config_flag: str) -> str:
  """Returns 'improved-smoke' for 'configs/improved.py:smoke'."""
  path, *mode = config_flag.split(':')
  return '-'.join([pathlib.Path(path).stem, *mode])


def arguments() -> list[str]:
  """Returns what was typed, each flag as one '--name=value'."""
  typed = []
  for argument in sys.argv[1:]:
    if typed and not argument.startswith('-') and '=' not in typed[-1]:
      typed[-1] += f'={argument}'
    else:
      typed.append(argument)
  return typed


def command(module: str, of_config: bool = False) -> str:
  """Returns what was typed as a command of `module`, to type again.

  Args:
    module: 'mnist_jax.main', ...
    of_config: whether to leave out all flags but those of the config.
  """
  kept = [
    argument
    for argument in arguments()
    if not of_config or re.match('--?config[.=]', argument)
  ]
  return f'python -m {module} {shlex.join(kept)}'


def _check_field_names(argv: Sequence[str]) -> None:
  known = config_lib.flatten(config_lib.default())
  for argument in argv[1:]:
    match = re.fullmatch(r'--?(?:no)?config\.([^=]+)(?:=.*)?', argument)
    if match and match[1] not in known:
      raise errors.UserError(
        f'config field {match[1]!r} is unknown; '
        f'{config_lib.suggest(match[1], known)}'
      )


def _describe_bad_value(message: str) -> str:
  """Turns absl's 'flag --config.data.batch_size=abc: ...' into a rule."""
  known = config_lib.flatten(config_lib.default())
  match = re.match(r'flag --config\.([^=]+)=(.*?): ', message)
  if not match or match[1] not in known:
    return message
  default = known[match[1]]
  return (
    f'{match[1]} {match[2]!r} is no {type(default).__name__}; write one such '
    f'as --config.{match[1]}={default}'
  )


def _check_config_file(argv: Sequence[str]) -> None:
  """Looks for the file first: ml_collections finds out only at first use."""
  match = re.search(r' --?config[= ](\S+)', ' '.join(argv))
  path = pathlib.Path(match[1].split(':')[0] if match else __file__)
  if path.is_file():
    return
  recipes = sorted(map(str, pathlib.Path('configs').glob('[!_]*.py')))
  way_out = (
    config_lib.suggest(str(path), recipes)
    if recipes
    else 'run from the folder that holds configs/'
  )
  raise errors.UserError(f'config file {path} does not exist; {way_out}')
