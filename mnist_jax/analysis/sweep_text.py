"""Sweeps as calm tables for the console."""

from collections.abc import Mapping, Sequence

from mnist_jax.analysis import (
  comparison,
  comparison_outputs,
  page,
  seeds,
  sweep_hyperparameters,
)

_MAX_POINTS, _MAX_FAILED = 60, 10
_COVERS = (
  'The intervals cover the choice of seeds only, on these same {count:,} test '
  'images.'
)
_IMAGES = (
  'For one network on {count:,} other such images: {interval} (Wilson, 95%).'
)


def describe(sweep: Mapping) -> str:
  """Write what a sweep found.

  Args:
    sweep: what `sweep_checks.check` returned.

  Returns:
    Lines without a last line feed: what ran, a table, the seeds that failed,
    and what the intervals cover.
  """
  points = seeds.list_points(seeds.summarize(sweep['seeds']))
  lines = _describe_head(sweep)
  if len(points) == 1:
    lines += _describe_point(points[0])
  elif points:
    lines += _describe_points(points)
  lines += _describe_failed(sweep['failed'])
  if points:
    lines += ['', *_describe_coverage(sweep, points)]
  return '\n'.join(lines)


def _describe_head(sweep: Mapping) -> list[str]:
  numbers = sorted({result['seed'] for result in sweep['seeds']})
  ran = [f'{len(sweep["seeds"]):,} of {_count_tried(sweep):,} runs finished']
  if numbers:
    ran.append(f'seeds {_list_numbers(numbers)}')
  about = (sweep['device'], sweep['mode'] and f'mode {sweep["mode"]}')
  lines = [
    f'{sweep["config_name"]} on {sweep["dataset"]}: {", ".join(ran)}',
    ', '.join(text for text in about if text),
    sweep['notice'] and f'Note: {sweep["notice"]}',
  ]
  return [line for line in lines if line]


def _count_tried(sweep: Mapping) -> int:
  return len(sweep['seeds']) + len(sweep['failed'])


def _list_numbers(numbers: Sequence[int]) -> str:
  """Write sorted numbers, or their range where none is missing."""
  first, last = numbers[0], numbers[-1]
  if len(numbers) > 2 and last - first == len(numbers) - 1:
    return f'{first} to {last}'
  more = ', …' if len(numbers) > 12 else ''
  return ', '.join(map(str, numbers[:12])) + more


def _describe_point(point: Mapping) -> list[str]:
  rows = [['', 'mean', 'sd', '95% interval of the mean', 'lowest', 'highest']]
  for name, key, write, write_single in _METRICS:
    if point[key] is not None:
      rows.append([name, *_write_metric(point[key], write, write_single)])
  seconds = point['train_seconds']
  return [
    f'hyperparameters: {_name(point)}' if point['overrides'] else '',
    *comparison_outputs.align(rows),
    f'training {page.format_seconds(seconds["mean"])} per seed, '
    f'{page.format_seconds(seconds["total"])} in all',
  ]


def _write_metric(described: Mapping, write, write_single) -> list[str]:
  sd, interval = described['sd'], described['ci95']
  return [
    write(described['mean']),
    '-' if sd is None else write(sd),
    '-' if interval is None else write_interval(interval, write),
    write_single(described['min']),
    write_single(described['max']),
  ]


def write_interval(interval: Sequence[float], write) -> str:
  """Write both ends by a function, with a dash between them."""
  return '\N{EN DASH}'.join(map(write, interval))


def write_share(share: float) -> str:
  """Write a mean accuracy in percent, one more digit than single ones have."""
  # A wide interval of few seeds can leave what an accuracy can be.
  return f'{min(max(share, 0), 1):.3%}'


def _write_errors(number: float) -> str:
  return f'{max(number, 0):,.1f}'


_METRICS = (
  ('test accuracy', 'test_accuracy', write_share, '{:.2%}'.format),
  ('test errors', 'test_errors', _write_errors, '{:,}'.format),
  ('test loss', 'test_loss', '{:.4f}'.format, '{:.4f}'.format),
  ('validation accuracy', 'valid_accuracy', write_share, '{:.2%}'.format),
  ('training accuracy', 'train_accuracy', write_share, '{:.2%}'.format),
)


