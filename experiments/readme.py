"""The README's tables, made from experiments/results/.

python -m experiments.readme
"""

import json
import pathlib

from experiments.benchmark import report as benchmark_report
from mnist_jax.analysis.sweep import report as sweep_report

ROOT = pathlib.Path(__file__).parent.parent
RESULTS = pathlib.Path(__file__).parent / 'results'
README = ROOT / 'README.md'

# What each recipe answers: the seed project's figure, as its README gives it.
ANSWERS = {
  'single_conv': '94.97 % test',
  'two_conv': '98 to 99 % test',
  'wide_conv': '98.15 % at epoch 10',
  'basic': 'about 95 % test',
  'improved': 'about 98 % test',
  'simple': '99.83 % training',
  'robust': 'your own digits',
}


def table() -> str:
  """Returns the table as Markdown, a row for each result that is there."""
  lines = [
    '| recipe | weights | test accuracy | errors | validation | training |'
    ' epochs | training time | it answers |',
    '|---|--:|--:|--:|--:|--:|--:|--:|---|',
  ]
  for name, answer in ANSWERS.items():
    path = RESULTS / f'{name}.json'
    if path.exists():
      lines.append(row(name, answer, json.loads(path.read_text())))
  return '\n'.join(lines)


def row(name: str, answer: str, result: dict) -> str:
  """Returns one line of the table."""
  valid, test = result['valid'], result['test']
  cells = (
    f'[`{name}`](configs/{name}.py)',
    f'{result["num_params"]:,}',
    f'**{test["accuracy"]:.2%}**',
    f'{test["num_errors"]} of {test["count"]:,}',
    f'{valid["accuracy"]:.2%}' if valid else '-',
    f'{result["train"]["accuracy"]:.2%}',
    f'{result["epochs"]:g}',
    f'{result["train_seconds"]:,.0f} s',
    answer,
  )
  return f'| {" | ".join(cells)} |'


def benchmark() -> str:
  """Returns the benchmark's tables, or nothing before it has been run."""
  path = RESULTS / 'benchmark.json'
  if not path.exists():
    return ''
  return benchmark_report.table(json.loads(path.read_text()))


def seeds() -> str:
  """Returns what the committed sweep of `fast` says, or nothing before it."""
  path = RESULTS / 'fast-seeds.json'
  if not path.exists():
    return ''
  text = sweep_report.describe(json.loads(path.read_text()))
  command = json.loads(path.read_text())['command']
  return f'```\n$ {command}\n{text}\n```'


def photos() -> str:
  """Returns the accuracy on other people's digits, or nothing before it."""
  path = RESULTS / 'photos.json'
  if not path.exists():
    return ''
  found = json.loads(path.read_text())
  ways = [
    (f'`{name}`, {title}', found[way][name])
    for name in found['weights']
    for way, title in (
      ('weights', 'this pipeline'),
      ('plain_resize', 'plain resize'),
    )
  ]
  lines = [
    f'| set | images | {" | ".join(title for title, _ in ways)} |',
    f'|---|--:|{"--:|" * len(ways)}',
  ]
  for name, scores in ways[0][1].items():
    cells = (f'{way[name]["accuracy"]:.2%}' for _, way in ways)
    lines.append(f'| {name} | {scores["count"]} | {" | ".join(cells)} |')
  return '\n'.join(lines)


PARTS = {
  'results': table,
  'benchmark': benchmark,
  'seeds': seeds,
  'photos': photos,
}


def split(text: str, name: str) -> tuple[str, str, str]:
  """Splits the README around what stands between the marks of a part."""
  start, end = f'<!-- {name} -->\n', f'<!-- end of {name} -->'
  before, rest = text.split(start)
  between, after = rest.split(end)
  return before + start, between, end + after


def update() -> None:
  """Writes every part between its marks."""
  text = README.read_text()
  for name, make in PARTS.items():
    before, _, after = split(text, name)
    text = f'{before}{make()}\n{after}'
  README.write_text(text)


if __name__ == '__main__':
  update()
