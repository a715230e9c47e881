"""A data set of pictures, in one folder for each class."""

import hashlib
import os
import pathlib
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from mnist_jax import errors
from mnist_jax.data import class_names, decoded
from mnist_jax.photos import decode

MAX_FILES = 100_000
TEST_SHARE = 6  # One of so many pictures of a class, as in MNIST.
# What folders of splits are called elsewhere; here only train and test are.
_SPLITS = {
  *('train', 'training', 'test', 'testing'),
  *('val', 'valid', 'validation'),
}
_NUM_NAMED = 5  # Of the files that are left out.
_WANTED = (
  'give a folder with a folder of pictures for each class, or with train and '
  'test that have such folders'
)
# [H, W] uint8 grey pixels of a file -> [28, 28] uint8.
Reader = Callable[[pathlib.Path], np.ndarray]


def load(root: pathlib.Path, framing: str) -> decoded.Named:
  """Reads all pictures below a folder.

  Args:
    root: with a folder for each class, whose name is that of the class; or with
      `train` and `test` that have such folders, the same in both. Without
      these, every sixth picture of each class, chosen by the hash of its name,
      is in the test set. Files and folders whose names begin with a dot do not
      count.
    framing: 'plain', the whole picture in grey, resized to 28x28, and bright on
      dark; or 'photo', what the photo pipeline finds in it, framed as MNIST's
      digits are.

  Returns:
    Images and labels, by class and name; the notice says how many files could
    not be read, and which.

  Raises:
    UserError: the folders are not as they should be, or there is a class of
      which no picture can be read.
  """
  names, parts = _list(root)
  read = _read_plain if framing == 'plain' else _read_photo
  left_out: list[str] = []
  arrays = [
    array
    for part, files in parts.items()
    for array in _read_part(root, part, files, names, read, left_out)
  ]
  if framing == 'plain' and _is_dark_on_light(arrays[0]):
    arrays[0], arrays[2] = 255 - arrays[0], 255 - arrays[2]
  total = sum(len(each) for files in parts.values() for each in files)
  notice = _describe(left_out, total)
  return decoded.Named(decoded.Arrays(*arrays), names, notice)


Files = list[list[pathlib.Path]]  # Of each class.


def _list(root: pathlib.Path) -> tuple[tuple[str, ...], dict[str, Files]]:
  """Returns the names of the classes, and the files of both parts."""
  names = _subfolders(root)
  _check_splits(root, {*names})
  if {*names} == {'train', 'test'}:
    train, test = _subfolders(root / 'train'), _subfolders(root / 'test')
    if train != test:
      (odd, *_) = sorted({*train} ^ {*test})
      raise errors.UserError(
        f'{root}: the class {odd!r} is in only one of train and test; make the '
        'same folders in both'
      )
    names = train
    parts = {
      part: [_list_files(root / part / name) for name in names]
      for part in ('train', 'test')
    }
  else:
    pairs = [_split(_list_files(root / name), root) for name in names]
    parts = {'train': [p[0] for p in pairs], 'test': [p[1] for p in pairs]}
  if fault := class_names.find_fault(names):
    raise errors.UserError(f'{root} has {fault}; {_WANTED}')
  if sum(len(each) for files in parts.values() for each in files) > MAX_FILES:
    raise errors.UserError(
      f'{root} has more than {MAX_FILES:,} files; give a folder with fewer'
    )
  return names, parts


def _check_splits(root: pathlib.Path, names: set[str]) -> None:
  """Refuses splits that would be taken for classes, or would not be read."""
  ours = {'train', 'test'}
  are_splits = {name.lower() for name in names} <= _SPLITS
  if names > ours or (names and names != ours and are_splits):
    raise errors.UserError(
      f'{root} has the folders {", ".join(sorted(names)):.200}; call two of '
      'them train and test, and move others away (data.valid=random holds out '
      'a part of train)'
    )


def _subfolders(folder: pathlib.Path) -> tuple[str, ...]:
  try:
    with os.scandir(folder) as entries:
      return tuple(
        sorted(e.name for e in entries if e.is_dir() and e.name[0] != '.')
      )
  except (OSError, ValueError) as error:
    reason = getattr(error, 'strerror', None) or 'not a path'
    raise errors.UserError(
      f'the folder {folder} cannot be read ({reason}); {_WANTED}'
    ) from error


def _list_files(folder: pathlib.Path) -> list[pathlib.Path]:
  """Returns all files below a folder, sorted; links to folders stay closed."""
  found: list[pathlib.Path] = []
  for place, folders, names in os.walk(folder):
    folders[:] = sorted(name for name in folders if name[0] != '.')
    found += (
      pathlib.Path(place, name) for name in sorted(names) if name[0] != '.'
    )
    if len(found) > MAX_FILES:
      break  # `_list` refuses them.
  return found


def _split(
  files: list[pathlib.Path], root: pathlib.Path
) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
  """Returns the files of the training set and of the test set."""

  def by_hash(path: pathlib.Path) -> bytes:
    name = os.fsencode(path.relative_to(root).as_posix())
    return hashlib.sha256(name).digest()

  count = max(1, len(files) // TEST_SHARE)
  test = {*sorted(files, key=by_hash)[:count]}
  return [f for f in files if f not in test], [f for f in files if f in test]


def _read_part(
  root: pathlib.Path,
  part: str,
  files: Files,
  names: tuple[str, ...],
  read: Reader,
  left_out: list[str],
) -> Iterator[np.ndarray]:
  """Yields the images and the labels of one part; notes what is left out."""
  images: list[np.ndarray] = []
  labels: list[int] = []
  for label, paths in enumerate(files):
    for path in paths:
      try:
        images.append(read(path))
        labels.append(label)
      except errors.UserError as error:
        name = ascii(str(path.relative_to(root)))[1:-1]
        left_out.append(f'{name} ({_reason(str(error), path)})')
    if label not in labels[-1:]:
      raise errors.UserError(
        f'no picture of the class {names[label]!r} is left for the {part} set '
        f'of {root}{_describe(left_out, len(left_out), ": ")}; each class '
        'needs one there at least'
      )
  yield np.array(images, np.uint8)
  yield np.array(labels, np.uint8)


def _reason(message: str, path: pathlib.Path) -> str:
  """Returns the first part of an error, without the name of the file."""
  return message.replace(str(path), '').partition(';')[0].strip()


def _describe(left_out: list[str], total: int, start: str = '') -> str:
  if not left_out:
    return ''
  more = len(left_out) - _NUM_NAMED
  named = ', '.join(left_out[:_NUM_NAMED]) + f' and {more:,} more' * (more > 0)
  return (
    f'{start}{len(left_out):,} of {total:,} pictures could not be used and are '
    f'left out: {named}'
  )


def _read_plain(path: pathlib.Path) -> np.ndarray:
  grey, _ = decode.read(path)
  image = Image.fromarray(grey)
  return np.asarray(image.resize((28, 28), Image.Resampling.BICUBIC))


def _is_dark_on_light(images: np.ndarray) -> bool:
  """Returns whether the border of most pictures is bright."""
  border = np.ones((28, 28), bool)
  border[1:-1, 1:-1] = False
  return bool(np.median(images[:, border]) > 127)


def _read_photo(path: pathlib.Path) -> np.ndarray:
  from mnist_jax.photos import pipeline  # Needs SciPy and scikit-image.

  picture = pipeline.read_picture(path)
  if len(picture.digits) != 1:
    raise errors.UserError(f'{len(picture.digits)} shapes found in it')
  return picture.digits[0].image
