"""Means, spreads and intervals over the seeds of a recipe.

A sweep has trials: one run each, of one seed and one choice of settings. The
interval of a mean says where the mean over all seeds may lie, on these same
test images. It says nothing of other images; `images_ci95` does.
"""

import json
import math
import statistics as python_statistics
from collections.abc import Mapping, Sequence

from mnist_jax.analysis import statistics


def summarize(trials: Sequence[Mapping]) -> dict:
  """Summarize the trials of a sweep, as `sweep.json` holds it.

  Args:
    trials: objects as in `result.json`, those with other settings than the
      recipe's with `overrides`; one choice of settings after the other.

  Returns:
    In plain JSON types, where all trials have the same settings: what
    `describe_trials` returns. Else `points`, a list of the same, one per choice
    of settings, with its `overrides`; and `best_by_validation`, the overrides
    of the best, or null without validation. The test split never chooses.
  """
  grouped = group(trials)
  if len(grouped) <= 1:
    overrides = grouped[0][0] if grouped else {}
    head = {'overrides': overrides} if overrides else {}
    return head | describe_trials(trials)
  listed = [
    {'overrides': overrides} | describe_trials(same)
    for overrides, same in grouped
  ]
  best = find_best(listed)
  return {'points': listed, 'best_by_validation': best and best['overrides']}


def list_settings(trials: Sequence[Mapping]) -> list[dict]:
  """Summarize each choice of settings of a sweep.

  Returns:
    What `describe_trials` returns, one per choice, in the order of appearance,
    with its `overrides` and its `trials`.
  """
  return [
    {'overrides': overrides, 'trials': same} | describe_trials(same)
    for overrides, same in group(trials)
  ]


def group(trials: Sequence[Mapping]) -> list[tuple[dict, list[Mapping]]]:
  """Group the trials by their settings.

  Returns:
    Pairs of overrides and their trials, in the order of appearance.
  """
  found: dict[str, tuple[dict, list[Mapping]]] = {}
  for trial in trials:
    overrides = trial.get('overrides') or {}
    key = json.dumps(overrides, sort_keys=True)
    found.setdefault(key, (overrides, []))[1].append(trial)
  return list(found.values())


def find_best(listed: Sequence[Mapping]) -> Mapping | None:
  """Choose settings by validation alone.

  Returns:
    Those with the highest mean accuracy; of equal ones those with the lower
    mean loss, then the first. None where some have no validation.
  """
  if not listed or any(one['valid_accuracy'] is None for one in listed):
    return None
  return max(
    listed,
    key=lambda one: (one['valid_accuracy']['mean'], -one['valid_loss']['mean']),
  )


SPLITS = {'test': 'test', 'valid': 'validation'}


def reported_split(trials: Sequence[Mapping]) -> str:
  """Return 'test', or 'valid' for a sweep that has not looked at the test."""
  return 'test' if all(trial.get('test') for trial in trials) else 'valid'


def describe_trials(trials: Sequence[Mapping]) -> dict:
  """Summarize trials of the same settings.

  Returns:
    `n`; `test_accuracy`, `test_errors`, `test_loss`, `valid_accuracy`,
    `valid_errors`, `valid_loss` and `train_accuracy`, each as
    `statistics.describe` returns it, or null where a split is missing;
    `train_seconds` with `mean` and `total`; and `images_ci95`, which bounds the
    accuracy of one network of mean accuracy on other images of the reported
    split (Wilson), usually far wider than over seeds.
  """
  seconds = [trial['train_seconds'] for trial in trials]
  return {
    'n': len(trials),
    'test_accuracy': _describe_split(trials, 'test', 'accuracy'),
    'test_errors': _describe_split(trials, 'test', 'num_errors'),
    'test_loss': _describe_split(trials, 'test', 'loss'),
    'images_ci95': bound_by_images(trials, reported_split(trials)),
    'valid_accuracy': _describe_split(trials, 'valid', 'accuracy'),
    'valid_errors': _describe_split(trials, 'valid', 'num_errors'),
    'valid_loss': _describe_split(trials, 'valid', 'loss'),
    'train_accuracy': _describe_split(trials, 'train', 'accuracy'),
    'train_seconds': {
      'mean': python_statistics.fmean(seconds) if seconds else None,
      'total': math.fsum(seconds),
    },
  }


def _describe_split(
  trials: Sequence[Mapping], split: str, metric: str
) -> dict | None:
  values = [trial[split][metric] for trial in trials if trial.get(split)]
  if not values or len(values) < len(trials):
    return None
  return statistics.describe(values)


def bound_by_images(
  trials: Sequence[Mapping], split: str
) -> list[float] | None:
  """Return Wilson's interval of one network of mean accuracy."""
  if not trials:
    return None
  count = trials[0][split]['count']
  errors = python_statistics.fmean(t[split]['num_errors'] for t in trials)
  return list(statistics.wilson_interval(count - round(errors), count))
