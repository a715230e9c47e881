"""Writes the tables of README.md and docs/ from experiments/results/.

python -m experiments.tables
"""

import json
from collections.abc import Callable

import experiments
from configs import tiny
from experiments import photo_calibration, recipe_table, screen
from experiments.ablations import variants
from experiments.benchmark import report as benchmark_report
from experiments.compile_targets import scaling
from experiments.compile_targets import table as targets_table
from experiments.fault_campaign import table as faults_table
from experiments.frontier import report as frontier_report
from experiments.pages import table as pages_table
from mnist_jax.analysis.sweep import report as sweep_report
from mnist_jax.cli import absl_flags

ABLATIONS = 'improved-ablations.json'
DOCUMENTS = (
  experiments.ROOT / 'README.md',
  *sorted((experiments.ROOT / 'docs').glob('*.md')),
)


def read(name: str) -> dict | None:
  """Returns the content of a file in experiments/results/, None without it."""
  path = experiments.RESULTS / name
  return json.loads(path.read_text()) if path.exists() else None


def seeds(found: dict) -> str:
  """Returns the command of a sweep, and its summary."""
  return f'```\n$ {found["command"]}\n{sweep_report.describe(found)}\n```'


def photos(found: dict) -> str:
  """Returns the accuracy on other people's digits."""
  ways = [
    (kind, name, f'`{name}`, {title}')
    for name in found['weights']
    for kind, title in (
      ('weights', 'this pipeline'),
      ('plain_resize', 'plain resize'),
    )
  ]
  ways += [('peers', name, name) for name in found.get('peers', {})]
  lines = [
    f'| set | images | {" | ".join(title for _, _, title in ways)} |',
    f'|---|--:|{"--:|" * len(ways)}',
  ]
  views = {'': found} | {
    f', cut out, {view}': part
    for view, part in found.get('cropped', {}).items()
  }
  for view, part in views.items():
    columns = [part[kind].get(name) for kind, name, _ in ways]
    for place, first in columns[0].items():
      cells = (
        f'{column[place]["accuracy"]:.2%}' if column else '-'
        for column in columns
      )
      lines.append(
        f'| {place}{view} | {first["count"]} | {" | ".join(cells)} |'
      )
  return '\n'.join(lines)


def calibration(found: dict) -> str:
  """Returns how far confidences on photos can be trusted."""
  return photo_calibration.as_markdown(found['calibration'])


def written(name: str, write: Callable[[dict], str]) -> str:
  """Returns what `write` makes of a results file, if there is one yet."""
  found = read(name)
  return write(found) if found else 'Not measured yet.'


def tiny_choice(found: dict) -> str:
  """Returns which settings matter for a network of 10,000 weights."""
  return screen.as_markdown(found, tiny.SETTINGS)


def compile_targets(found: dict) -> str:
  """Returns what the training loops need on other chips."""
  return targets_table.as_markdown(found, ('improved', 'fast'))


def scaling_on_paper(found: dict) -> str:
  """Returns how `improved` scales on TPU v5e; '' without the targets for it."""
  model = scaling.fit(found['targets'], 'improved', 64)
  return scaling.as_markdown(model, 64) if model else ''


PARTS: dict[str, Callable[[], str]] = {
  'results': recipe_table.recipes,
  'projects': recipe_table.projects,
  'epochs': recipe_table.epochs,
  'benchmark': lambda: written('benchmark.json', benchmark_report.table),
  'seeds': lambda: written('fast-seeds.json', seeds),
  'photos': lambda: written('photos.json', photos),
  'calibration': lambda: written('photos.json', calibration),
  'pages': lambda: written('pages.json', pages_table.as_markdown),
  'faults': lambda: written('faults.json', faults_table.as_markdown),
  'compile_targets': lambda: written('compile_targets.json', compile_targets),
  'scaling': lambda: written('compile_targets.json', scaling_on_paper),
  'frontier': lambda: written('frontier.json', frontier_report.as_markdown),
  'screen': lambda: written('improved-screen.json', screen.as_markdown),
  'neighbours': lambda: written('improved-neighbours.json', screen.neighbours),
  'tiny': lambda: written('tiny-choice.json', tiny_choice),
  'ablations': lambda: written(ABLATIONS, variants.as_markdown),
  'ingredients': lambda: written(ABLATIONS, variants.as_sentence),
}


def split(text: str, name: str) -> tuple[str, str, str]:
  """Splits a document at the marks of a part: before, between and after."""
  start, end = f'<!-- {name} -->\n', f'<!-- end of {name} -->'
  before, rest = text.split(start)
  between, after = rest.split(end)
  return before + start, between, end + after


def parts_of(text: str) -> list[str]:
  """Returns the names of the parts that a document has."""
  return [name for name in PARTS if f'<!-- {name} -->\n' in text]


def update() -> None:
  """Writes every part between its marks, in all documents."""
  for path in DOCUMENTS:
    text = path.read_text()
    for name in parts_of(text):
      before, _, after = split(text, name)
      text = f'{before}{PARTS[name]()}\n{after}'
    path.write_text(text)


if __name__ == '__main__':
  absl_flags.run(update)
