"""What many seeds of one recipe say together: means, spreads, intervals.

The interval of a mean says where the mean over all seeds may lie, on these same
test images. It says nothing of other images; `images_ci95` does.
"""

import json
import math
import statistics
from collections.abc import Mapping, Sequence

from scipy import special

from mnist_jax.analysis.run import classification

CONFIDENCE = 0.95


def summarize(results: Sequence[Mapping]) -> dict:
  """Sum up the results of a sweep.

  Args:
    results: objects as in `result.json`, each with `overrides`, the
      hyperparameters of its point; point by point.

  Returns:
    In plain JSON types, for one point: `n`; `test_accuracy`, `test_errors`,
    `test_loss`, `valid_accuracy`, `valid_loss` and `train_accuracy`, each as
    `describe` returns it, or null where a split is missing; `images_ci95`; and
    `train_seconds` with `mean` and `total`. For several points: `points`, a
    list of the same with their `overrides`, and `best_by_validation`, the
    overrides with the highest mean validation accuracy, or null without
    validation. The test split never chooses.
  """
  points = [
    ({'overrides': overrides} if overrides else {}) | _summarize_point(seeds)
    for overrides, seeds in group(results)
  ]
  if len(points) <= 1:
    return points[0] if points else _summarize_point([])
  points = [{'overrides': {}} | point for point in points]
  best = find_best(points)
  return {'points': points, 'best_by_validation': best and best['overrides']}


def list_points(summary: Mapping) -> list[dict]:
  """List the points of what `summarize` returned, also where it is only one."""
  points = summary.get('points', [summary])
  return [{'overrides': {}} | point for point in points if point['n']]


def group(results: Sequence[Mapping]) -> list[tuple[dict, list[Mapping]]]:
  """Part the results by their hyperparameters.

  Args:
    results: objects with or without `overrides`.

  Returns:
    Pairs of the overrides and their results, in the order of appearance.
  """
  points = {}
  for result in results:
    overrides = result.get('overrides') or {}
    key = json.dumps(overrides, sort_keys=True)
    points.setdefault(key, (overrides, []))[1].append(result)
  return list(points.values())


def find_best(points: Sequence[Mapping]) -> Mapping | None:
  """Choose a point by validation alone.

  Args:
    points: dicts with `valid_accuracy` and `valid_loss`.

  Returns:
    The point with the highest mean accuracy; of equal ones that with the lower
    mean loss, then the first. None where a point has no validation.
  """
  if not points or any(point['valid_accuracy'] is None for point in points):
    return None
  return max(
    points,
    key=lambda point: (
      point['valid_accuracy']['mean'],
      -point['valid_loss']['mean'],
    ),
  )


def _summarize_point(results: Sequence[Mapping]) -> dict:
  seconds = [result['train_seconds'] for result in results]
  return {
    'n': len(results),
    'test_accuracy': _describe_split(results, 'test', 'accuracy'),
    'test_errors': _describe_split(results, 'test', 'num_errors'),
    'test_loss': _describe_split(results, 'test', 'loss'),
    'images_ci95': bound_by_images(results),
    'valid_accuracy': _describe_split(results, 'valid', 'accuracy'),
    'valid_loss': _describe_split(results, 'valid', 'loss'),
    'train_accuracy': _describe_split(results, 'train', 'accuracy'),
    'train_seconds': {
      'mean': statistics.fmean(seconds) if seconds else None,
      'total': math.fsum(seconds),
    },
  }


def _describe_split(
  results: Sequence[Mapping], split: str, metric: str
) -> dict | None:
  splits = [result.get(split) for result in results]
  if not splits or None in splits:
    return None
  return describe([scores[metric] for scores in splits])


def describe(values: Sequence[float]) -> dict:
  """Describe a sample of one number per seed.

  Args:
    values: one or more finite numbers.

  Returns:
    `mean`; `sd`, with n - 1; `ci95`, the two ends of the 95 % interval of the
    mean; `min` and `max`. `sd` and `ci95` are None for a single value, which
    says nothing of a spread.

  Source: Student, The Probable Error of a Mean, Biometrika 6 (1908).
  """
  mean, n = statistics.fmean(values), len(values)
  # Exact sums: equal numbers have a spread of 0, and not of 1e-17.
  sd = statistics.stdev(values) if n > 1 else None
  interval = None
  if sd is not None:
    half = student_quantile(n - 1) * sd / math.sqrt(n)
    interval = [mean - half, mean + half]
  ends = {'min': min(values), 'max': max(values)}
  return {'mean': mean, 'sd': sd, 'ci95': interval} | ends


def student_quantile(df: float) -> float:
  """Return how many standard errors a two-sided 95 % interval reaches."""
  return float(special.stdtrit(df, (1 + CONFIDENCE) / 2))


def bound_by_images(results: Sequence[Mapping]) -> list[float] | None:
  """Bound the accuracy on other test images, of one network of mean accuracy.

  Args:
    results: of one point, on the same test images.

  Returns:
    The 95 % Wilson interval, usually far wider than that over seeds; None
    without results.
  """
  if not results:
    return None
  count = results[0]['test']['count']
  num_errors = statistics.fmean(r['test']['num_errors'] for r in results)
  return list(classification.wilson_interval(count - round(num_errors), count))
