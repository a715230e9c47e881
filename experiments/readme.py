"""The README's table of results, made from experiments/results/."""

import json
import pathlib

ROOT = pathlib.Path(__file__).parent.parent
RESULTS = pathlib.Path(__file__).parent / 'results'
README = ROOT / 'README.md'
START, END = '<!-- results -->', '<!-- end of results -->'

# What each recipe answers: the seed project's figure, as its README gives it.
ANSWERS = {
  'single_conv': '94.97 % test',
  'two_conv': '98 to 99 % test',
  'wide_conv': '98.15 % at epoch 10',
  'basic': 'about 95 % test',
  'improved': 'about 98 % test',
  'simple': '99.83 % training',
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


def update() -> None:
  """Writes the table between the README's two marks."""
  text = README.read_text()
  before, rest = text.split(START)
  after = rest.split(END)[1]
  README.write_text(f'{before}{START}\n{table()}\n{END}{after}')


if __name__ == '__main__':
  update()
