"""The comparison of sweeps as calm tables for the console."""

from collections.abc import Mapping, Sequence

from mnist_jax.analysis import html_page
from mnist_jax.analysis.compare import comparison, report
from mnist_jax.analysis.sweep import text


def describe_comparison(compared: Mapping) -> str:
  """Write the test of two sweeps.

  Args:
    compared: what `seed_tests.compare` returned.

  Returns:
    Lines without a last line feed: means, difference, verdict, and what could
    have been shown.
  """
  rows = [['sweep', 'seeds', 'test accuracy', 'other images (Wilson)']]
  for side in (compared['a'], compared['b']):
    interval = text.write_interval(side['images_ci95'], lambda x: f'{x:.2%}')
    rows.append([side['name'], str(side['n']), text.write_mean(side), interval])
  lines = [
    f'{compared["a"]["name"]} against {compared["b"]["name"]}, on '
    f'{compared["count"]:,} test images of {compared["dataset"]}',
    '',
    *report.align(rows),
    '',
    f'difference  {compared["difference"]:+.3%} '
    f'({compared["difference_errors"]:+.1f} errors), second less first',
  ]
  if compared['ci95']:
    lines += _describe_test(compared)
  lines.append(f'verdict     {compared["verdict"]}')
  lines += _count_failed([compared['a'], compared['b']])
  return '\n'.join(
    [
      *lines,
      '',
      text.COVERS.format(count=compared['count']),
    ]
  )


def _count_failed(sides: Sequence[Mapping]) -> list[str]:
  failed = [
    f'{side["failed"]} of {side["name"]}' for side in sides if side['failed']
  ]
  if not failed:
    return []
  return [
    f'failed      {", ".join(failed)}: not in the means, which may be too good'
  ]


def _describe_test(compared: Mapping) -> list[str]:
  interval = ' to '.join(f'{end:+.3%}' for end in compared['ci95'])
  smallest, needed = compared['smallest_difference'], compared['seeds_needed']
  says = 'more than 10,000' if needed is None else f'{needed:,}'
  if not compared['difference']:
    says = 'no number of'
  return [
    f'            95% interval {interval}',
    f'test        {compared["test"]}, p '
    f'{html_page.format_p_value(compared["p"])}',
    f'power       these seeds show a true difference of {smallest:.3%} four '
    'times in five;',
    f'            to show the one seen it takes {says} seeds each, if it and '
    'its spread are true',
  ]


def describe_ablations(rows: Sequence[Mapping], baseline: str) -> str:
  """Write the comparison of several sweeps with the first.

  Args:
    rows: what `seed_tests.ablate` returned.
    baseline: its name.

  Returns:
    Lines without a last line feed.
  """
  table = [
    [
      'sweep',
      'seeds',
      'accuracy',
      'difference',
      '95% interval',
      'errors',
      'adjusted p',
      'shown',
      'could show',
    ],
    *(_write_ablation(row) for row in rows),
  ]
  return '\n'.join(
    [
      f'against {baseline}, the first:',
      '',
      *report.align(table),
      '',
      "p: paired t test if the seeds are the same, else Welch's; adjusted by "
      f'Holm, shown below {comparison.LEVEL}',
      'could show: the smallest true difference shown four times in five, by a '
      'test alone',
    ]
  )


def _write_ablation(row: Mapping) -> list[str]:
  smallest, p = row['smallest_difference'], row['p_adjusted']
  interval = row['ci95']
  return [
    row['name'],
    str(row['n']),
    f'{row["mean"]:.3%}',
    f'{row["difference"]:+.3%}',
    ' to '.join(f'{end:+.3%}' for end in interval) if interval else '-',
    f'{row["difference_errors"]:+.1f}',
    '-' if p is None else html_page.format_p_value(p),
    'yes' if row['differ'] else 'no',
    '-' if smallest is None else f'{smallest:.3%}',
  ]
