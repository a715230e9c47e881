"""Which of two recipes is better over seeds, and what could have been seen.

All tests are on numbers of errors, whole numbers whose differences are exact,
and are reported as accuracies. They cover the choice of seeds only: the test
images are the same ones throughout.
"""

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence

from scipy import stats

from mnist_jax import errors
from mnist_jax.analysis.compare import comparison
from mnist_jax.analysis.sweep import power, summary

CAVEAT = (
  'intervals and p cover the choice of seeds only, on these same test images; '
  'images_ci95 (Wilson) is for one network on other such images'
)


def compare(a: Mapping, b: Mapping, names: Sequence[str] = ('A', 'B')) -> dict:
  """Test whether two sweeps differ in test accuracy.

  Paired over seeds where both have the same ones, else by Welch's test.

  Args:
    a: a sweep of one point, as in `sweep.json`; `seeds` and `failed` are read.
    b: another one, on the same test images.
    names: how to call them in the verdict.

  Returns:
    In plain JSON types: `dataset`, `count` (test images); `a` and `b`, each
    with `name`, `n`, `failed` (seeds not counted), the `mean` and `sd` of its
    test accuracy, `images_ci95`; `test`, the name of the test; `difference`,
    of the mean accuracies, b less a, with `ci95`; `difference_errors`, of the
    mean errors; `p`; `verdict`;
    `smallest_difference` in accuracy that these numbers of seeds show with a
    power of 80 %; `seeds_needed` per sweep to show the difference seen; and
    `caveat`. What cannot be computed is null.

  Raises:
    errors.UserError: if a sweep has no finished seed or several points, or
      they are on other test images.
  """
  first, second = _check(a, names[0]), _check(b, names[1])
  _check_comparable(first, second, names)
  count = first[0]['test']['count']
  sides = [
    _describe_side(name, sweep)
    for name, sweep in zip(names, (a, b), strict=True)
  ]
  contrast = _contrast(first, second)
  compared = {
    'dataset': first[0]['dataset'],
    'count': count,
    'a': sides[0],
    'b': sides[1],
    # Less from 0, which is not negated to -0.0.
    'difference': 0 - contrast.errors / count,
    'difference_errors': contrast.errors,
    **_describe_contrast(contrast, count),
  }
  return compared | {'verdict': _judge(compared), 'caveat': CAVEAT}


def _check(sweep: Mapping, name: str) -> list[Mapping]:
  results = sweep['seeds']
  if not results:
    raise errors.UserError(
      f'{name} has no finished seed, so nothing can be compared; run its sweep '
      'again'
    )
  if len(points := summary.group(results)) > 1:
    raise errors.UserError(
      f'{name} has {len(points)} points of hyperparameters; compare sweeps of '
      'one point'
    )
  return results


def _check_comparable(first, second, names: Sequence[str]):
  for key, results in (('dataset', first[0]), ('count', first[0]['test'])):
    other = second[0]['test'] if key == 'count' else second[0]
    if results[key] != other[key]:
      what = 'test images' if key == 'count' else 'as data set'
      raise errors.UserError(
        f'{names[0]} and {names[1]} cannot be compared, one has {results[key]} '
        f'and the other {other[key]} {what}; compare sweeps that were tested '
        'on the same images'
      )


def _describe_side(name: str, sweep: Mapping) -> dict:
  results = sweep['seeds']
  accuracy = summary.describe([r['test']['accuracy'] for r in results])
  return {
    'name': name,
    'n': len(results),
    'failed': len(sweep.get('failed', ())),
    'mean': accuracy['mean'],
    'sd': accuracy['sd'],
    'images_ci95': summary.bound_by_images(results),
  }


@dataclasses.dataclass(frozen=True)
class _Contrast:
  """A difference of mean errors, b less a, and how sure it is.

  Attributes:
    errors: the difference.
    test: the name of the test; '' where there is none.
    standard_error: of the difference, in errors; 0 where nothing varies.
    df: degrees of freedom.
    p: two-sided; None where nothing varies.
    variance: of the difference of one seed from each.
    df_per_seed: `df` divided by the seeds less one, for equal numbers of them.
  """

  errors: float
  test: str = ''
  standard_error: float = 0.0
  df: float = 0.0
  p: float | None = None
  variance: float = 0.0
  df_per_seed: float = 1.0


