"""Sweeps and their comparisons as tables for the console.

Each function returns lines without a last line feed.
"""

from collections.abc import Callable, Mapping, Sequence

from mnist_jax.analysis import statistics, text_table
from mnist_jax.analysis.sweep import summary

_MAX_SETTINGS, _MAX_FAILED = 60, 10
_COVERS = (
  'The intervals cover the choice of seeds only, on these same {count:,} '
  '{split} images.'
)


def describe(sweep: Mapping) -> str:
  """Write what a sweep found: what ran, a table, and what failed.

  Args:
    sweep: what `load.check` returned.
  """
  listed = sweep['settings']
  lines = _describe_head(sweep)
  if len(listed) == 1:
    lines += _describe_one(listed[0])
  elif listed:
    lines += _describe_several(listed)
  lines += _describe_failed(sweep['failed'])
  if listed:
    lines += ['', *_describe_coverage(sweep)]
  return '\n'.join(lines)


def _describe_head(sweep: Mapping) -> list[str]:
  numbers = sorted({trial['seed'] for trial in sweep['seeds']})
  finished, tried = len(sweep['seeds']), len(sweep['seeds'] + sweep['failed'])
  ran = f'{finished:,} of {tried:,} trials finished'
  if numbers:
    ran += f', seeds {_list_numbers(numbers)}'
  about = (sweep['device'], sweep['mode'] and f'mode {sweep["mode"]}')
  lines = [
    f'{sweep["config_name"]} on {sweep["dataset"]}: {ran}',
    ', '.join(text for text in about if text),
    sweep['notice'] and f'Note: {sweep["notice"]}',
  ]
  return [line for line in lines if line]


def _list_numbers(numbers: Sequence[int]) -> str:
  """Write sorted numbers, or their range where none is missing."""
  first, last = numbers[0], numbers[-1]
  if len(numbers) > 2 and last - first == len(numbers) - 1:
    return f'{first} to {last}'
  more = ', …' if len(numbers) > 12 else ''
  return ', '.join(map(str, numbers[:12])) + more


def _describe_one(settings: Mapping) -> list[str]:
  rows = [['', 'mean', 'sd', '95% interval of the mean', 'lowest', 'highest']]
  for name, key, write, write_single in _METRICS:
    if (found := settings[key]) is None:
      continue
    sd = '-' if found['sd'] is None else write(found['sd'])
    interval = _write_interval(found['ci95'], write)
    ends = [write_single(found[end]) for end in ('min', 'max')]
    rows.append([name, write(found['mean']), sd, interval, *ends])
  seconds = settings['train_seconds']
  return [
    f'hyperparameters: {_name(settings)}' if settings['overrides'] else '',
    *text_table.align(rows),
    f'training {text_table.format_seconds(seconds["mean"])} per seed, '
    f'{text_table.format_seconds(seconds["total"])} in all',
  ]


def _write_interval(
  ends: Sequence[float] | None, write: Callable[[float], str] = '{:.2%}'.format
) -> str:
  return '-' if ends is None else '\N{EN DASH}'.join(map(write, ends))


def _write_share(share: float) -> str:
  """Write a mean accuracy in percent, one more digit than single ones have."""
  # A wide interval of few seeds can reach beyond 0 and 100 %.
  return f'{min(max(share, 0), 1):.3%}'


def _write_errors(number: float) -> str:
  return f'{max(number, 0):,.1f}'


_METRICS: tuple = (
  ('test accuracy', 'test_accuracy', _write_share, '{:.2%}'.format),
  ('test errors', 'test_errors', _write_errors, '{:,}'.format),
  ('test loss', 'test_loss', '{:.4f}'.format, '{:.4f}'.format),
  ('validation accuracy', 'valid_accuracy', _write_share, '{:.2%}'.format),
  ('validation errors', 'valid_errors', _write_errors, '{:,}'.format),
  ('training accuracy', 'train_accuracy', _write_share, '{:.2%}'.format),
)


def _describe_several(listed: Sequence[Mapping]) -> list[str]:
  rows = [
    ['hyperparameters', 'seeds', 'validation', '95% interval', 'errors']
    + ['test, to report', 'errors', 'training'],
    *(_write_settings(settings) for settings in listed[:_MAX_SETTINGS]),
  ]
  lines = ['', *text_table.align(rows)]
  if len(listed) > _MAX_SETTINGS:
    lines.append(f'{len(listed) - _MAX_SETTINGS} more settings: sweep.json')
  return [*lines, '', *_describe_choice(listed)]


def _name(settings: Mapping) -> str:
  name = text_table.format_overrides(settings['overrides'])
  return text_table.shorten(name or 'as in the recipe', 48)


def _write_settings(settings: Mapping) -> list[str]:
  valid, test = settings['valid_accuracy'], settings['test_accuracy']
  interval = valid['ci95'] if valid else None
  return [
    _name(settings),
    str(settings['n']),
    _write_mean(valid) if valid else '-',
    _write_interval(interval, _write_share),
    f'{settings["valid_errors"]["mean"]:,.1f}' if valid else '-',
    _write_mean(test) if test else '-',
    f'{settings["test_errors"]["mean"]:,.1f}' if test else '-',
    text_table.format_seconds(settings['train_seconds']['mean']),
  ]


def _write_mean(described: Mapping) -> str:
  """Write a mean and, where there is one, its standard deviation."""
  spread = '' if described['sd'] is None else f' ± {described["sd"]:.3%}'
  return f'{described["mean"]:.3%}{spread}'


