"""Sweeps as calm tables for the console."""

from collections.abc import Mapping, Sequence

from mnist_jax.analysis import html_page
from mnist_jax.analysis.compare import report
from mnist_jax.analysis.sweep import hyperparameters, summary

_MAX_POINTS, _MAX_FAILED = 60, 10
COVERS = (
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
  points = summary.list_points(summary.summarize(sweep['seeds']))
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
    *report.align(rows),
    f'training {html_page.format_seconds(seconds["mean"])} per seed, '
    f'{html_page.format_seconds(seconds["total"])} in all',
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
  best = summary.find_best(points)
  rows = [
    ['hyperparameters', 'seeds', 'validation', '95% interval'],
    *([_name(point), *_write_point(point)] for point in points[:_MAX_POINTS]),
  ]
  rows[0] += ['test, to report', 'errors', 'training']
  lines = ['', *report.align(rows)]
  if len(points) > _MAX_POINTS:
    lines.append(f'{len(points) - _MAX_POINTS} more points: sweep.json')
  return [*lines, '', *_describe_choice(points, best)]


def _name(point: Mapping) -> str:
  name = hyperparameters.format_overrides(point['overrides'])
  name = name or 'as in the recipe'
  return name if len(name) <= 48 else f'{name[:47]}…'


def _write_point(point: Mapping) -> list[str]:
  valid, test = point['valid_accuracy'], point['test_accuracy']
  interval = valid and valid['ci95']
  return [
    str(point['n']),
    write_mean(valid) if valid else '-',
    write_interval(interval, write_share) if interval else '-',
    write_mean(test),
    f'{point["test_errors"]["mean"]:,.1f}',
    html_page.format_seconds(point['train_seconds']['mean']),
  ]


def write_mean(described: Mapping) -> str:
  """Write a mean and, where there is one, its standard deviation."""
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
    overrides = hyperparameters.format_overrides(run['overrides'])
    where = f' ({overrides})' if overrides else ''
    lines.append(f'  seed {run["seed"]}{where}: {run["reason"]}')
  if len(failed) > _MAX_FAILED:
    lines.append(f'  and {len(failed) - _MAX_FAILED:,} more: sweep.json')
  return lines


def _describe_coverage(sweep: Mapping, points: Sequence[Mapping]) -> list[str]:
  count = sweep['seeds'][0]['test']['count']
  lines = [COVERS.format(count=count)]
  if all(point['n'] == 1 for point in points):
    lines = ['A single seed says nothing of the spread; run several.']
  if len(points) == 1:
    interval = write_interval(points[0]['images_ci95'], lambda x: f'{x:.2%}')
    lines.append(_IMAGES.format(count=count, interval=interval))
  return lines
