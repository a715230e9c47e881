"""What is known of each data set, by name: its loader, sizes, classes, title.

MNIST and its relatives are prepared by TFDS from files with known checksums.
Later runs map in a decoded copy, which is checked again each time.
"""

import contextlib
import dataclasses
import functools
import os
import pathlib
import types
from collections.abc import Callable
from typing import Any

from mnist_jax import errors
from mnist_jax.data import class_names as names_lib
from mnist_jax.data import decoded, idx, official, splits

# From the `data` part of a config to a data set in its official order.
Loader = Callable[[Any], decoded.Arrays | decoded.Named]


@dataclasses.dataclass(frozen=True)
class Entry:
  """What is known of a data set before it is loaded.

  Attributes:
    load: its loader.
    title: as people call it; '' stands for its name.
    class_names: in the order of the labels; () where the files say it.
    num_images: of the training set and the test set; None for any.
    writers: of its training images; None where they are not known.
  """

  load: Loader
  title: str = ''
  class_names: tuple[str, ...] = names_lib.DIGITS
  num_images: tuple[int, int] | None = None
  writers: splits.Writers | None = None


def _load_uci_digits(unused_config_data: Any) -> decoded.Arrays:
  from mnist_jax.data import uci_digits  # Needs Pillow, which others do not.

  return uci_digits.load()


def _load_official(name: str, config_data: Any) -> decoded.Arrays:
  folder = manual_dir(name, config_data)
  if folder:
    # Also when the decoded copy exists: a wrong folder should not go unnoticed.
    official.check_manual_dir(official.SOURCES[name], folder)
  data_dir = _absolute(
    config_data.data_dir
    or os.environ.get('TFDS_DATA_DIR')
    or '~/tensorflow_datasets'
  )
  return _official_arrays(name, data_dir, folder)


def _load_idx(config_data: Any) -> decoded.Named:
  return idx.read_folder(_own_folder('four IDX files', config_data))


def _load_folders(config_data: Any) -> decoded.Named:
  from mnist_jax.data import folders  # Needs Pillow, which others do not.

  folder = _own_folder('a folder of pictures for each class', config_data)
  return folders.load(folder, getattr(config_data, 'framing', 'plain'))


def _load_nothing(config_data: Any) -> decoded.Arrays:
  raise errors.UserError(f'data.name {config_data.name!r} is unknown')


def _own_folder(content: str, config_data: Any) -> pathlib.Path:
  if not config_data.manual_dir:
    raise errors.UserError(
      f'data.name {config_data.name!r} needs a folder; point data.manual_dir '
      f'at one with {content}'
    )
  return _absolute(config_data.manual_dir)


def manual_dir(name: str, config_data: Any) -> pathlib.Path | None:
  """Returns the folder with the official files that a user names, or None."""
  manual = config_data.manual_dir
  if not manual and name == 'mnist':
    manual = os.environ.get('MNIST_JAX_MANUAL_DIR')
  return _absolute(manual) if manual else None


def _absolute(path: str) -> pathlib.Path:
  try:
    return pathlib.Path(path).expanduser().absolute()
  except RuntimeError as error:
    raise errors.UserError(
      f'the folder {path} begins with the home of an unknown user; write it '
      'without ~'
    ) from error


def _official_arrays(
  name: str, data_dir: pathlib.Path, manual_dir: pathlib.Path | None
) -> decoded.Arrays:
  folder = data_dir / official.SOURCES[name].folder
  copy_dir = folder.with_name(f'decoded-{folder.name}')
  known = decoded.MNIST_FINGERPRINTS if name == 'mnist' else None
  arrays = decoded.load(copy_dir, known)
  if arrays is not None:
    return arrays
  tfds_mnist = _import_tfds_mnist(official.SOURCES[name])
  if not os.path.exists(folder):
    tfds_mnist.prepare(name, data_dir, manual_dir)
  arrays = tfds_mnist.read(name, data_dir)
  # Where the disk is read-only, every run decodes again.
  with contextlib.suppress(OSError):
    decoded.save(copy_dir, arrays, record=known is None)
  return arrays


def _import_tfds_mnist(source: official.Source) -> types.ModuleType:
  # Imported only to prepare or decode, as the import takes seconds.
  try:
    from mnist_jax.data import tfds_mnist
  except ImportError as error:
    raise official.NotAvailableError(
      source, str(error), 'pip install tensorflow-datasets array_record pillow'
    ) from error
  return tfds_mnist


def _official(name: str, **others: Any) -> Entry:
  source, load = official.SOURCES[name], functools.partial(_load_official, name)
  return Entry(load, source.title, num_images=source.num_images, **others)


# A recipe may also add a loader alone: its classes are the digits.
DATASETS: dict[str, Entry | Loader] = {
  'mnist': _official('mnist', writers=splits.MNIST),
  'uci_digits': Entry(
    _load_uci_digits,
    'UCI digits',
    num_images=(1_300, 497),
    writers=splits.UCI_DIGITS,
  ),
  'fashion_mnist': _official(
    'fashion_mnist',
    class_names=(
      *('T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal'),
      *('Shirt', 'Sneaker', 'Bag', 'Ankle boot'),
    ),
  ),
  'kmnist': _official(
    'kmnist',
    class_names=('o', 'ki', 'su', 'tsu', 'na', 'ha', 'ma', 'ya', 're', 'wo'),
  ),
  'emnist_digits': _official('emnist_digits'),
  'idx': Entry(_load_idx, 'IDX files', ()),
  'folders': Entry(_load_folders, 'pictures in folders', ()),
}
# Always the same images, wherever they lie. The others are the user's own.
FIXED = frozenset(DATASETS) - {'idx', 'folders'}


def find(name: str) -> Entry:
  """Returns what is known of a data set; little where DATASETS lacks it."""
  found = DATASETS.get(name, _load_nothing)
  return found if isinstance(found, Entry) else Entry(found)


def title(name: str) -> str:
  """Names a data set as people call it; other digits than MNIST's say so."""
  known = find(name)
  other_digits = name != 'mnist' and names_lib.are_digits(known.class_names)
  return (known.title or name) + ' (not MNIST)' * other_digits
