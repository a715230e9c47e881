"""Whether two recipes differ over seeds, by paired or by Welch's t test.

All tests are on numbers of errors, whole numbers whose differences are exact,
and are reported as accuracies. They cover the choice of seeds only: the test
images are the same ones throughout.
"""

import dataclasses
import math
import statistics as python_statistics
from collections.abc import Mapping, Sequence

from scipy import stats

from mnist_jax import errors
from mnist_jax.analysis import statistics
from mnist_jax.analysis.sweep import power, summary

CAVEAT = (
  'intervals and p cover the choice of seeds only, on these same images; '
  'images_ci95 (Wilson) is for one network on other such images'
)


def compare(
  a: Mapping,
  b: Mapping,
  names: Sequence[str] = ('A', 'B'),
  split: str = 'test',
) -> dict:
  """Test whether two sweeps differ in accuracy.

  Paired over seeds where both have the same ones, else by Welch's test.

  Args:
    a: a sweep of one choice of settings; `seeds` and `failed` are read.
    b: another one, on the same test images.
    names: what to call them in the verdict.
    split: 'test', or 'valid' where every trial has one.

  Returns:
    In plain JSON types: `dataset`, `split`, `count` (its images); `a` and `b`,
    each with `name`, `n`, `failed` (seeds not counted), the `mean` and `sd` of
    its accuracy, `images_ci95`; `test`, the name of the test; `difference`,
    of the mean accuracies, b minus a, with `ci95`; `difference_errors`, of the
    mean errors; `p`; `verdict`; `smallest_difference` in accuracy that these
    numbers of seeds show with a power of 80 %; `seeds_needed` per sweep to show
    the difference seen; and `caveat`. What cannot be computed is null.

  Raises:
    errors.UserError: if a sweep has no finished trial or several settings, or
      they are on other test images.
  """
  first, second = _check(a, names[0]), _check(b, names[1])
  _check_comparable(a, b, names, split)
  count = first[0][split]['count']
  contrast = _contrast(first, second, split)
  compared = {
    'dataset': first[0]['dataset'],
    'split': summary.SPLITS[split],
    'count': count,
    'a': _describe_side(names[0], a, split),
    'b': _describe_side(names[1], b, split),
    # Subtracted from 0, because -0 would be written as -0.0.
    'difference': 0 - contrast.errors / count,
    'difference_errors': contrast.errors,
    **_describe_contrast(contrast, count),
  }
  return compared | {'verdict': _judge(compared), 'caveat': CAVEAT}


def _check(sweep: Mapping, name: str) -> list[Mapping]:
  if (number := len(summary.group(sweep['seeds']))) != 1:
    raise errors.UserError(
      f'{name} has finished trials of {number} settings; only sweeps of one '
      'can be compared'
    )
  return sweep['seeds']


def _check_comparable(a: Mapping, b: Mapping, names: Sequence[str], split: str):
  trials = [sweep['seeds'][0] for sweep in (a, b)]
  counts = [trial[split]['count'] if trial[split] else 0 for trial in trials]
  pairs = [
    (*(trial['dataset'] for trial in trials), 'as data set'),
    (*counts, f'{summary.SPLITS[split]} images'),
  ]
  if split == 'valid':  # Two splits may have as many images.
    splits = (sweep['config']['data']['valid'] for sweep in (a, b))
    pairs.append((*splits, 'as data.valid'))
  for one, other, what in pairs:
    if one != other:
      raise errors.UserError(
        f'{names[0]} and {names[1]} cannot be compared, one has {one} and the '
        f'other {other} {what}; compare sweeps that were tested on the same '
        'images'
      )


def _describe_side(name: str, sweep: Mapping, split: str) -> dict:
  described = summary.describe_trials(sweep['seeds'])
  accuracy = described[f'{split}_accuracy']
  return {
    'name': name,
    'n': described['n'],
    'failed': len(sweep['failed']),
    'mean': accuracy['mean'],
    'sd': accuracy['sd'],
    'images_ci95': summary.bound_by_images(sweep['seeds'], split),
  }


@dataclasses.dataclass(frozen=True)
class _Contrast:
  """A difference of mean errors, b minus a, and how certain it is."""

  errors: float
  test: str | None = None  # None where there is none.
  variance: float = 0.0  # Of the difference of one seed from each.
  standard_error: float = 0.0  # In errors; 0 where nothing varies.
  df: float = 0.0  # Degrees of freedom.
  df_per_seed: float = 1.0  # Divided by the seeds minus one.


