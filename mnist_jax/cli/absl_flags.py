"""Commands with flags: parses them, checks --config, and runs `main`."""

import gc
import pathlib
import re
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import ml_collections
from absl import app, flags, logging
from ml_collections import config_flags

from mnist_jax import config as config_lib
from mnist_jax import config_rules, errors
from mnist_jax.cli import exit_codes, interrupts, recipe_errors
from mnist_jax.distributed import multihost

flags.disclaim_key_flags()  # --help lists --config under who asked for it.


def define_config(
  default: str | None = None,
) -> flags.FlagHolder[ml_collections.ConfigDict]:
  """Defines --config and, for each field of a recipe, --config.FIELD."""
  try:
    # ml_collections reads them below, before `run` could report an error.
    _read_flag_files(sys.argv[1:])
  except errors.UserError as error:
    exit_codes.print_error(str(error))
    sys.exit(exit_codes.USER_ERROR)
  return config_flags.DEFINE_config_file(
    'config',
    default,
    'Path of a recipe, such as configs/improved.py; path.py:smoke shrinks it '
    'to seconds, and --config.optim.lr=0.01 overrides a field.',
    flag_values=flags.FLAGS,
  )


def run(main: Callable[[], None]) -> None:
  """Parses the flags, runs `main`, and ends the process (`exit_codes.run`)."""
  # Libraries log at length, also as errors what they raise anyway.
  logging.set_verbosity(logging.FATAL)
  # After a failed write, threads of orbax print tracebacks that cannot be
  # caught.
  sys.unraisablehook = lambda unused: None
  # Imports and traces make many objects that last. To look through them for
  # garbage as often as Python does by default takes a tenth of a short run.
  gc.set_threshold(100_000, 50, 100)
  try:
    code = exit_codes.run(lambda: _start(main))
  except Exception as error:
    if line := multihost.loss_of_another(error):
      exit_codes.print_error(line)
      multihost.leave(exit_codes.PROCESS_GONE)
    if multihost.joined():  # Otherwise the others would wait for this process.
      traceback.print_exc()
      multihost.leave(1)
    raise
  finally:  # absl ends with SystemExit, also after success.
    if not multihost.joined():  # That one may wait for the others at its exit.
      interrupts.ignore()
  multihost.leave(code)


def _start(main: Callable[[], None]) -> None:
  if {'-h', '-help', '--help'} & set(sys.argv[1:]):
    # Not by absl's own flag, which exits with 1.
    app.usage(shorthelp=True, writeto_stdout=True)
    return
  app.run(lambda unused_argv: _run_main(main), flags_parser=parse)


def _run_main(main: Callable[[], None]) -> None:
  """Runs `main`; what code of the recipe raises becomes one line."""
  try:
    main()
  except errors.UserError:
    raise
  except Exception as error:
    path = _recipe_path()
    if path and recipe_errors.is_from_recipe(error, [path]):
      line = recipe_errors.describe(error, [path])
      raise errors.UserError(line) from error
    raise


def parse(argv: Sequence[str]) -> list[str]:
  """Parses flags as `flags.FLAGS` does.

  Args:
    argv: the program's name and the command line.

  Raises:
    errors.UserError: for any wrong flag, and for a recipe that cannot be found
      or loaded.
  """
  argv = [argv[0], *_read_flag_files(argv[1:])]
  argv, paths = _find_recipes(argv)
  _check_field_names(argv)
  try:
    rest = flags.FLAGS(argv)
    _check_config()
  except errors.UserError:
    raise
  except Exception as error:  # A recipe is Python: it can raise anything.
    raise errors.UserError(_describe(error, paths)) from error
  except SystemExit as error:
    if recipe_errors.is_from_recipe(error, paths):
      raise errors.UserError(recipe_errors.describe(error, paths)) from error
    raise  # One of absl's own flags.
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
  """Returns the command line, each flag as one '--name=value'."""
  return _join_values(_read_flag_files(sys.argv[1:]))


