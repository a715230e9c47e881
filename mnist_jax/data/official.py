"""The data sets that are downloaded: their files, and what those must be."""

import hashlib
import pathlib
from collections.abc import Mapping
from typing import NamedTuple

from mnist_jax import errors

# The first mirror is TFDS's, the second torchvision's.
MIRRORS = (
  'https://storage.googleapis.com/cvdf-datasets/mnist/',
  'https://ossci-datasets.s3.amazonaws.com/mnist/',
)

_CHECKSUMS = pathlib.Path(__file__).with_name('checksums.tsv')
_WEB_PAGE_STARTS = (b'<!doctype', b'<html', b'<?xml')


class File(NamedTuple):
  """One official file: its name, size in bytes, and sha256 in hex."""

  name: str
  size: int
  sha256: str


class Source(NamedTuple):
  """Where a data set comes from.

  Attributes:
    title: as people call it.
    folder: below TFDS's directory, with the version.
    mirrors: addresses of folders with the files, of which one is enough.
    files: by name; four gzipped IDX files, or an archive with them in it.
    stems: how the names of the IDX files of training and test set begin.
    num_images: of the training set and the test set.
    transposed: whether rows and columns of the images are swapped.
  """

  title: str
  folder: str
  mirrors: tuple[str, ...]
  files: Mapping[str, File]
  stems: tuple[str, str] = ('train', 't10k')
  num_images: tuple[int, int] = (60_000, 10_000)
  transposed: bool = False


def _read_checksums() -> dict[str, dict[str, File]]:
  """Returns the files of each mirror."""
  found: dict[str, dict[str, File]] = {}
  for line in _CHECKSUMS.read_text().splitlines():
    url, size, sha256, name = line.split('\t')
    mirror = url.removesuffix(name)
    found.setdefault(mirror, {})[name] = File(name, int(size), sha256)
  return found


def _source(title: str, folder: str, *mirrors: str, **others) -> Source:
  return Source(title, folder, mirrors, _FILES[mirrors[0]], **others)


_FILES = _read_checksums()
SOURCES = {
  'mnist': _source('MNIST', 'mnist/3.0.1', *MIRRORS),
  'fashion_mnist': _source(
    'Fashion-MNIST',
    'fashion_mnist/3.0.1',
    'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
  ),
  'kmnist': _source(
    'Kuzushiji-MNIST',
    'kmnist/3.0.1',
    'http://codh.rois.ac.jp/kmnist/dataset/kmnist/',
  ),
  'emnist_digits': _source(
    'EMNIST Digits',
    'emnist/digits/3.1.0',
    'https://biometrics.nist.gov/cs_links/EMNIST/',
    stems=('gzip/emnist-digits-train', 'gzip/emnist-digits-test'),
    num_images=(240_000, 40_000),
    transposed=True,
  ),
}


class NotAvailableError(errors.UserError):
  """A data set is not on this machine and cannot be fetched.

  Attributes:
    reason: the reason, in a few words.
  """

  def __init__(self, source: Source, reason: str, way_out: str = ''):
    self.reason = reason
    super().__init__(
      f'{source.title} is not available here ({reason}); '
      f'{way_out or _three_ways(source)}'
    )


def _three_ways(source: Source) -> str:
  return (
    f'connect to the network, or point {_manual_dir(source)} at a folder with '
    f'{_list_files(source)}, or point data.data_dir (or TFDS_DATA_DIR) at a '
    f'TFDS directory that holds {source.folder}'
  )


def _manual_dir(source: Source) -> str:
  """Returns what names the folder; the variable is for MNIST alone."""
  is_mnist = source.title == 'MNIST'
  return 'data.manual_dir' + ' (or MNIST_JAX_MANUAL_DIR)' * is_mnist


def _list_files(source: Source) -> str:
  names = list(source.files)
  return 'the four .gz files' if len(names) == 4 else ', '.join(names)


def find_fault(data: bytes, file: File) -> str:
  """Returns why `data` is not the official `file`, or '' if it is."""
  if hashlib.sha256(data).hexdigest() == file.sha256:
    return ''
  if data[:64].lstrip().lower().startswith(_WEB_PAGE_STARTS):
    return 'is a web page saved under this name'
  if len(data) < file.size:
    return f'is truncated ({len(data)} of {file.size} bytes)'
  return f'is not the official file (its sha256 is not {file.sha256[:12]}...)'


def check_manual_dir(source: Source, manual_dir: pathlib.Path) -> None:
  """Checks that a folder holds the official files, byte for byte.

  Args:
    source: whose files.
    manual_dir: the folder; it may hold other files too.

  Raises:
    UserError: the folder or a file is missing, or a file is unreadable,
      truncated, a web page, or otherwise not the official one.
  """
  if not manual_dir.is_dir():
    raise errors.UserError(
      f'{manual_dir} is not a directory; point {_manual_dir(source)} at the '
      f'folder that holds {_list_files(source)} of {source.title}'
    )
  for file in source.files.values():
    path = manual_dir / file.name
    try:
      fault = find_fault(path.read_bytes(), file)
    except FileNotFoundError:
      fault = 'is missing'
    except OSError as error:
      fault = f'cannot be read ({error.strerror})'
    if fault:
      raise errors.UserError(
        f'{path} {fault}; get it from {source.mirrors[0]}{file.name}'
      )
