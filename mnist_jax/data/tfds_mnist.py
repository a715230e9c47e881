"""MNIST for TFDS without TensorFlow.

TFDS's own builder of this name and version needs TensorFlow to unpack the files
and to encode the images. This one writes the same records in the same order, in
array_record files. Importing this module imports TFDS, which takes seconds, so
it is imported only where data must be prepared or decoded.
"""

import contextlib
import hashlib
import io
import pathlib
import struct
import sys
from collections.abc import Iterator

import numpy as np
import requests
import tensorflow_datasets as tfds
from absl import logging
from array_record.python import array_record_module
from PIL import Image
from tensorflow_datasets.core.download import download_manager

from mnist_jax import errors
from mnist_jax.data import decoded, mirrors, official

_VERSION = '3.0.1'


class Mnist(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  """Builder of MNIST; `mirror` is the address it downloads from."""

  name = 'mnist'
  VERSION = tfds.core.Version(_VERSION)
  mirror = official.MIRRORS[0]

  def _info(self) -> tfds.core.DatasetInfo:
    return self.dataset_info_from_configs(
      description='The MNIST database of handwritten digits.',
      features=tfds.features.FeaturesDict(
        {
          'image': tfds.features.Image(shape=(28, 28, 1)),
          'label': tfds.features.ClassLabel(num_classes=10),
        }
      ),
      supervised_keys=('image', 'label'),
      homepage='http://yann.lecun.com/exdb/mnist/',
    )

  def _split_generators(self, dl_manager):
    paths = dl_manager.download(
      {name: self.mirror + name for name in official.FILES}
    )
    return {
      split: self._generate_examples(
        paths[f'{stem}-images-idx3-ubyte.gz'],
        paths[f'{stem}-labels-idx1-ubyte.gz'],
      )
      for split, stem in (('train', 'train'), ('test', 't10k'))
    }

  def _generate_examples(self, images_path, labels_path):
    images = official.read_idx(images_path)
    labels = official.read_idx(labels_path)
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
      # TFDS would encode an array with TensorFlow; a file it takes as it is.
      png = io.BytesIO()
      Image.fromarray(image).save(png, format='png')
      png.seek(0)
      yield index, {'image': png, 'label': int(label)}


def prepared_dir(data_dir: pathlib.Path) -> pathlib.Path:
  """Returns the directory in which TFDS keeps the prepared data set."""
  return data_dir / 'mnist' / _VERSION


def prepare(data_dir: pathlib.Path, manual_dir: pathlib.Path | None) -> None:
  """Prepares MNIST in `data_dir`, from `manual_dir` or from the network.

  Args:
    data_dir: TFDS's directory; created if it does not exist.
    manual_dir: a folder with the four official files, or None to download.

  Raises:
    NotAvailableError: no mirror delivers the files.
    UserError: `data_dir` cannot be written.
  """
  if manual_dir:
    _build(data_dir, official.MIRRORS[0], manual_dir)
    return
  found, reason = mirrors.find_mirrors()
  for mirror in found:
    try:
      return _build(data_dir, mirror, None)
    except (
      requests.RequestException,
      tfds.download.DownloadError,
      download_manager.NonMatchingChecksumError,
    ) as error:
      reason = f'{mirror}: {error}'.splitlines()[0]
  raise official.NotAvailableError(reason)


def _build(data_dir, mirror, manual_dir) -> None:
  print(f'preparing MNIST in {data_dir}, once: about 10 s', file=sys.stderr)
  try:
    with _quiet():
      builder = Mnist(data_dir=data_dir, file_format='array_record')
      builder.mirror = mirror
      builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(
          manual_dir=manual_dir, try_download_gcs=False
        )
      )
  except requests.RequestException:
    raise  # An OSError too, but the disk is not at fault.
  # array_record reports a full disk as a RuntimeError.
  except (OSError, RuntimeError) as error:
    # Another process prepared it at the same time and finished first.
    if prepared_dir(data_dir).is_dir():
      return
    reason = getattr(error, 'strerror', None) or str(error).splitlines()[0]
    raise errors.UserError(
      f'{data_dir} cannot be written ({reason}); point data.data_dir (or '
      'TFDS_DATA_DIR) at a directory with 100 MB to spare'
    ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
  """Keeps TFDS's progress bars, banner and log lines off the terminal."""
  tfds.disable_progress_bar()
  verbosity = logging.get_verbosity()
  logging.set_verbosity(logging.ERROR)
  try:
    with contextlib.redirect_stdout(io.StringIO()):
      yield
  finally:
    logging.set_verbosity(verbosity)


def read(data_dir: pathlib.Path) -> decoded.Arrays:
  """Decodes a prepared MNIST, by this builder or by TFDS's own.

  Args:
    data_dir: TFDS's directory; its `mnist/3.0.1` holds array_record or
      tfrecord files.

  Returns:
    The images and labels in MNIST's official order.

  Raises:
    UserError: the directory cannot be read, or does not hold MNIST.
  """
  directory = prepared_dir(data_dir)
  try:
    with _quiet():
      builder = tfds.builder_from_directory(directory)
      arrays = decoded.Arrays(
        *_read_split(builder, 'train'), *_read_split(builder, 'test')
      )
  # TFDS, array_record and protobuf each raise exceptions of their own.
  except Exception as error:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    raise errors.UserError(
      f'{directory} cannot be read ({reason}); move it away and run again'
    ) from error
  if not decoded.is_mnist(arrays):
    raise errors.UserError(
      f'{directory} does not hold the MNIST images; move it away and run again'
    )
  return arrays


def _read_split(builder, split: str) -> tuple[np.ndarray, np.ndarray]:
  count = builder.info.splits[split].num_examples
  images = np.empty((count, 28, 28), np.uint8)
  labels = np.empty(count, np.uint8)
  for row, record in zip(
    _official_rows(split, count), _records(builder, split), strict=True
  ):
    example = builder.info.features.deserialize_example_np(record)
    images[row] = example['image'][..., 0]
    labels[row] = example['label']
  return images, labels


def _official_rows(split: str, count: int) -> list[int]:
  """Returns the rows in TFDS's order, which sorts a hash of the row number."""
  return sorted(
    range(count), key=lambda row: hashlib.md5(f'{split}{row}'.encode()).digest()
  )


def _records(builder, split: str) -> Iterator[bytes]:
  """Yields the serialized examples in the order of the files."""
  for path in builder.info.splits[split].filepaths:
    if builder.info.file_format.value == 'array_record':
      yield from array_record_module.ArrayRecordReader(str(path)).read_all()
    else:
      yield from _tfrecords(pathlib.Path(path).read_bytes())


def _tfrecords(data: bytes) -> Iterator[bytes]:
  """Yields the records of a tfrecord file.

  Each is its length (uint64), a checksum, the record and another checksum (4
  bytes each).
  """
  start = 0
  while start < len(data):
    (length,) = struct.unpack_from('<Q', data, start)
    yield data[start + 12 : start + 12 + length]
    start += 12 + length + 4
