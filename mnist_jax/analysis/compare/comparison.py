"""Which of several runs is better, and whether their difference is chance.

All runs read the same test images, so they are compared image by image, which
shows smaller differences than two separate accuracies can.
"""

import collections
import itertools
import pathlib
from collections.abc import Sequence

import numpy as np

from mnist_jax import errors
from mnist_jax.analysis import statistics
from mnist_jax.analysis.run import classification, label_review, load
from mnist_jax.cli import printable
from mnist_jax.data import class_names as names_lib

# 1,225 pairs, which takes seconds; the work grows with the square.
MAX_RUNS = 50


def name_workdirs(workdirs: Sequence[str | pathlib.Path]) -> list[str]:
  """Name each workdir by its folder, with parents where folders share a name.

  Raises:
    errors.UserError: if a folder comes twice, or there are more than 50.
  """
  if len(workdirs) > MAX_RUNS:
    raise errors.UserError(
      f'{len(workdirs)} workdirs are too many; compare at most {MAX_RUNS}'
    )
  parts = [pathlib.Path(workdir).resolve().parts for workdir in workdirs]
  for workdir, same in zip(workdirs, parts, strict=True):
    if parts.count(same) > 1:
      raise errors.UserError(
        f'{workdir} is given {parts.count(same)} times; give each workdir once'
      )
  names: list[str] = []
  for depth in range(1, max(map(len, parts)) + 1):
    # Figures and pages cannot show the name of a folder that is no UTF-8.
    names = [printable.escape(pathlib.PurePath(*p[-depth:])) for p in parts]
    if len(set(names)) == len(names):
      break
  return names


def compare(runs: Sequence[load.Run], names: Sequence[str]) -> dict:
  """Compare two or more runs, with different names, on the same test images.

  Returns:
    What `comparison.json` holds, in plain JSON types: `dataset`, `class_names`
    where they are not the digits, `count`;
    `runs`, one dict each; `ensemble`; `pairs`, one dict for each two runs in
    the order of `itertools.combinations`; and `everyone_wrong`, the images that
    every run misread, in the order of the test set.

  Raises:
    errors.UserError: if two runs were not tested on the same images.
  """
  for run, name in zip(runs, names, strict=True):
    if problem := _find_difference(runs[0], run):
      raise errors.UserError(
        f'{names[0]} and {name} cannot be compared, {problem}; compare runs '
        'that were tested on the same images'
      )
  labels = runs[0].test.labels
  read = np.stack([run.test.logits.argmax(axis=1) for run in runs])
  described = ('config_name', 'seed', 'num_params', 'train_seconds')
  rows = [
    {'name': name}
    | {key: run.result[key] for key in described}
    | _score(predicted, labels)
    for run, name, predicted in zip(runs, names, read, strict=True)
  ]
  # Each run has the same weight in the mean of their probabilities.
  probabilities = [classification.softmax(run.test.logits) for run in runs]
  ensemble = (sum(probabilities) / np.array(len(runs))).argmax(axis=1)
  mean = float(np.mean([row['accuracy'] for row in rows]))
  dataset, classes = runs[0].result['dataset'], runs[0].class_names
  own_names = {} if names_lib.are_digits(classes) else {'class_names': classes}
  return {
    'dataset': dataset,
    **own_names,
    'count': len(labels),
    'runs': rows,
    'ensemble': _score(ensemble, labels) | {'mean_accuracy': mean},
    'pairs': _compare_pairs(read, labels, names),
    'everyone_wrong': _list_everyone_wrong(read, labels, dataset),
  }


def _find_difference(first: load.Run, run: load.Run) -> str:
  """Say how the test images of two runs differ; '' if they do not."""
  datasets = first.result['dataset'], run.result['dataset']
  if datasets[0] != datasets[1]:
    return f'one is of {datasets[0]} and the other of {datasets[1]}'
  if first.class_names != run.class_names:
    return 'their classes have different names'
  if first.images and run.images and first.images['test'] != run.images['test']:
    return f'both are of {datasets[0]}, but of other files'
  counts = len(first.test.labels), len(run.test.labels)
  if counts[0] != counts[1]:
    return f'one read {counts[0]:,} test images and the other {counts[1]:,}'
  different = np.flatnonzero(first.test.labels != run.test.labels)
  if len(different):
    return (
      f'their labels differ at {len(different):,} test images, first at '
      f'#{different[0]}'
    )
  return ''


def _score(predicted: np.ndarray, labels: np.ndarray) -> dict:
  return classification.score(int((predicted != labels).sum()), len(labels))


def _compare_pairs(
  read: np.ndarray, labels: np.ndarray, names: Sequence[str]
) -> list[dict]:
  pairs = [
    {'a': names[i], 'b': names[j], **_compare_two(read[i], read[j], labels)}
    for i, j in itertools.combinations(range(len(names)), 2)
  ]
  adjusted = statistics.holm([pair['p_value'] for pair in pairs])
  level = f'shown at {statistics.LEVEL:.0%}'
  for pair, p_adjusted in zip(pairs, adjusted, strict=True):
    pair |= {'p_adjusted': p_adjusted, 'differ': p_adjusted < statistics.LEVEL}
    better = name_better(pair)
    verdict = f'{better} is better, {level}' if better else ''
    pair['verdict'] = verdict or f'no difference {level}'
  return pairs


def _compare_two(a: np.ndarray, b: np.ndarray, labels: np.ndarray) -> dict:
  a_right, b_right = a == labels, b == labels
  counts = {
    'both_right': int((a_right & b_right).sum()),
    'only_a': int((a_right & ~b_right).sum()),
    'only_b': int((b_right & ~a_right).sum()),
    'both_wrong': int((~a_right & ~b_right).sum()),
  }
  p_value = statistics.mcnemar(counts['only_a'], counts['only_b'])
  return counts | {'agreement': float((a == b).mean()), 'p_value': p_value}


def name_better(pair: dict) -> str:
  """Name the run of a pair that was shown to be better; '' if none was."""
  if not pair['differ']:
    return ''
  return pair['a'] if pair['only_a'] > pair['only_b'] else pair['b']


def _list_everyone_wrong(
  read: np.ndarray, labels: np.ndarray, dataset: str
) -> list[dict]:
  reviews = label_review.reviews_of(dataset)
  disputed = {i for i, review in reviews.items() if review.disputed}
  return [
    {
      'index': int(index),
      'true': int(labels[index]),
      'predicted': read[:, index].tolist(),
      'disputed': int(index) in disputed,
    }
    for index in np.flatnonzero((read != labels).all(axis=0))
  ]


def tally(predicted: Sequence[int]) -> list[tuple[int, int]]:
  """Count how many runs read each class in one image.

  Returns:
    Classes and numbers of runs; the most frequent first, equal ones in the
    order of the runs.
  """
  return collections.Counter(predicted).most_common()
