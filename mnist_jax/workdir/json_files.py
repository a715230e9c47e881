"""Reads the JSON files that runs write; nothing in a file is trusted."""

import pathlib
from typing import Any, Required, TypedDict

import msgspec

from mnist_jax import errors

MAX_BYTES = 2**26  # A sweep of 1,000 trials has about 2 MB.


class Row(TypedDict, total=False):
  """What every line of metrics.jsonl has; numbers by name beside it."""

  step: Required[int]
  epoch: Required[float]


def read_object(
  path: pathlib.Path, schema: Any = dict[str, Any], *, way_out: str
) -> dict | None:
  """Reads one JSON object.

  Args:
    path: of the file.
    schema: a type for `msgspec.convert`, which the content must fit; keys that
      it does not name are allowed.
    way_out: what the user can do about a bad file, for the error.

  Returns:
    The whole content as plain dicts, lists, texts and finite numbers; None
    where there is no such file.

  Raises:
    errors.UserError: when the file cannot be read, is larger than MAX_BYTES,
      is not JSON, or does not fit the schema.
  """
  content = read_bytes(path, way_out=way_out)
  if content is None:
    return None
  try:
    return decode(content, schema)
  except ValueError as error:
    raise errors.UserError(f'{path} is damaged ({error}); {way_out}') from error


def read_rows(path: pathlib.Path, *, way_out: str) -> list[dict]:
  """Reads metrics.jsonl, also of a run that was killed while it wrote.

  Returns:
    One dict per step, in order. A step that a resumed run took again counts
    once, as it was the last time. A last line that was cut short is left out.

  Raises:
    errors.UserError: for a line that is not a row of finite numbers.
  """
  content = read_bytes(path, way_out=way_out) or b''
  *lines, rest = content.split(b'\n')
  rows = {}
  for number, line in enumerate([*lines, rest], start=1):
    try:
      row = decode(line, Row)
    except ValueError as error:
      if number > len(lines):  # No line break follows: it was cut short.
        break
      raise errors.UserError(
        f'{path}, line {number} is damaged ({error}); {way_out}'
      ) from error
    rows[row['step']] = row
  return [rows[step] for step in sorted(rows)]


def read_bytes(path: pathlib.Path, *, way_out: str) -> bytes | None:
  """Reads a file of at most MAX_BYTES; None where there is none.

  Raises:
    errors.UserError: when it is larger, or cannot be read.
  """
  try:
    if not path.exists():
      return None
    if not path.is_file():
      raise errors.UserError(f'{path} is not a file; {way_out}')
    if path.stat().st_size > MAX_BYTES:
      raise errors.UserError(
        f'{path} is larger than {MAX_BYTES // 2**20} MB; {way_out}'
      )
    return path.read_bytes()
  except OSError as error:
    raise errors.UserError(
      f'{path} cannot be read ({error.strerror}); {way_out}'
    ) from error


def decode(content: bytes, schema: Any) -> Any:
  """Decodes JSON and checks it; raises a ValueError of one line."""
  try:
    value = msgspec.json.decode(content)
    msgspec.convert(value, schema)
  except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
    raise ValueError(str(error)) from error
  return value
