"""A benchmark's results as Markdown tables and as a figure."""

import re
import statistics

from experiments.benchmark import stability, summary
from mnist_jax.analysis import figure_style

# The peers of `worker.PEERS` in words.
PEER_NAMES = {
  'stock_flax': 'stock Flax',
  'pytorch': 'PyTorch',
  'torch_compile': 'torch.compile',
  'tensorflow': 'TensorFlow',
  'keras': 'Keras',
}
WITH = 'with oneDNN'
AGAINST = {
  'vs_stock_flax': 'ours against stock Flax',
  'vs_pytorch': 'ours against PyTorch',
}
OURS, BEST = figure_style.BLUE, figure_style.VERMILLION
BAR = 0.26  # Inches for a bar of the figure.


def table(results: dict) -> str:
  """Returns the results as Markdown: tables of speed and of time to 99 %."""
  parts = [throughput_table(results['throughput']), conditions(results)]
  if results['time_to_99']:
    parts.append(race_table(results['time_to_99']))
  return '\n\n'.join(parts)


def throughput_table(rows: dict) -> str:
  """Returns images per second: ours against the best peer, then all peers."""
  means = summary.geometric_means(rows)
  titles = ['model', 'batch', 'this project', WITH, 'best peer', 'against it']
  ours = [as_head([*titles, f'{WITH}, against it'])]
  peers = [as_head(['model', *PEER_NAMES.values(), *(AGAINST.values())])]
  for name, row in rows.items():
    first = [f'`{name}`', str(row['batch_size'])]
    rates = [rate_cell(row, key) for key in ('ours', 'ours_onednn')]
    best = row['best_peer']
    peer = f'{PEER_NAMES[best]}, {rate_cell(row, best)}'
    ours.append(as_line([*first, *rates, peer, *best_cells(row)]))
    rates = [rate_cell(row, key) for key in PEER_NAMES]
    peers.append(as_line([first[0], *rates, *ratio_cells(row)]))
  ours.append(as_line(['geometric mean', *[''] * 4, *best_cells(means)]))
  blank = [''] * len(PEER_NAMES)
  peers.append(as_line(['geometric mean', *blank, *ratio_cells(means)]))
  return '\n'.join(ours) + '\n\n' + '\n'.join(peers)


def as_head(titles: list[str]) -> str:
  """Returns the first lines of a Markdown table whose cells are numbers."""
  return f'{as_line(titles)}\n|---|{"--:|" * (len(titles) - 1)}'


def as_line(cells: list[str]) -> str:
  """Returns a line of a Markdown table."""
  return re.sub(' +', ' ', f'| {" | ".join(cells)} |')


def rate_cell(row: dict, key: str) -> str:
  """Returns images per second and peak memory; '-' of what was not measured.

  Args:
    row: from `summary.throughput`.
    key: 'ours' or a peer of `worker.PEERS`.
  """
  if key not in row:
    return '-'
  peak = row['peak_mb'].get(row['setups'].get(key, key))
  return f'{row[key]:,.0f}' + (f' ({peak:,.0f} MB)' if peak else '')


def best_cells(ratios: dict) -> list[str]:
  """Returns the ratios to the best peer as cells; '-' if not measured."""
  onednn = ratios.get('onednn_vs_best')
  return [
    f'**{ratios["vs_best"]:.2f} x**',
    f'{onednn:.2f} x' if onednn else '-',
  ]


def ratio_cells(ratios: dict) -> list[str]:
  """Returns the ratios to the peers of AGAINST as cells."""
  return [f'{ratios[key]:.2f} x' for key in AGAINST]


def conditions(results: dict) -> str:
  """Returns a paragraph on machine, versions, load, and the cost of parts."""
  rows, machine = results['throughput'], results['machine']
  loop = ', '.join(
    f'{row["step_in_loop"]:.2f} (`{name}`)' for name, row in rows.items()
  )
  parts = [
    method(results),
    f'Machine: {machine["device"]}; {versions(results["versions"])}.',
    f'Load average at the start {machine["load_average"][0]:.1f}; the rounds '
    'of one contender differ by up to '
    f'{max(row["spread"] for row in rows.values()):.0%}.',
    *instability(rows),
    "Inside the epoch's compiled loop a step takes "
    f'{loop} of the time that it takes alone.',
  ]
  if cost := results['augmentation']:
    parts.append(augmentation(cost['cost']))
  return ' '.join(parts)


def augmentation(cost: float) -> str:
  """Returns a sentence on what augmentation adds to a step, as a share."""
  if cost <= 0:
    return f'No cost of augmentation was measurable ({cost:.1%}).'
  return f'Augmentation adds {cost:.1%} to an `improved` step.'


def method(results: dict) -> str:
  """Returns what the numbers of the table are."""
  rows, plan = results['throughput'].values(), results['plan']
  counts = sorted({row['num_rounds'] for row in rows})
  rounds = ' to '.join(map(str, dict.fromkeys((counts[0], counts[-1]))))
  memory = any(any(row['peak_mb'].values()) for row in rows)
  text = f'Training images per second on {plan["data"]}'
  text += " (and the peak memory of the contender's process)" if memory else ''
  text += (
    f', medians of {rounds} interleaved rounds; PyTorch in the best of four '
    'set-ups (contiguous or channels last; waiting threads that spin or sleep)'
  )
  if any('keras' in row for row in rows):
    text += ', Keras in the better of two (with and without XLA)'
  if any(PEER_NAMES.keys() - row.keys() for row in rows):
    text += '; - was not measured'
  return f'{text}.'


