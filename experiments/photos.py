"""Measures how well other people's digits are read: photos, scans, drawings.

  python -m experiments.photos --data=DIR

DIR holds one folder per set, each with a labels.csv (path,label) whose images
show one digit each. The pipeline and the recipe were tuned on the first half of
the rows of each set and label; the second half, which is the default, gives the
numbers to report. An image counts as right only when exactly one digit is found
in it and read right. The same images are also read after they are cut to the
digit with small margins, and the whole ones by other programs where they are
installed (`photo_peers`), since that takes long. The first half also shows how
far the confidences can be trusted (`photo_calibration`). The results become
experiments/results/photos.json and tables in docs/photos.md and the cards.
"""

import collections
import itertools
import pathlib
from collections.abc import Callable

import numpy as np
import tqdm
from absl import flags
from PIL import Image

import experiments
from experiments import photo_calibration, photo_views
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

# Pixels [H, W] uint8 -> the digits found.
Reader = Callable[[np.ndarray], tuple[int, ...]]
# Per set, per view (a key of photo_views.VIEWS), per kind and name of reader,
# whether each image is read right.
Right = dict[str, dict[str, dict[tuple[str, str], list[bool]]]]


def main() -> None:
  """Reads every set with every reader; keeps the numbers of the second half.

  Raises:
    errors.UserError: when the sets or the weights cannot be read.
  """
  sets = find_sets(_DATA.value, _HALF.value)
  chosen_on = find_sets(_DATA.value, 'choose')
  if not _WEIGHTS.value:
    raise errors.UserError('no weights are given; try --weights=robust')
  # Imported here, so that --help and mistyped flags are answered at once.
  from experiments import tables
  from experiments.publish import pretrained
  from mnist_jax.distributed import devices
  from mnist_jax.predict import classifier, weights

  devices.configure_reading()
  networks = [
    classifier.Classifier(weights.load_weights(n)) for n in _WEIGHTS.value
  ]
  right = read_sets(sets, make_readers(networks))
  found = {'half': _HALF.value} | summarize(right)
  print(describe(found))
  for one, other in itertools.combinations(_names(right, 'weights'), 2):
    print(compare(right, one, other))
  found['calibration'] = photo_calibration.measure(chosen_on, networks[0])
  print(photo_calibration.as_markdown(found['calibration']))
  if _HALF.value == 'report':
    atomic_files.write_json(experiments.RESULTS / 'photos.json', found)
    tables.update()
    pretrained.write_cards()


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


def make_readers(networks: list) -> dict[tuple[str, str], Reader]:
  """Returns readers by kind and name.

  Args:
    networks: some `classifier.Classifier`. Each gives two readers: 'weights',
      behind our pipeline, and 'plain_resize'. Installed programs are 'peers'.
  """
  from experiments import photo_peers
  from experiments.pages import score

  readers: dict[tuple[str, str], Reader] = {}
  for network in networks:
    readers['weights', network.name] = lambda pixels, network=network: (
      score.read(pixels, network).labels
    )
    readers['plain_resize', network.name] = lambda pixels, network=network: (
      read_plainly(pixels, network)
    )
  for name, peer in photo_peers.load_installed().items():
    readers['peers', name] = lambda pixels, peer=peer: peer(pixels, 'digit')
  return readers


def read_plainly(pixels: np.ndarray, network) -> tuple[int, ...]:
  """Reads a picture as most MNIST projects do: made 28x28.

  A picture with a bright border is inverted, so that the digit is bright.
  """
  small = np.asarray(Image.fromarray(pixels).resize((28, 28)))
  border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
  image = 255 - small if np.median(border) > 127 else small
  return (int(network.probabilities(image[None]).argmax()),)


def read_sets(
  sets: dict[str, dict[pathlib.Path, int]],
  readers: dict[tuple[str, str], Reader],
) -> Right:
  """Reads every view of every image with every reader.

  Returns:
    Whether exactly one digit is found, and read right.
  """
  right: Right = {}
  # None: the bar is shown on a terminal only.
  with tqdm.tqdm(
    total=sum(map(len, sets.values())), leave=False, disable=None
  ) as bar:
    for name, labels in sets.items():
      views = right[name] = {
        view: {
          reader: []
          for reader in readers
          if reader[0] != 'peers' or view == photo_views.WHOLE
        }
        for view in photo_views.VIEWS
      }
      for path, label in labels.items():
        for view, pixels in photo_views.look(path).items():
          for reader, found in views[view].items():
            found.append(readers[reader](pixels) == (label,))
        bar.update()
  return right


def summarize(right: Right) -> dict:
  """Returns what photos.json holds beside the name of the half.

  Returns:
    'weights', 'plain_resize' and 'peers': {reader: {set: score}} of whole
    images; 'cropped': the same for each of photo_views.MARGINS. A score has
    'accuracy' in [0, 1], 'num_errors' and 'count'.
  """
  found = {
    view: {
      kind: {
        name: {place: score(v[view][kind, name]) for place, v in right.items()}
        for name in _names(right, kind, view)
      }
      for kind in ('weights', 'plain_resize', 'peers')
    }
    for view in photo_views.VIEWS
  }
  return found.pop(photo_views.WHOLE) | {'cropped': found}


def score(right: list[bool]) -> dict:
  """Returns accuracy, errors and count of one or more images."""
  return {
    'accuracy': sum(right) / len(right),
    'num_errors': len(right) - sum(right),
    'count': len(right),
  }


def _names(right: Right, kind: str, view: str = photo_views.WHOLE) -> list[str]:
  """Returns the names of the readers of a kind that have read a view."""
  views = next(iter(right.values()))
  return [name for found, name in views[view] if found == kind]


def describe(found: dict) -> str:
  """Returns a line for each view, reader and set."""
  lines = []
  for view, part in [(photo_views.WHOLE, found), *found['cropped'].items()]:
    for kind in ('weights', 'plain_resize', 'peers'):
      for name, scores in part[kind].items():
        cells = '  '.join(
          f'{place} {s["accuracy"]:.2%} ({s["num_errors"]} of {s["count"]} '
          'wrong)'
          for place, s in scores.items()
        )
        lines.append(f'{view:<11}{name:<10} {kind:<13}{cells}')
  return '\n'.join(lines)


def compare(right: Right, one: str, other: str) -> str:
  """Returns McNemar's test of two weights on the same images, all sets."""
  from mnist_jax.analysis import statistics

  lines = []
  for view in photo_views.VIEWS:
    by_one, by_other = (
      np.concatenate([views[view]['weights', n] for views in right.values()])
      for n in (one, other)
    )
    only_one = int((by_one & ~by_other).sum())
    only_other = int((by_other & ~by_one).sum())
    lines.append(
      f'{view:<11}right by {one} only: {only_one}, by {other} only: '
      f'{only_other}, p = {statistics.mcnemar(only_one, only_other):.3g}'
    )
  return '\n'.join(lines)


if __name__ == '__main__':
  absl_flags.run(main)