def command(module: str, of_config: bool = False) -> str:
  """Returns a command for the shell that runs `module` with the same flags.

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


def _join_values(argv: Sequence[str]) -> list[str]:
  """Turns '--name', 'value' into '--name=value'."""
  joined: list[str] = []
  for argument in argv:
    if joined and not argument.startswith('-') and '=' not in joined[-1]:
      joined[-1] += f'={argument}'
    else:
      joined.append(argument)
  return joined


def _read_flag_files(argv: Sequence[str]) -> list[str]:
  """Replaces each --flagfile=PATH with the flags that the file holds."""
  try:
    return flags.FLAGS.read_flags_from_files(argv, force_gnu=False)
  except (flags.Error, UnicodeError) as error:
    reason = str(error).removeprefix('ERROR:: ')
    raise errors.UserError(
      f'--flagfile is wrong ({reason}); give a text file with one flag per line'
    ) from error


def _find_recipes(argv: Sequence[str]) -> tuple[list[str], list[str]]:
  """Replaces the recipe in each --config by the path of its file.

  Returns:
    The command line, and the paths.
  """
  found, paths = list(argv), []
  for i in range(1, len(argv)):
    if argv[i - 1] in ('--config', '-config'):
      flag, value = '', argv[i]
    elif re.match('--?config=', argv[i]):
      flag, value = argv[i].split('=', 1)
      flag += '='
    else:
      continue
    recipe, *mode = value.split(':')
    if not recipe:
      raise errors.UserError(
        '--config is empty; give a recipe, such as --config=configs/improved.py'
      )
    paths.append(str(config_lib.find(recipe)))
    found[i] = flag + ':'.join([paths[-1], *mode])
  return found, paths


def _check_field_names(argv: Sequence[str]) -> None:
  known = config_lib.flatten(config_lib.default())
  for argument in argv[1:]:
    match = re.fullmatch(r'--?(?:no)?config\.([^=]+)(?:=.*)?', argument)
    # The recipe has to be loaded to know its own fields.
    if match and match[1][:6] != 'extra.':
      errors.check_word('config field', match[1], known)


def _recipe_path() -> str:
  """Returns the path of the recipe in --config or its default; '' if none."""
  if 'config' not in flags.FLAGS:
    return ''
  flag: Any = flags.FLAGS['config']  # Of a private class of ml_collections.
  if not flag.present and flag.value is None:
    return ''
  return str(config_lib.find(flag.config_filename.split(':')[0]))


def _check_config() -> None:
  """Checks what was loaded by --config, or by its default."""
  path = _recipe_path()
  if not path:
    return
  flag: Any = flags.FLAGS['config']
  getattr(flag.value, 'seed', None)  # Raises what ml_collections has put off.
  config_lib.check_kind(flag.value, path)
  config_rules.check_fields(flag.value)


def _describe(error: Exception, paths: list[str]) -> str:
  message = str(error)
  if line := _unknown_extra(error):
    return line
  if not isinstance(error, flags.Error):
    return recipe_errors.describe(error, paths)
  if not isinstance(error, flags.IllegalFlagValueError):
    return f'{message}; --help lists all flags'
  if message.startswith('flag --config='):  # ml_collections wraps some errors.
    return recipe_errors.describe(error, paths)
  return _describe_bad_value(message)


def _unknown_extra(error: Exception) -> str:
  """Returns the line about a `--config.extra.NAME` that the recipe lacks."""
  *_, cause = recipe_errors.causes(error)
  name = str(cause).strip("'") if isinstance(cause, KeyError) else ''
  for argument in sys.argv[1:]:
    match = re.fullmatch(r'--?(?:no)?config\.(extra\.[^=]+)(?:=.*)?', argument)
    if match and name in match[1].split('.'):
      return (
        f'config field {match[1]!r} is unknown; set it in the recipe first, as '
        f'in config.{match[1]} = 1.0'
      )
  return ''


def _describe_bad_value(message: str) -> str:
  """Rewrites absl's 'flag --config.data.batch_size=abc: ...'."""
  if 'config' not in flags.FLAGS:
    return message
  flag: Any = flags.FLAGS['config']
  known = config_lib.flatten(flag.value or config_lib.default())
  match = re.match(r'flag --config\.([^=]+)=(.*?): ', message)
  if not match or match[1] not in known:
    return message
  default = known[match[1]]
  return (
    f'{match[1]} {match[2]!r} is not of type {type(default).__name__}; write '
    f'it as in --config.{match[1]}={default}'
  )
