"""The folder of an export: never another's, and never half an export."""

import contextlib
import pathlib
import shutil
from collections.abc import Iterator, Mapping

from mnist_jax import errors
from mnist_jax.workdir import atomic_files, json_files

# What every export has, and what it may have.
MUST = {'model.safetensors', 'config.json', 'README.md'}
MAY = {'model.stablehlo', 'model.onnx'} | {
  f'serve_{name}.py' for name in ('numpy', 'onnx', 'stablehlo')
}
# Of its config.json: other libraries have files of the same names.
_OURS = {'sha256', 'operations', 'temperature'}
_STAGING = '.export.tmp'
_WAY_OUT = 'choose another OUT_DIR'


def check(out: pathlib.Path) -> None:
  """Checks that `out` is new, empty or an earlier export, and can be written.

  Raises:
    errors.UserError: it is not.
  """
  found = _list_names(out)
  if foreign := sorted(found - MUST - MAY):
    raise errors.UserError(
      f'{out} holds {foreign[0]!r}, which is of no export; {_WAY_OUT}'
    )
  about = json_files.read_object(out / 'config.json', way_out=_WAY_OUT) or {}
  if found and not (found >= MUST and about.keys() >= _OURS):
    raise errors.UserError(
      f'{out} holds {min(found)!r} and is no earlier export; {_WAY_OUT}'
    )
  with _staging(out, keep=False):
    pass


def write(out: pathlib.Path, files: Mapping[str, bytes]) -> list[pathlib.Path]:
  """Writes an export in place of an earlier one; returns the paths.

  All files are written aside before the first one takes its place.

  Raises:
    errors.UserError: when the folder cannot be written, or is full. Then it is
      as it was.
  """
  with _staging(out, keep=True) as staging:
    for name, content in files.items():
      (staging / name).write_bytes(content)
    for name in files:
      (staging / name).replace(out / name)
    for name in (MUST | MAY) - files.keys():
      (out / name).unlink(missing_ok=True)
  return [out / name for name in files]


def _list_names(out: pathlib.Path) -> set[str]:
  """Returns what is in a folder; nothing where there is none."""
  try:
    return {path.name for path in out.iterdir()} - {_STAGING}
  except FileNotFoundError:
    return set()
  except OSError as error:
    raise errors.UserError(
      f'{str(out)[:200]} cannot be used as a folder ({error.strerror}); '
      f'{_WAY_OUT}'
    ) from error


@contextlib.contextmanager
def _staging(out: pathlib.Path, *, keep: bool) -> Iterator[pathlib.Path]:
  """Makes a folder in `out` for files that are not whole yet.

  Args:
    out: made where it is missing; it stays only with `keep` and without error.
    keep: whether it is to stay.
  """
  was_there, done = out.exists(), False
  staging = out / _STAGING
  try:
    staging.mkdir(parents=True, exist_ok=True)
    yield staging
    done = keep
  except OSError as error:
    raise atomic_files.unwritable(out, error) from error
  finally:
    shutil.rmtree(staging if was_there or done else out, ignore_errors=True)