def _describe_points(points: Sequence[Mapping]) -> list[str]:
  best = seeds.find_best(points)
  rows = [
    ['hyperparameters', 'seeds', 'validation', '95% interval'],
    *([_name(point), *_write_point(point)] for point in points[:_MAX_POINTS]),
  ]
  rows[0] += ['test, to report', 'errors', 'training']
  lines = ['', *comparison_outputs.align(rows)]
  if len(points) > _MAX_POINTS:
    lines.append(f'{len(points) - _MAX_POINTS} more points: sweep.json')
  return [*lines, '', *_describe_choice(points, best)]


def _name(point: Mapping) -> str:
  name = sweep_hyperparameters.format_overrides(point['overrides'])
  name = name or 'as in the recipe'
  return name if len(name) <= 48 else f'{name[:47]}…'


def _write_point(point: Mapping) -> list[str]:
  valid, test = point['valid_accuracy'], point['test_accuracy']
  interval = valid and valid['ci95']
  return [
    str(point['n']),
    _write_mean(valid) if valid else '-',
    write_interval(interval, write_share) if interval else '-',
    _write_mean(test),
    f'{point["test_errors"]["mean"]:,.1f}',
    page.format_seconds(point['train_seconds']['mean']),
  ]


def _write_mean(described: Mapping) -> str:
  spread = '' if described['sd'] is None else f' ± {described["sd"]:.3%}'
  return f'{described["mean"]:.3%}{spread}'


def _describe_choice(points: Sequence[Mapping], best) -> list[str]:
  if best is None:
    return [
      'No validation split, so no point is chosen: the test split must not. '
      'Sweep again with --config.data.valid=writer_disjoint.'
    ]
  lines = [
    f'best by validation: {_name(best)}. Its validation accuracy is the '
    f'highest of {len(points)}, and so a little too high.'
  ]
  if best['n'] < max(point['n'] for point in points):
    lines.append('It has fewer seeds than other points: see what failed.')
  return lines


def _describe_failed(failed: Sequence[Mapping]) -> list[str]:
  if not failed:
    return []
  lines = [
    '',
    f'{len(failed):,} failed; the means are of the others, and so '
    'too good if the recipe is to blame:',
  ]
  for run in failed[:_MAX_FAILED]:
    overrides = sweep_hyperparameters.format_overrides(run['overrides'])
    where = f' ({overrides})' if overrides else ''
    lines.append(f'  seed {run["seed"]}{where}: {run["reason"]}')
  if len(failed) > _MAX_FAILED:
    lines.append(f'  and {len(failed) - _MAX_FAILED:,} more: sweep.json')
  return lines


def _describe_coverage(sweep: Mapping, points: Sequence[Mapping]) -> list[str]:
  count = sweep['seeds'][0]['test']['count']
  lines = [_COVERS.format(count=count)]
  if all(point['n'] == 1 for point in points):
    lines = ['A single seed says nothing of the spread; run several.']
  if len(points) == 1:
    interval = write_interval(points[0]['images_ci95'], lambda x: f'{x:.2%}')
    lines.append(_IMAGES.format(count=count, interval=interval))
  return lines


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
    interval = write_interval(side['images_ci95'], lambda x: f'{x:.2%}')
    rows.append([side['name'], str(side['n']), _write_mean(side), interval])
  lines = [
    f'{compared["a"]["name"]} against {compared["b"]["name"]}, on '
    f'{compared["count"]:,} test images of {compared["dataset"]}',
    '',
    *comparison_outputs.align(rows),
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
      _COVERS.format(count=compared['count']),
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
    f'test        {compared["test"]}, p {page.format_p_value(compared["p"])}',
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
      *comparison_outputs.align(table),
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
    '-' if p is None else page.format_p_value(p),
    'yes' if row['differ'] else 'no',
    '-' if smallest is None else f'{smallest:.3%}',
  ]
