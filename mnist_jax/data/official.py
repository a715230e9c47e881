"""MNIST's four official files: their checksums, and how to read them."""

import gzip
import hashlib
import pathlib
import zlib
from typing import NamedTuple

import numpy as np

from mnist_jax import errors
from mnist_jax.data import decoded

# The first mirror is TFDS's, the second torchvision's.
MIRRORS = (
  'https://storage.googleapis.com/cvdf-datasets/mnist/',
  'https://ossci-datasets.s3.amazonaws.com/mnist/',
)

_CHECKSUMS = pathlib.Path(__file__).with_name('checksums.tsv')
_THREE_WAYS = (
  'connect to the network, or point data.manual_dir (or MNIST_JAX_MANUAL_DIR) '
  'at a folder with the four .gz files, or point data.data_dir (or '
  'TFDS_DATA_DIR) at a TFDS directory that holds mnist/3.0.1'
)
_WEB_PAGE_STARTS = (b'<!doctype', b'<html', b'<?xml')


class File(NamedTuple):
  """One official file: its name, size in bytes, and sha256 in hex."""

  name: str
  size: int
  sha256: str


class NotAvailableError(errors.UserError):
  """MNIST is not on this machine and cannot be fetched.

  Attributes:
    reason: the reason, in a few words.
  """

  def __init__(self, reason: str, way_out: str = _THREE_WAYS):
    self.reason = reason
    super().__init__(f'MNIST is not available here ({reason}); {way_out}')


def _read_checksums() -> dict[str, File]:
  files = {}
  for line in _CHECKSUMS.read_text().splitlines():
    _, size, sha256, name = line.split('\t')
    files[name] = File(name, int(size), sha256)
  return files


FILES = _read_checksums()


def find_fault(data: bytes, file: File) -> str:
  """Returns why `data` is not the official `file`, or '' if it is."""
  if hashlib.sha256(data).hexdigest() == file.sha256:
    return ''
  if data[:64].lstrip().lower().startswith(_WEB_PAGE_STARTS):
    return 'is a web page saved under this name'
  if len(data) < file.size:
    return f'is truncated ({len(data)} of {file.size} bytes)'
  return f'is not the official file (its sha256 is not {file.sha256[:12]}...)'


def check_manual_dir(manual_dir: pathlib.Path) -> None:
  """Checks that a folder holds the four official files, byte for byte.

  Args:
    manual_dir: the folder; it may hold other files too.

  Raises:
    UserError: the folder or a file is missing, or a file is unreadable,
      truncated, a web page, or otherwise not the official one.
  """
  if not manual_dir.is_dir():
    raise errors.UserError(
      f'{manual_dir} is not a directory; point data.manual_dir (or '
      'MNIST_JAX_MANUAL_DIR) at the folder that holds the four MNIST .gz files'
    )
  for file in FILES.values():
    path = manual_dir / file.name
    try:
      fault = find_fault(path.read_bytes(), file)
    except FileNotFoundError:
      fault = 'is missing'
    except OSError as error:
      fault = f'cannot be read ({error.strerror})'
    if fault:
      raise errors.UserError(
        f'{path} {fault}; get it from {MIRRORS[0]}{file.name}'
      )


def read_idx(path: pathlib.Path) -> np.ndarray:
  """Reads a gzipped IDX file of unsigned bytes.

  The header is two zero bytes, the element type (8: unsigned byte), the number
  of dimensions, and each dimension as a big-endian int32 (LeCun's MNIST page).

  Args:
    path: a `.gz` file whose checksum is known to be right.

  Returns:
    A read-only uint8 array of the shape that the header states.
  """
  data = gzip.decompress(path.read_bytes())
  num_dims = data[3]
  shape = np.frombuffer(data, '>i4', count=num_dims, offset=4)
  return np.frombuffer(data, np.uint8, offset=4 + 4 * num_dims).reshape(shape)


def read_folder(folder: str | pathlib.Path) -> decoded.Arrays:
  """Reads four files of MNIST's names and format that are another data set.

  Args:
    folder: with train-images-idx3-ubyte.gz and the other three of FILES.

  Raises:
    UserError: a file is missing, or is no gzipped IDX file.
  """
  arrays = []
  # `Arrays` has the training set first.
  for name in sorted(FILES, key=lambda name: not name.startswith('train')):
    path = pathlib.Path(folder) / name
    try:
      arrays.append(read_idx(path))
    except (OSError, EOFError, IndexError, ValueError, zlib.error) as error:
      raise errors.UserError(
        f'{path} cannot be read ({error}); point data.manual_dir at a folder '
        f'with the gzipped IDX files {", ".join(FILES)}'
      ) from error
  return decoded.Arrays(*arrays)
