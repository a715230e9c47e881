"""A benchmark's results as Markdown tables and as a figure."""

import statistics

from experiments.benchmark import summary
from mnist_jax.analysis import figure_style

COLORS = {
  'this project': figure_style.BLUE,
  'stock Flax': figure_style.PALE,
  'PyTorch': figure_style.VERMILLION,
}


def table(results: dict) -> str:
  """Returns the results as Markdown: tables of speed and of time to 99 %."""
  parts = [throughput_table(results['throughput']), conditions(results)]
  if results['time_to_99']:
    parts.append(race_table(results['time_to_99']))
  return '\n\n'.join(parts)


def throughput_table(rows: dict) -> str:
  """Returns a table of images per second, a row for each model."""
  lines = [
    '| model | batch | this project | stock Flax | PyTorch | against stock Flax'
    ' | against PyTorch |',
    '|---|--:|--:|--:|--:|--:|--:|',
  ]
  for name, row in rows.items():
    lines.append(
      f'| `{name}` | {row["batch_size"]} | {row["ours"]:,.0f} | '
      f'{row["stock_flax"]:,.0f} | {row["pytorch"]:,.0f} | '
      f'{row["vs_stock_flax"]:.2f} x | **{row["vs_pytorch"]:.2f} x** |'
    )
  means = summary.geometric_means(rows)
  lines.append(
    f'| geometric mean | | | | | {means["vs_stock_flax"]:.2f} x | '
    f'**{means["vs_pytorch"]:.2f} x** |'
  )
  return '\n'.join(lines)


def conditions(results: dict) -> str:
  """Returns a paragraph on machine, versions, load, and the cost of parts."""
  rows, machine = results['throughput'], results['machine']
  plan, versions = results['plan'], results['versions']
  loop = ', '.join(
    f'{row["step_in_loop"]:.2f} (`{name}`)' for name, row in rows.items()
  )
  parts = [
    f'Training images per second on {plan["data"]}, medians of '
    f'{plan["rounds"]} interleaved rounds; PyTorch in the best of four set-ups '
    '(contiguous or channels last; waiting threads that spin or sleep).',
    f'Machine: {machine["device"]}; JAX {versions["jax"]}, Flax '
    f'{versions["flax"]}, PyTorch {versions["torch"]}.',
    f'Load average at the start {machine["load_average"][0]:.1f}; the rounds '
    'of one contender differ by up to '
    f'{max(row["spread"] for row in rows.values()):.0%}.',
    "A step inside the epoch's compiled loop takes, in times of the same step "
    f'called alone, {loop}.',
  ]
  if cost := results['augmentation']:
    parts.append(f'Augmentation adds {cost["cost"]:.1%} to an `improved` step.')
  return ' '.join(parts)


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
  height = 0.75 * len(rows) + (1.4 if race else 0) + 0.5
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
  axes.margins(x=0.3)  # For the labels.
  axes.set_xlabel('times the speed of PyTorch')
  if race:
    _draw_race(figure_style.add_axes(fig, 1.1, 0.5, 5.0, 0.8), race)
  return figure_style.to_png(fig)


def _draw_model(axes, place: int, row: dict) -> None:
  keys = ('ours', 'stock_flax', row['pytorch_best'])
  for key, name, offset in zip(keys, COLORS, (-0.26, 0, 0.26), strict=True):
    rates = [rate / row['pytorch'] for rate in row['rounds'][key]]
    y, width = place + offset, statistics.median(rates)
    axes.barh(y, width, 0.24, color=COLORS[name])
    axes.plot(
      rates, [y] * len(rates), '.', color=figure_style.INK, markersize=2.5
    )
    label = f'  {name}, {width * row["pytorch"]:,.0f} / s'
    axes.text(
      max(rates), y, label, va='center', color=figure_style.GREY, fontsize=7
    )


def _draw_race(axes, race: dict) -> None:
  rows = {'fast': race['ours'], 'one epoch': race['pytorch_recipe']}
  colors = (COLORS['this project'], COLORS['PyTorch'])
  for i, (row, color) in enumerate(zip(rows.values(), colors, strict=True)):
    axes.barh(i, row['total_seconds'], 0.6, color=figure_style.PALE)
    axes.barh(i, row['train_seconds'], 0.6, color=color)
    label = f'  {row["test_accuracy"]:.2%}'
    axes.text(row['total_seconds'], i, label, va='center', fontsize=7)
  axes.set_yticks(range(2), rows)
  axes.invert_yaxis()
  axes.set_xlabel('seconds to 99 %: training (dark) and the whole process')
