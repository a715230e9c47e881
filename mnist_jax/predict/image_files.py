"""Image files in folders, and the labels that a folder may hold."""

import csv
import dataclasses
import os
import pathlib
from typing import TextIO

from mnist_jax import errors
from mnist_jax.workdir import paths

SUFFIXES = {
  *('.avif', '.bmp', '.gif', '.heic', '.heif', '.jpeg', '.jpg', '.pgm'),
  *('.png', '.ppm', '.tif', '.tiff', '.webp'),
}
MAX_FILES = 100_000  # In all; with more it is probably the wrong folder.
MAX_LABEL_BYTES = 2**24


@dataclasses.dataclass(frozen=True)
class ImageFiles:
  """The files to read, in order, and the labels that some of them have."""

  files: list[pathlib.Path]
  labels: dict[pathlib.Path, int]


def expand(arguments: list[str]) -> ImageFiles:
  """Lists the files that paths on a command line stand for, each once.

  Args:
    arguments: paths. A folder stands for the image files below it, sorted; if
      it holds a labels.csv, for those that this names.

  Raises:
    errors.UserError: when a path is empty, a folder has no image, there are too
      many files, or a labels.csv is wrong. A file that does not exist is
      listed, and `digit_reader.read` reports it.
  """
  files: list[pathlib.Path] = []
  labels: dict[pathlib.Path, int] = {}
  for argument in arguments:
    if not argument:
      raise errors.UserError("'' is not a path; write . for this folder")
    path = pathlib.Path(argument)
    if not os.path.isdir(path):  # Unlike path.is_dir it never raises.
      files.append(path)
    elif paths.is_file(path / 'labels.csv'):
      labelled = read_labels(path)
      labels |= labelled
      files += labelled
    else:
      files += list_images(path)
    if len(files) > MAX_FILES:
      raise errors.UserError(
        f'{argument} brings the number of images above {MAX_FILES:,}; give '
        'fewer at a time'
      )
  return ImageFiles(list(dict.fromkeys(files)), labels)


def list_images(folder: pathlib.Path) -> list[pathlib.Path]:
  """Returns the image files below a folder, sorted.

  Links to folders are not followed, and hidden files are left out.

  Raises:
    errors.UserError: when there is none.
  """
  found: list[pathlib.Path] = []
  for place, folders, names in os.walk(folder):
    folders[:] = sorted(name for name in folders if not name.startswith('.'))
    found += (
      pathlib.Path(place, name)
      for name in sorted(names)
      if pathlib.Path(name).suffix.lower() in SUFFIXES and name[0] != '.'
    )
    if len(found) > MAX_FILES:
      break  # `expand` refuses them.
  if not found:
    raise errors.UserError(
      f'folder {folder} holds no image file; known are '
      f'{", ".join(sorted(SUFFIXES))}'
    )
  return found


def read_labels(folder: pathlib.Path) -> dict[pathlib.Path, int]:
  """Reads labels.csv: a header with `path` and `label`, and a line per image.

  Columns are separated by commas or, as Excel does in many countries, by
  semicolons.

  Returns:
    The label 0..9 of each file, in the order of the lines.

  Raises:
    errors.UserError: for a line whose path is not a file in the folder, or
      whose label is not a digit.
  """
  table = folder / 'labels.csv'
  labels = {}
  try:
    if table.stat().st_size > MAX_LABEL_BYTES:
      raise errors.UserError(
        f'{table} is larger than {MAX_LABEL_BYTES // 2**20} MB; give a folder '
        'with fewer images'
      )
    # Excel writes a byte order mark.
    with table.open(encoding='utf-8-sig', newline='') as lines:
      rows = csv.DictReader(lines, delimiter=_delimiter(lines))
      for row in rows:
        path = _check_path(folder, row.get('path'), rows.line_num)
        labels[path] = _check_label(table, row.get('label'), rows.line_num)
  except (OSError, ValueError, csv.Error) as error:
    raise errors.UserError(
      f'{table} cannot be read as a table ({error}); write path,label and a '
      'line for each image'
    ) from error
  if not labels:
    raise errors.UserError(
      f'{table} names no image; write path,label and a line for each image, or '
      'remove it'
    )
  return labels


def _delimiter(table: TextIO) -> str:
  """Returns what separates the columns of the header; stays at the start."""
  header = table.readline()
  table.seek(0)
  return ';' if ';' in header and ',' not in header else ','


def _check_path(
  folder: pathlib.Path, name: str | None, line: int
) -> pathlib.Path:
  path = folder / (name or '')
  # Unlike path.resolve, realpath does not raise where links form a circle.
  inside = pathlib.Path(os.path.realpath(path)).is_relative_to(
    os.path.realpath(folder)
  )
  if not (name and inside and path.is_file()):
    raise errors.UserError(
      f'{folder / "labels.csv"}, line {line}: path {name!r} is not a file in '
      'this folder; correct or remove the line'
    )
  return path


def _check_label(table: pathlib.Path, label: str | None, line: int) -> int:
  if label is None or label not in set('0123456789'):
    raise errors.UserError(
      f'{table}, line {line}: label {label!r} is not a digit; write 0 to 9'
    )
  return int(label)