def _contrast(first, second) -> _Contrast:
  a, b = (
    {r['seed']: r['test']['num_errors'] for r in x} for x in (first, second)
  )
  difference = statistics.fmean(b.values()) - statistics.fmean(a.values())
  if min(len(a), len(b)) < 2:
    return _Contrast(difference)
  if a.keys() == b.keys():
    return _contrast_pairs([a[seed] for seed in a], [b[seed] for seed in a])
  return _contrast_groups(list(a.values()), list(b.values()))


def _contrast_pairs(a: list[int], b: list[int]) -> _Contrast:
  differences = [y - x for x, y in zip(a, b, strict=True)]
  n, variance = len(a), statistics.variance(differences)
  return _Contrast(
    errors=statistics.fmean(differences),
    test='paired t test',
    standard_error=math.sqrt(variance / n),
    df=n - 1,
    p=float(stats.ttest_rel(b, a).pvalue) if variance else None,
    variance=variance,
  )


def _contrast_groups(a: list[int], b: list[int]) -> _Contrast:
  va, vb = statistics.variance(a), statistics.variance(b)
  ea, eb = va / len(a), vb / len(b)
  contrast = _Contrast(
    errors=statistics.fmean(b) - statistics.fmean(a),
    test="Welch's t test",
    variance=va + vb,
  )
  if not va + vb:
    return contrast
  return dataclasses.replace(
    contrast,
    standard_error=math.sqrt(ea + eb),
    # Satterthwaite's.
    df=(ea + eb) ** 2 / (ea**2 / (len(a) - 1) + eb**2 / (len(b) - 1)),
    p=float(stats.ttest_ind(b, a, equal_var=False).pvalue),
    df_per_seed=(va + vb) ** 2 / (va**2 + vb**2),
  )


def _describe_contrast(contrast: _Contrast, count: int) -> dict:
  described = dict.fromkeys(('ci95', 'smallest_difference', 'seeds_needed'))
  described |= {'test': contrast.test or None, 'p': contrast.p}
  if not contrast.standard_error:
    return described
  error, df = contrast.standard_error / count, contrast.df
  half, middle = summary.student_quantile(df) * error, -contrast.errors / count
  return described | {
    'ci95': [middle - half, middle + half],
    'smallest_difference': power.find_smallest_difference(error, df),
    'seeds_needed': power.count_seeds(
      contrast.errors, contrast.variance, contrast.df_per_seed
    ),
  }


def _judge(compared: Mapping) -> str:
  difference, p = compared['difference'], compared['p']
  if compared['test'] is None:
    return 'nothing can be shown with a single seed; run at least two of each'
  if p is None:
    same = 'all seeds agree' if not difference else 'all seeds differ alike'
    return f'{same}, so chance cannot be judged; run more seeds'
  if p >= comparison.LEVEL:
    return f'no difference shown at {comparison.LEVEL:.0%}'
  better = compared['b' if difference > 0 else 'a']['name']
  return f'{better} is better, shown at {comparison.LEVEL:.0%}'


def ablate(
  baseline: Mapping, variants: Sequence[tuple[str, Mapping]]
) -> list[dict]:
  """Compare each variant with one baseline.

  Args:
    baseline: a sweep of one point.
    variants: one or more names and sweeps, each of one point.

  Returns:
    One dict per variant, in the order given: `name`, `n`, `failed`, `test`;
    the `mean` test accuracy; `difference`, variant less baseline, with `ci95`
    (of each by itself); `difference_errors`; `p`; `p_adjusted` for all
    variants by Holm;
    `differ`, whether that is below 0.05; `smallest_difference`; and
    `seeds_needed`. What cannot be computed is null.

  Raises:
    errors.UserError: if two sweeps cannot be compared.
  """
  rows = []
  for name, sweep in variants:
    compared = compare(baseline, sweep, ('the baseline', name))
    row = {k: compared['b'][k] for k in ('name', 'n', 'failed', 'mean')}
    rows.append(row | {key: compared[key] for key in _KEPT})
  tested = [row for row in rows if row['p'] is not None]
  adjusted = iter(comparison.holm([row['p'] for row in tested]))
  for row in rows:
    row['p_adjusted'] = None if row['p'] is None else next(adjusted)
    row['differ'] = (
      row['p'] is not None and row['p_adjusted'] < comparison.LEVEL
    )
  return rows


_KEPT = (
  'test', 'difference', 'ci95', 'difference_errors', 'p',
  'smallest_difference', 'seeds_needed',
)  # fmt: skip
