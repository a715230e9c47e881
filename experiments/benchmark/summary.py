"""Medians and ratios of timed blocks and runs, as in benchmark.json."""

import statistics


def throughput(measured: dict, batch_size: int) -> dict:
  """Summarises one model.

  Args:
    measured: from `rounds.measure`.
    batch_size: images in a step.

  Returns:
    Images per second as the median of the blocks, for 'pytorch' in its best
    set-up; ratios of these medians; 'step_in_loop', the time of a step inside
    the epoch's program divided by that of the same step alone; 'spread', the
    widest range of one contender's blocks divided by their median; and the
    rates of all blocks.
  """
  rates = {
    name: [batch_size * b['steps'] / b['seconds'] for b in its['blocks']]
    for name, its in measured.items()
  }
  medians = {name: statistics.median(rates[name]) for name in rates}
  best = max(_pytorch(medians), key=lambda name: medians[name])
  ours, stock = medians['ours'], medians['stock_flax']
  pytorch = medians[best]
  return {
    'ours': ours,
    'stock_flax': stock,
    'pytorch': pytorch,
    'pytorch_best': best,
    'vs_stock_flax': ours / stock,
    'vs_pytorch': ours / pytorch,
    'step_in_loop': medians['ours_alone'] / ours,
    'batch_size': batch_size,
    'num_params': measured['ours']['num_params'],
    'runs_on': {name: its['runs_on'] for name, its in measured.items()},
    'images': {
      name: batch_size * sum(block['steps'] for block in its['blocks'])
      for name, its in measured.items()
    },
    'last_loss': {
      name: its['blocks'][-1]['loss'] for name, its in measured.items()
    },
    'rounds': rates,
    'spread': max(
      (max(rates[name]) - min(rates[name])) / medians[name]
      for name in ('ours', 'stock_flax', best)
    ),
  }


def augmentation(row: dict | None) -> dict:
  """Returns the cost of augmentation.

  Args:
    row: `throughput` of `improved`; None when that was not measured.

  Returns:
    Images per second 'without' and 'with' augmentation, and 'cost', the time
    that it adds to a step as a share of the step without; {} for None.
  """
  if row is None:
    return {}
  with_it = statistics.median(row['rounds']['ours_augmented'])
  return {
    'without': row['ours'],
    'with': with_it,
    'cost': row['ours'] / with_it - 1,
  }


def geometric_means(rows: dict) -> dict:
  """Returns the geometric means of the ratios over all models."""
  return {
    name: statistics.geometric_mean(row[name] for row in rows.values())
    for name in ('vs_stock_flax', 'vs_pytorch')
  }


def race(runs: dict) -> dict:
  """Summarises the time to 99 %, from `race.measure`.

  Seconds are medians and the accuracy is a mean. Of PyTorch's set-ups the one
  that trains fastest is taken.
  """
  rows = {name: _race_row(some) for name, some in runs.items()}
  best = min(_pytorch(rows), key=lambda name: rows[name]['train_seconds'])
  ours, pytorch = rows['ours'], rows[best]
  return {
    'ours': ours,
    'pytorch_recipe': pytorch | {'best': best},
    'train_ratio': ours['train_seconds'] / pytorch['train_seconds'],
    'total_ratio': ours['total_seconds'] / pytorch['total_seconds'],
    'runs': runs,
  }


def _pytorch(names) -> list[str]:
  return [name for name in names if name.startswith('pytorch')]


def _race_row(runs: list[dict]) -> dict:
  def column(name):
    return [run[name] for run in runs]

  return {
    'train_seconds': statistics.median(column('train_seconds')),
    'total_seconds': statistics.median(column('total_seconds')),
    'test_accuracy': statistics.mean(column('test_accuracy')),
    'num_seeds': len(runs),
    'num_params': runs[0]['num_params'],
  }
