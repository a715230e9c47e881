"""MNIST and its relatives for TFDS without TensorFlow.

TFDS's own builders of these names and versions need TensorFlow to unpack the
files and to encode the images. These write the same records in the same order,
in array_record files. Importing this module imports TFDS, which takes seconds,
so it is imported only where data must be prepared or decoded.
"""

import contextlib
import hashlib
import io
import pathlib
import struct
import sys
import zipfile
from collections.abc import Iterator

import numpy as np
import requests
import tensorflow_datasets as tfds
from absl import logging
from array_record.python import array_record_module
from PIL import Image
from tensorflow_datasets.core.download import download_manager

from mnist_jax import errors
from mnist_jax.data import decoded, idx, mirrors, official


class Mnist(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  """Builder of MNIST, and the base class of the others.

  `mirror` is the address that it downloads from.
  """

  name = 'mnist'
  VERSION = tfds.core.Version('3.0.1')
  description = 'The MNIST database of handwritten digits.'
  homepage = 'http://yann.lecun.com/exdb/mnist/'
  source = 'mnist'  # Of official.SOURCES.
  mirror = ''

  def _info(self) -> tfds.core.DatasetInfo:
    return self.dataset_info_from_configs(
      description=self.description,
      features=tfds.features.FeaturesDict(
        {
          'image': tfds.features.Image(shape=(28, 28, 1)),
          'label': tfds.features.ClassLabel(num_classes=10),
        }
      ),
      supervised_keys=('image', 'label'),
      homepage=self.homepage,
    )

  def _split_generators(self, dl_manager):
    source = official.SOURCES[self.source]
    paths = dl_manager.download(
      {name: self.mirror + name for name in source.files}
    )
    return {
      split: self._generate_examples(paths, stem)
      for split, stem in zip(('train', 'test'), source.stems, strict=True)
    }

  def _generate_examples(self, paths, stem):
    images = _read_idx(paths, f'{stem}-images-idx3-ubyte.gz')
    labels = _read_idx(paths, f'{stem}-labels-idx1-ubyte.gz')
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
      # TFDS would encode an array with TensorFlow; a file it takes as it is.
      png = io.BytesIO()
      Image.fromarray(image).save(png, format='png')
      png.seek(0)
      yield index, {'image': png, 'label': int(label)}


class FashionMnist(Mnist, skip_registration=True):  # type: ignore[call-arg]
  """Builder of Fashion-MNIST (Xiao, Rasul and Vollgraf 2017)."""

  name = source = 'fashion_mnist'
  description = 'Pictures of clothes.'
  homepage = 'https://github.com/zalandoresearch/fashion-mnist'


class Kmnist(Mnist, skip_registration=True):  # type: ignore[call-arg]
  """Builder of Kuzushiji-MNIST (Clanuwat et al. 2018)."""

  name = source = 'kmnist'
  description = 'Handwritten Hiragana of ten kinds.'
  homepage = 'http://codh.rois.ac.jp/kmnist/index.html.en'


class Emnist(Mnist, skip_registration=True):  # type: ignore[call-arg]
  """Builder of EMNIST's digits (Cohen et al. 2017)."""

  name = 'emnist'
  source = 'emnist_digits'
  VERSION = tfds.core.Version('3.1.0')
  BUILDER_CONFIGS = (tfds.core.BuilderConfig(name='digits'),)
  description = 'Handwritten digits of NIST Special Database 19.'
  homepage = 'https://www.nist.gov/itl/products-and-services/emnist-dataset'


_BUILDERS = {
  each.source: each for each in (Mnist, FashionMnist, Kmnist, Emnist)
}


def _read_idx(paths, name: str) -> np.ndarray:
  """Reads an IDX file: one of those downloaded, or in the archive that was."""
  if name in paths:
    return idx.parse(paths[name].read_bytes())
  (archive,) = paths.values()
  with zipfile.ZipFile(archive) as files:
    return idx.parse(files.read(name))


def prepare(
  name: str, data_dir: pathlib.Path, manual_dir: pathlib.Path | None
) -> None:
  """Prepares a data set in `data_dir`, from `manual_dir` or from the network.

  Args:
    name: of official.SOURCES.
    data_dir: TFDS's directory; created if it does not exist.
    manual_dir: a folder with the official files, or None to download.

  Raises:
    NotAvailableError: no mirror delivers the files.
    UserError: `data_dir` cannot be written.
  """
  source = official.SOURCES[name]
  if manual_dir:
    _build(name, data_dir, source.mirrors[0], manual_dir)
    return
  found, reason = mirrors.find_mirrors(source)
  for mirror in found:
    try:
      return _build(name, data_dir, mirror, None)
    except (
      requests.RequestException,
      tfds.download.DownloadError,
      download_manager.NonMatchingChecksumError,
    ) as error:
      reason = f'{mirror}: {errors.first_line(error)}'
  raise official.NotAvailableError(source, reason)


def _build(name, data_dir, mirror, manual_dir) -> None:
  source = official.SOURCES[name]
  megabytes = sum(file.size for file in source.files.values()) / 1e6
  size = 'about 10 s' if name == 'mnist' else f'from {megabytes:,.0f} MB'
  print(
    f'preparing {source.title} in {data_dir}, once: {size}', file=sys.stderr
  )
  try:
    with _quiet():
      builder = _BUILDERS[name](data_dir=data_dir, file_format='array_record')
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
    if (data_dir / source.folder).is_dir():
      return
    reason = getattr(error, 'strerror', None) or errors.first_line(error)
    raise errors.UserError(
      f'{data_dir} cannot be written ({reason}); point data.data_dir (or '
      f'TFDS_DATA_DIR) at a directory with {max(100, 3 * megabytes):,.0f} MB '
      'to spare'
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


def read(name: str, data_dir: pathlib.Path) -> decoded.Arrays:
  """Decodes a prepared data set, by these builders or by TFDS's own.

  Args:
    name: of official.SOURCES.
    data_dir: TFDS's directory; its `mnist/3.0.1`, or the like, holds
      array_record or tfrecord files.

  Returns:
    The images, upright, and labels in their official order.

  Raises:
    UserError: the directory cannot be read, or does not hold that data set.
  """
  source = official.SOURCES[name]
  directory = data_dir / source.folder
  try:
    with _quiet():
      builder = tfds.builder_from_directory(directory)
      arrays = decoded.Arrays(
        *_read_split(builder, 'train'), *_read_split(builder, 'test')
      )
  # TFDS, array_record and protobuf each raise exceptions of their own.
  except Exception as error:
    raise errors.UserError(
      f'{directory} cannot be read ({errors.first_line(error)}); move it away '
      'and run again'
    ) from error
  num_images = len(arrays.train_labels), len(arrays.test_labels)
  # Of the others TFDS publishes no checksum of the pixels.
  known = name != 'mnist' or decoded.is_mnist(arrays)
  if not known or num_images != source.num_images:
    raise errors.UserError(
      f'{directory} does not hold the {source.title} images; move it away and '
      'run again'
    )
  return idx.turn_upright(arrays) if source.transposed else arrays


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