def versions(found: dict[str, str]) -> str:
  """Returns the versions of the frameworks that were measured."""
  names = {
    'jax': 'JAX',
    'flax': 'Flax',
    'torch': 'PyTorch',
    'tensorflow': 'TensorFlow',
    'keras': 'Keras',
  }
  return ', '.join(
    f'{name} {found[key]}' for key, name in names.items() if key in found
  )


def instability(rows: dict) -> list[str]:
  """Returns a sentence on the models whose medians are not stable, or none."""
  models = [
    f'`{name}` ({", ".join(row["unstable"])})'
    for name, row in rows.items()
    if not row['stable']
  ]
  if not models:
    return []
  return [
    f'Not stable, because the last {stability.LAST} rounds still moved a median'
    f' by more than {stability.TOLERANCE:.0%}: {", ".join(models)}.'
  ]


def race_table(race: dict) -> str:
  """Returns a table of the seconds to 99 %."""
  names = {'ours': '`fast`', 'pytorch_recipe': 'PyTorch, one epoch'}
  lines = [
    '| to 99 % | training | whole process | test accuracy | seeds |',
    '|---|--:|--:|--:|--:|',
  ]
  for key, name in names.items():
    row = race[key]
    lines.append(
      f'| {name} | {row["train_seconds"]:.2f} s | {row["total_seconds"]:.2f} s '
      f'| {row["test_accuracy"]:.2%} | {row["num_seeds"]} |'
    )
  lines.append(
    f'| ratio | **{race["train_ratio"]:.2f}** | **{race["total_ratio"]:.2f}** '
    '| | |'
  )
  return '\n'.join(lines)


@figure_style.applied
def draw(results: dict) -> bytes:
  """Draws speed relative to PyTorch, and the time to 99 %; returns a PNG."""
  rows, race = results['throughput'], results['time_to_99']
  num_bars = max(len(bars(row)) for row in rows.values())
  height = BAR * num_bars * len(rows) + (1.4 if race else 0) + 0.5
  fig = figure_style.new_figure(
    height,
    'Training speed on a CPU',
    'Images per second relative to PyTorch; dots are single rounds.',
    f'{results["machine"]["device"]}, {results["date"]}',
  )
  bottom = 1.9 if race else 0.5
  axes = figure_style.add_axes(fig, 1.1, bottom, 5.0, height - bottom)
  for i, row in enumerate(rows.values()):
    _draw_model(axes, i, row)
  axes.set_yticks(range(len(rows)), rows)
  axes.set_ylim(len(rows) - 0.5, -0.5)
  axes.margins(x=0.55)  # For the labels.
  axes.set_xlabel('times the speed of PyTorch')
  if race:
    _draw_race(figure_style.add_axes(fig, 1.1, 0.5, 5.0, 0.8), race)
  return figure_style.to_png(fig)


def bars(row: dict) -> dict[str, str]:
  """Returns the contenders of a model's bars, ours first, with their names."""
  found = row['setups']
  ours = {'ours': 'this project', 'ours_onednn': WITH}
  return {key: ours[key] for key in ours if key in row} | {
    found[peer]: name for peer, name in PEER_NAMES.items() if peer in found
  }


def _draw_model(axes, place: int, row: dict) -> None:
  names = bars(row)
  best = PEER_NAMES[row['best_peer']]
  colors = {'this project': OURS, WITH: OURS, best: BEST}
  for i, (key, name) in enumerate(names.items()):
    rates = [rate / row['pytorch'] for rate in row['rounds'][key]]
    y = place + 0.78 * ((i + 0.5) / len(names) - 0.5)
    width = statistics.median(rates)
    color = colors.get(name, figure_style.PALE)
    axes.barh(y, width, 0.72 / len(names), color=color)
    axes.plot(
      rates, [y] * len(rates), '.', color=figure_style.INK, markersize=2.5
    )
    label = f'  {name}, {width * row["pytorch"]:,.0f} / s'
    ratio = {'ours': 'vs_best', 'ours_onednn': 'onednn_vs_best'}.get(key)
    if ratio in row:
      label += f', {row[ratio]:.2f} x {best}'
    axes.text(
      max(rates), y, label, va='center', color=figure_style.GREY, fontsize=7
    )


def _draw_race(axes, race: dict) -> None:
  rows = {'fast': race['ours'], 'one epoch': race['pytorch_recipe']}
  colors = (OURS, BEST)
  for i, (row, color) in enumerate(zip(rows.values(), colors, strict=True)):
    axes.barh(i, row['total_seconds'], 0.6, color=figure_style.PALE)
    axes.barh(i, row['train_seconds'], 0.6, color=color)
    label = f'  {row["test_accuracy"]:.2%}'
    axes.text(row['total_seconds'], i, label, va='center', fontsize=7)
  axes.set_yticks(range(2), rows)
  axes.invert_yaxis()
  axes.set_xlabel('seconds to 99 %: training (dark) and the whole process')
