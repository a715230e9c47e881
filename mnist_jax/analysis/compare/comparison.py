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
from mnist_jax.analysis.run import classification, label_review, load

# 1,225 pairs, which takes seconds; the work grows with the square.
MAX_RUNS = 50
LEVEL = 0.05


def name_workdirs(workdirs: Sequence[str | pathlib.Path]) -> list[str]:
  """Name each workdir by its folder, and by its parents where that is not one.

  Args:
    workdirs: folders, which need not exist.

  Returns:
    As many different names, in the same order.

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
  names = []
  for depth in range(1, max(map(len, parts)) + 1):
    names = [str(pathlib.PurePath(*part[-depth:])) for part in parts]
    if len(set(names)) == len(names):
      break
  return names


def compare(finished: Sequence[load.Run], names: Sequence[str]) -> dict:
  """Compare runs on the test images that all of them read.

  Args:
    finished: two runs or more.
    names: as many, all different.

  Returns:
    What `comparison.json` holds, in plain JSON types: `dataset`, `count`;
    `runs`, one dict each; `ensemble`; `pairs`, one dict for each two runs in
    the order of `itertools.combinations`; and `everyone_wrong`, the images that
    every run misread, in the order of the test set.

  Raises:
    errors.UserError: if two runs were not tested on the same images.
  """
  _check_comparable(finished, names)
  labels = finished[0].test_labels
  read = np.stack([run.test_logits.argmax(axis=1) for run in finished])
  rows = [
    _describe_run(run, name) | _score(predicted, labels)
    for run, name, predicted in zip(finished, names, read, strict=True)
  ]
  dataset = finished[0].result['dataset']
  return {
    'dataset': dataset,
    'count': len(labels),
    'runs': rows,
    'ensemble': {
      **_score(ensemble_probabilities(finished).argmax(axis=1), labels),
      'mean_accuracy': float(np.mean([row['accuracy'] for row in rows])),
    },
    'pairs': _compare_pairs(read, labels, names),
    'everyone_wrong': _list_everyone_wrong(read, labels, dataset),
  }


def _check_comparable(finished: Sequence[load.Run], names: Sequence[str]):
  for run, name in zip(finished, names, strict=True):
    if problem := _find_difference(finished[0], run):
      raise errors.UserError(
        f'{names[0]} and {name} cannot be compared, {problem}; compare runs '
        'that were tested on the same images'
      )


def _find_difference(first: load.Run, run: load.Run) -> str:
  """Say how the test images of two runs differ; '' if they do not."""
  datasets = first.result['dataset'], run.result['dataset']
  if datasets[0] != datasets[1]:
    return f'one is of {datasets[0]} and the other of {datasets[1]}'
  counts = len(first.test_labels), len(run.test_labels)
  if counts[0] != counts[1]:
    return f'one read {counts[0]:,} test images and the other {counts[1]:,}'
  different = np.flatnonzero(first.test_labels != run.test_labels)
  if len(different):
    return (
      f'their labels differ at {len(different):,} test images, first at '
      f'#{different[0]}'
    )
  return ''


def _describe_run(run: load.Run, name: str) -> dict:
  keys = ('config_name', 'seed', 'num_params', 'train_seconds')
  return {'name': name} | {key: run.result[key] for key in keys}


def _score(predicted: np.ndarray, labels: np.ndarray) -> dict:
  return classification.score(int((predicted != labels).sum()), len(labels))


def ensemble_probabilities(finished: Sequence[load.Run]) -> np.ndarray:
  """Average what the runs say, each with the same weight.

  Args:
    finished: one run or more, of the same N test images.

  Returns:
    [N, 10] float64 in [0, 1], the mean of their softmax outputs.
  """
  total = sum(classification.softmax(run.test_logits) for run in finished)
  return total / len(finished)


def _compare_pairs(
  read: np.ndarray, labels: np.ndarray, names: Sequence[str]
) -> list[dict]:
  pairs = [
    {'a': names[i], 'b': names[j], **_compare_two(read[i], read[j], labels)}
    for i, j in itertools.combinations(range(len(names)), 2)
  ]
  adjusted = holm([pair['p_value'] for pair in pairs])
  for pair, p_adjusted in zip(pairs, adjusted, strict=True):
    pair |= {'p_adjusted': p_adjusted, 'differ': p_adjusted < LEVEL}
    pair['verdict'] = _judge(pair)
  return pairs


def _compare_two(a: np.ndarray, b: np.ndarray, labels: np.ndarray) -> dict:
  a_right, b_right = a == labels, b == labels
  counts = {
    'both_right': int((a_right & b_right).sum()),
    'only_a': int((a_right & ~b_right).sum()),
    'only_b': int((b_right & ~a_right).sum()),
    'both_wrong': int((~a_right & ~b_right).sum()),
  }
  p_value = mcnemar(counts['only_a'], counts['only_b'])
  return counts | {'agreement': float((a == b).mean()), 'p_value': p_value}


def _judge(pair: dict) -> str:
  if better := name_better(pair):
    return f'{better} is better, shown at {LEVEL:.0%}'
  return f'no difference shown at {LEVEL:.0%}'


def name_better(pair: dict) -> str:
  """Name the run of a pair that was shown to be better; '' if none was."""
  if not pair['differ']:
    return ''
  return pair['a'] if pair['only_a'] > pair['only_b'] else pair['b']


def mcnemar(only_a: int, only_b: int) -> float:
  """Ask how often chance alone would part two equally good runs so far.

  Were both equally good, each image that only one of them reads right would be
  a toss of a fair coin.

  Args:
    only_a: images that only the first run reads right, at least 0.
    only_b: images that only the second one does.

  Returns:
    The exact two-sided p-value in [0, 1]; 1 where there is no such image.

  Source: Q. McNemar, Note on the Sampling Error of the Difference Between
  Correlated Proportions or Percentages, Psychometrika 12 (1947).
  """
  tosses = only_a + only_b
  ways = total = 1
  # In integers: a float would have to carry thousands of tiny terms.
  for heads in range(min(only_a, only_b)):
    ways = ways * (tosses - heads) // (heads + 1)
    total += ways
  return min(1.0, 2 * total / 2**tosses)


def holm(p_values: Sequence[float]) -> list[float]:
  """Adjust p-values, because of many tests some come out small by chance.

  Args:
    p_values: one or more, in [0, 1].

  Returns:
    As many in [0, 1], in the same order, none smaller than before. Whoever
    believes each difference below 0.05 is, with at least 95 % probability,
    wrong about none of them.

  Source: S. Holm, A Simple Sequentially Rejective Multiple Test Procedure,
  Scandinavian Journal of Statistics 6 (1979).
  """
  order = np.argsort(p_values, kind='stable')
  scaled = np.take(p_values, order) * np.arange(len(order), 0, -1)
  adjusted = np.empty(len(order))
  adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
  return adjusted.tolist()


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
  """Count what the runs read in one image.

  Args:
    predicted: one digit per run.

  Returns:
    Each digit with its number of runs; the most frequent first, equal ones in
    the order of the runs.
  """
  return collections.Counter(predicted).most_common()