def _describe_choice(listed: Sequence[Mapping]) -> list[str]:
  best = summary.find_best(listed)
  if best is None:
    return [
      'No validation split, so no settings are chosen: the test split must not '
      'be used for that. Sweep again with --config.data.valid=writer_disjoint '
      'or random.'
    ]
  lines = [
    f'best by validation: {_name(best)}. Its validation accuracy is the '
    f'highest of {len(listed)}, and so a little too high.'
  ]
  if best['n'] < max(settings['n'] for settings in listed):
    lines.append(
      'These settings have fewer seeds than others: see what failed.'
    )
  return lines


def _describe_failed(failed: Sequence[Mapping]) -> list[str]:
  if not failed:
    return []
  lines = [
    '',
    f'{len(failed):,} failed; the means leave them out, and are too good if '
    'the recipe is to blame:',
  ]
  for trial in failed[:_MAX_FAILED]:
    overrides = text_table.format_overrides(trial['overrides'])
    where = f' ({overrides})' if overrides else ''
    lines.append(f'  seed {trial["seed"]}{where}: {trial["reason"]}')
  if len(failed) > _MAX_FAILED:
    lines.append(f'  and {len(failed) - _MAX_FAILED:,} more: sweep.json')
  return lines


def _describe_coverage(sweep: Mapping) -> list[str]:
  listed, split = sweep['settings'], summary.reported_split(sweep['seeds'])
  if len(listed) > 1:  # Their table has the intervals of validation alone.
    split = 'valid' if summary.find_best(listed) else ''
  count = sweep['seeds'][0][split]['count'] if split else 0
  covers = _COVERS.format(count=count, split=summary.SPLITS.get(split))
  lines = [covers] if split else []
  if all(settings['n'] == 1 for settings in listed):
    lines = ['A single seed says nothing of the spread; run several.']
  if len(listed) == 1:
    interval = _write_interval(listed[0]['images_ci95'])
    lines.append(
      f'For one network on {count:,} other such images: {interval} (Wilson, '
      '95%).'
    )
  return lines


def describe_comparison(compared: Mapping) -> str:
  """Write the test of two sweeps: means, difference, verdict, power.

  Args:
    compared: what `significance.compare` returned.
  """
  sides = compared['a'], compared['b']
  split = compared['split']
  rows = [['sweep', 'seeds', f'{split} accuracy', 'other images (Wilson)']]
  for side in sides:
    interval = _write_interval(side['images_ci95'])
    rows.append([side['name'], str(side['n']), _write_mean(side), interval])
  failed = [f'{s["failed"]} of {s["name"]}' for s in sides if s['failed']]
  about = ', '.join(failed) + ': not in the means, which may be too good'
  return '\n'.join([
    f'{sides[0]["name"]} against {sides[1]["name"]}, on '
    f'{compared["count"]:,} {split} images of {compared["dataset"]}',
    '',
    *text_table.align(rows),
    '',
    f'difference  {compared["difference"]:+.3%} '
    f'({compared["difference_errors"]:+.1f} errors), second minus first',
    *(_describe_test(compared) if compared['ci95'] else ()),
    f'verdict     {compared["verdict"]}',
    *([f'failed      {about}'] if failed else ()),
    '',
    _COVERS.format(count=compared['count'], split=split),
  ])  # fmt: skip


def _describe_test(compared: Mapping) -> list[str]:
  smallest, needed = compared['smallest_difference'], compared['seeds_needed']
  seeds = 'more than 10,000' if needed is None else f'{needed:,}'
  takes = f'the difference seen takes {seeds} seeds each, if it is the true one'
  if not compared['difference']:
    takes = 'no number of seeds shows a difference of 0'
  p = text_table.format_p_value(compared['p'])
  return [
    f'            95% interval {_write_ends(compared["ci95"])}',
    f'test        {compared["test"]}, p {p}',
    f'power       these seeds show a true difference of {smallest:.3%} in 80% '
    'of cases;',
    f'            {takes}',
  ]


def _write_ends(interval: Sequence[float]) -> str:
  return ' to '.join(f'{end:+.3%}' for end in interval)


def describe_ablations(rows: Sequence[Mapping], baseline: str) -> str:
  """Write the comparison of several sweeps with the first.

  Args:
    rows: what `significance.ablate` returned.
    baseline: the name of the first.
  """
  table = [
    ['sweep', 'seeds', 'accuracy', 'difference', '95% interval', 'errors']
    + ['adjusted p', 'shown', 'could show'],
    *(_write_ablation(row) for row in rows),
  ]
  return '\n'.join([
    f'against {baseline}, the first:',
    '',
    *text_table.align(table),
    '',
    "p: paired t test if the seeds are the same, else Welch's; adjusted by "
    f'Holm, shown below {statistics.LEVEL}',
    'could show: the smallest true difference that one test alone shows in 80% '
    'of cases',
  ])  # fmt: skip


def _write_ablation(row: Mapping) -> list[str]:
  smallest, p = row['smallest_difference'], row['p_adjusted']
  return [
    row['name'],
    str(row['n']),
    f'{row["mean"]:.3%}',
    f'{row["difference"]:+.3%}',
    _write_ends(row['ci95']) if row['ci95'] else '-',
    f'{row["difference_errors"]:+.1f}',
    '-' if p is None else text_table.format_p_value(p),
    'yes' if row['differ'] else 'no',
    '-' if smallest is None else f'{smallest:.3%}',
  ]
