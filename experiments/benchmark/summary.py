"""Medians and ratios of timed blocks and runs, as in benchmark.json."""

import statistics

from experiments.benchmark import rounds, stability
from experiments.benchmark.peers import worker


def throughput(measured: dict, batch_size: int) -> dict:
  """Summarises one model.

  Args:
    measured: from `rounds.measure`.
    batch_size: images in a step.

  Returns:
    Images per second as the median of the blocks: of 'ours', of 'ours_onednn'
    where that is built, and of each peer that was measured (`worker.PEERS`)
    in its fastest set-up, whose names are 'setups'; ratios of these medians,
    'vs_best' and 'onednn_vs_best' to that of 'best_peer', the fastest of all
    peers; 'step_in_loop', the time of a step inside the epoch's
    program divided by that of the same step alone; 'spread', the widest range
    of one contender's blocks divided by their median; whether the medians are
    'stable', and the contenders whose are not ('unstable'); the peak memory of
    all processes; and the rates of all blocks.
  """
  rates = {
    name: [batch_size * speed for speed in speeds]
    for name, speeds in rounds.speeds(measured).items()
  }
  medians = {name: statistics.median(rates[name]) for name in rates}
  setups = fastest_setups(medians)
  peers = {peer: medians[name] for peer, name in setups.items()}
  unstable = stability.unsettled(rates)
  return {
    'ours': medians['ours'],
    **peers,
    'setups': setups,
    **ratios(medians['ours'], peers),
    **with_onednn(medians, peers),
    'step_in_loop': medians['ours_alone'] / medians['ours'],
    'batch_size': batch_size,
    'num_params': measured['ours']['num_params'],
    **{field: column(measured, field) for field in ('runs_on', 'peak_mb')},
    'images': {
      name: batch_size * sum(block['steps'] for block in its['blocks'])
      for name, its in measured.items()
    },
    'last_loss': {
      name: its['blocks'][-1]['loss'] for name, its in measured.items()
    },
    'rounds': rates,
    'num_rounds': len(rates['ours']),
    'stable': not unstable,
    'unstable': unstable,
    'spread': max(
      (max(rates[name]) - min(rates[name])) / medians[name]
      for name in ('ours', 'ours_onednn', *setups.values())
      if name in rates
    ),
  }


def fastest_setups(medians: dict[str, float]) -> dict[str, str]:
  """Returns the fastest measured set-up of each peer that was measured."""
  measured = {
    peer: [name for name in names if name in medians]
    for peer, names in worker.PEERS.items()
  }
  return {
    peer: max(names, key=lambda name: medians[name])
    for peer, names in measured.items()
    if names
  }


def ratios(ours: float, peers: dict[str, float]) -> dict:
  """Returns our speed relative to some of the peers, and to the best of all."""
  best = max(peers, key=lambda peer: peers[peer])
  return {
    'vs_stock_flax': ours / peers['stock_flax'],
    'vs_pytorch': ours / peers['pytorch'],
    'vs_best': ours / peers[best],
    'best_peer': best,
  }


def with_onednn(medians: dict[str, float], peers: dict[str, float]) -> dict:
  """Returns our speed with oneDNN, and the same relative to the best peer."""
  if 'ours_onednn' not in medians:
    return {}
  ours = medians['ours_onednn']
  return {'ours_onednn': ours, 'onednn_vs_best': ours / max(peers.values())}


def column(measured: dict, field: str) -> dict:
  """Returns one field of each contender."""
  return {name: its[field] for name, its in measured.items()}


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
  """Returns the geometric means of the ratios that all models have."""
  return {
    name: statistics.geometric_mean(row[name] for row in rows.values())
    for name in ('vs_stock_flax', 'vs_pytorch', 'vs_best', 'onednn_vs_best')
    if all(name in row for row in rows.values())
  }


def race(runs: dict) -> dict:
  """Summarises the time to 99 %, from `race.measure`.

  Seconds are medians and the accuracy is a mean. Of PyTorch's set-ups the one
  that trains fastest is taken.
  """
  rows = {name: _race_row(some) for name, some in runs.items()}
  setups = [name for name in rows if name in worker.PYTORCH]
  best = min(setups, key=lambda name: rows[name]['train_seconds'])
  ours, pytorch = rows['ours'], rows[best]
  return {
    'ours': ours,
    'pytorch_recipe': pytorch | {'best': best},
    'train_ratio': ours['train_seconds'] / pytorch['train_seconds'],
    'total_ratio': ours['total_seconds'] / pytorch['total_seconds'],
    'runs': runs,
  }


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
