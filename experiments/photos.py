"""Measures how well other people's digits are read: photos, scans, drawings.

  python -m experiments.photos --data=DIR

DIR holds one folder per set, each with a labels.csv (path,label) whose images
show one digit each. The pipeline and the recipe were tuned on the first half of
the rows of each set and label; the second half, which is the default, gives the
numbers to report. An image counts as right only when exactly one digit is found
in it and read right. The results become experiments/results/photos.json and a
table in the README.
"""

import collections
import pathlib
from collections.abc import Callable

import numpy as np
from absl import flags
from PIL import Image

import experiments
from mnist_jax import errors
from mnist_jax.cli import absl_flags
from mnist_jax.workdir import atomic_files

_DATA = flags.DEFINE_string('data', '', 'Folder with one folder per set.')
_HALF = flags.DEFINE_enum(
  'half',
  'report',
  ['choose', 'report'],
  'Which half of each set and label: the one that the pipeline was tuned on '
  '(choose), or the other.',
)
_WEIGHTS = flags.DEFINE_list(
  'weights', ['robust', 'improved'], 'Names or folders of weights.'
)


def main() -> None:
  """Reads every set with every network; keeps the numbers of the second half.

  Raises:
    errors.UserError: when the sets or the weights cannot be read.
  """
  sets = find_sets(_DATA.value, _HALF.value)
  if not _WEIGHTS.value:
    raise errors.UserError('no weights are given; try --weights=robust')
  # Imported here, so that --help and mistyped flags are answered at once.
  from experiments import readme
  from mnist_jax.distributed import devices
  from mnist_jax.predict import classifier, weights

  devices.configure_reading()
  networks = [
    classifier.Classifier(weights.load_weights(name)) for name in _WEIGHTS.value
  ]
  found: dict = {'half': _HALF.value, 'weights': {}, 'plain_resize': {}}
  for network in networks:
    for way, read in (('weights', read_photo), ('plain_resize', read_plainly)):
      found[way][network.name] = {
        name: score(labels, network, read) for name, labels in sets.items()
      }
      say(way, network.name, found[way][network.name])
  if _HALF.value == 'report':
    atomic_files.write_json(experiments.RESULTS / 'photos.json', found)
    readme.update()


def find_sets(data: str, half: str) -> dict[str, dict[pathlib.Path, int]]:
  """Returns {name of a set: {file: digit}} with one half of each set.

  Args:
    data: a folder with one folder per set, which has a labels.csv.
    half: 'choose', the first half of the rows of each label, or 'report'.

  Raises:
    errors.UserError: when there is no set, or one has no image in that half.
  """
  tables = sorted(pathlib.Path(data).glob('*/labels.csv')) if data else []
  if not tables:
    raise errors.UserError(
      f'data {data!r} has no folder with a labels.csv; give --data=DIR with '
      'DIR/NAME/labels.csv'
    )
  sets = {path.parent.name: list_half(path.parent, half) for path in tables}
  for name, labels in sets.items():
    if not labels:
      raise errors.UserError(
        f'set {name} has no image in the half {half!r}; add rows to its '
        'labels.csv'
      )
  return sets


def list_half(folder: pathlib.Path, half: str) -> dict[pathlib.Path, int]:
  """Returns the files of one half of a set with their digits."""
  from mnist_jax.predict import image_files

  by_label = collections.defaultdict(list)
  for path, label in image_files.read_labels(folder).items():
    by_label[label].append(path)
  return {
    path: label
    for label, paths in by_label.items()
    for path in (
      paths[: len(paths) // 2] if half == 'choose' else paths[len(paths) // 2 :]
    )
  }


def score(
  labels: dict[pathlib.Path, int], network, read: Callable[..., int]
) -> dict:
  """Returns accuracy, errors and count of the files in `labels`.

  Args:
    labels: one or more files and the digits that they show.
    network: a `classifier.Classifier`.
    read: `read_photo` or `read_plainly`.
  """
  wrong = sum(read(path, network) != label for path, label in labels.items())
  return {
    'accuracy': 1 - wrong / len(labels),
    'num_errors': wrong,
    'count': len(labels),
  }


def read_photo(path: pathlib.Path, network) -> int:
  """Reads a picture as `python -m mnist_jax.predict` does.

  Returns:
    The digit; -1 unless exactly one is found.
  """
  from mnist_jax.predict import digit_reader

  _, predictions = digit_reader.read(path, network)
  return predictions[0].digit if len(predictions) == 1 else -1


def read_plainly(path: pathlib.Path, network) -> int:
  """Reads a picture as most MNIST projects do: made grey and 28x28.

  A picture with a bright border is inverted, so that the digit is bright.
  """
  pixels = np.asarray(Image.open(path).convert('L').resize((28, 28)))
  border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
  image = 255 - pixels if np.median(border) > 127 else pixels
  return int(network.probabilities(image[None]).argmax())


def say(way: str, name: str, scores: dict) -> None:
  """Prints the accuracy of each set."""
  parts = [
    f'{place} {s["accuracy"]:.2%} ({s["num_errors"]} of {s["count"]} wrong)'
    for place, s in scores.items()
  ]
  print(f'{name:<10} {way:<14}{"  ".join(parts)}')


if __name__ == '__main__':
  absl_flags.run(main)
