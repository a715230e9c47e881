"""How well other people's digits are read: photos, scans and drawings.

  python -m experiments.photos --data=DIR

DIR holds one folder per set, each with a labels.csv (path,label) whose images
show one digit each. For each set and label the first half of the rows chose
the pipeline and the recipe; the second half, which is the default, reports. An
image counts as right only when exactly one digit is found in it and read right.
The results become experiments/results/photos.json and the README's table.
"""

import collections
import pathlib

import numpy as np
from absl import flags
from PIL import Image

from experiments import readme
from mnist_jax import errors
from mnist_jax.cli import absl_flags
from mnist_jax.workdir import atomic_files

_DATA = flags.DEFINE_string('data', '', 'Folder with one folder per set.')
_HALF = flags.DEFINE_enum(
  'half', 'report', ['choose', 'report'], 'Which half of each set and label.'
)
_WEIGHTS = flags.DEFINE_list(
  'weights', ['robust', 'improved'], 'Names or folders of weights.'
)


def main() -> None:
  """Reads every set with every network; keeps what the second half says."""
  from mnist_jax.distributed import devices
  from mnist_jax.predict import classifier, weights

  sets = find_sets(pathlib.Path(_DATA.value))
  devices.configure_reading()
  found = {'half': _HALF.value, 'weights': {}, 'plain_resize': {}}
  for name in _WEIGHTS.value:
    network = classifier.Classifier(weights.load_weights(name))
    for way, read in (('weights', read_photo), ('plain_resize', read_plainly)):
      found[way][network.name] = {
        place.name: score(list_half(place, _HALF.value), network, read)
        for place in sets
      }
      say(way, network.name, found[way][network.name])
  if _HALF.value == 'report':
    atomic_files.write_json(readme.RESULTS / 'photos.json', found)
    readme.update()


def find_sets(folder: pathlib.Path) -> list[pathlib.Path]:
  """Lists the folders of `folder` that hold a labels.csv.

  Raises:
    errors.UserError: when there is none.
  """
  sets = sorted(path.parent for path in folder.glob('*/labels.csv'))
  if not _DATA.value or not sets:
    raise errors.UserError(
      f'data {_DATA.value!r} holds no folder with a labels.csv; give '
      '--data=DIR with DIR/NAME/labels.csv'
    )
  return sets


def list_half(folder: pathlib.Path, half: str) -> dict[pathlib.Path, int]:
  """Returns the files of one half with their labels."""
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


def score(labels: dict[pathlib.Path, int], network, read) -> dict:
  """Returns accuracy, errors and count of the files in `labels`."""
  wrong = sum(read(path, network) != label for path, label in labels.items())
  return {
    'accuracy': 1 - wrong / len(labels),
    'num_errors': wrong,
    'count': len(labels),
  }


def read_photo(path: pathlib.Path, network) -> int:
  """Reads a picture as `python -m mnist_jax.predict` does.

  Returns:
    The digit; -1 when not exactly one is found.
  """
  from mnist_jax.predict import digit_reader

  answers = digit_reader.read(path, network).answers
  return answers[0].digit if len(answers) == 1 else -1


def read_plainly(path: pathlib.Path, network) -> int:
  """Reads a picture as most MNIST projects do: made grey and 28x28.

  Turned to bright on dark where the border is bright.
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