def _contrast(
  first: Sequence[Mapping], second: Sequence[Mapping], split: str
) -> _Contrast:
  a, b = (
    {trial['seed']: trial[split]['num_errors'] for trial in trials}
    for trials in (first, second)
  )
  means = [python_statistics.fmean(side.values()) for side in (a, b)]
  difference = means[1] - means[0]
  if min(len(a), len(b)) < 2:
    return _Contrast(difference)
  if a.keys() == b.keys():
    differences = [b[seed] - a[seed] for seed in a]
    n, variance = len(a), python_statistics.variance(differences)
    error = math.sqrt(variance / n)
    mean = python_statistics.fmean(differences)
    return _Contrast(mean, 'paired t test', variance, error, n - 1)
  va, vb = (python_statistics.variance(side.values()) for side in (a, b))
  if not va + vb:
    return _Contrast(difference, "Welch's t test")
  ea, eb = va / len(a), vb / len(b)
  return _Contrast(
    difference,
    "Welch's t test",
    variance=va + vb,
    standard_error=math.sqrt(ea + eb),
    # Satterthwaite's.
    df=(ea + eb) ** 2 / (ea**2 / (len(a) - 1) + eb**2 / (len(b) - 1)),
    df_per_seed=(va + vb) ** 2 / (va**2 + vb**2),
  )


def _describe_contrast(contrast: _Contrast, count: int) -> dict:
  described = dict.fromkeys(
    ('ci95', 'p', 'smallest_difference', 'seeds_needed')
  ) | {'test': contrast.test}
  if not contrast.standard_error:
    return described
  error, df = contrast.standard_error / count, contrast.df
  half = statistics.student_quantile(df) * error
  middle = -contrast.errors / count
  return described | {
    'ci95': [middle - half, middle + half],
    'p': float(2 * stats.t.sf(abs(middle) / error, df)),
    'smallest_difference': power.find_smallest_difference(error, df),
    'seeds_needed': power.count_seeds(
      contrast.errors, contrast.variance, contrast.df_per_seed
    ),
  }


def _judge(compared: Mapping) -> str:
  difference, p = compared['difference'], compared['p']
  if compared['test'] is None:
    return (
      'nothing can be shown with a single seed; run at least two seeds each'
    )
  if p is None:
    same = (
      'all seeds agree'
      if not difference
      else 'all seeds differ by the same number'
    )
    return f'{same}, so chance cannot be judged; run more seeds'
  if p >= statistics.LEVEL:
    return f'no difference shown at {statistics.LEVEL:.0%}'
  better = compared['b' if difference > 0 else 'a']['name']
  return f'{better} is better, shown at {statistics.LEVEL:.0%}'


def ablate(
  baseline: Mapping,
  variants: Sequence[tuple[str, Mapping]],
  split: str = 'test',
) -> list[dict]:
  """Compare each variant with one baseline.

  Args:
    baseline: a sweep of one choice of settings.
    variants: one or more names and such sweeps.
    split: 'test', or 'valid' where every trial has one.

  Returns:
    One dict per variant, in the order given: `name`, `n`, `failed` and `mean`
    of its side, and what `compare` returns of the difference (`ci95` is of each
    by itself); `p_adjusted` for all variants by Holm; and `differ`, whether
    that is below 0.05. What cannot be computed is null.

  Raises:
    errors.UserError: if two sweeps cannot be compared.
  """
  rows = []
  for name, sweep in variants:
    compared = compare(baseline, sweep, ('the baseline', name), split)
    row = {k: compared['b'][k] for k in ('name', 'n', 'failed', 'mean')}
    rows.append(row | {key: compared[key] for key in _KEPT})
  tested = [row for row in rows if row['p'] is not None]
  adjusted = iter(statistics.holm([row['p'] for row in tested]))
  for row in rows:
    p = row['p_adjusted'] = None if row['p'] is None else next(adjusted)
    row['differ'] = p is not None and p < statistics.LEVEL
  return rows


_KEPT = (
  'test', 'difference', 'ci95', 'difference_errors', 'p',
  'smallest_difference', 'seeds_needed',
)  # fmt: skip
