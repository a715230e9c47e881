"""The README's tables of recipes, from the sweeps in experiments/results/."""

import json
from collections.abc import Mapping, Sequence

import experiments
from experiments import originals
from mnist_jax.analysis.sweep import summary

# In the order of the table: the recipes that answer a project, then our own.
RECIPES = (
  *originals.RESULTS,
  *('improved:all', 'robust', 'fast', 'balanced', 'tiny:100k', 'tiny:10k'),
)
TO = '\N{EN DASH}'
QUIET = 0.1  # Cores that other programs may use meanwhile.
BESIDE = '\N{DAGGER}'
HEAD = (
  '| recipe | weights | seeds | test accuracy | interval of the mean | errors |'
  ' validation | epochs | training | from |',
  '|---|--:|--:|--:|--:|--:|--:|--:|--:|---|',
)


def results_name(recipe: str) -> str:
  """Returns what the files of a recipe are called: 'tiny-10k-seeds'."""
  return f'{recipe.replace(":", "-")}-seeds'


def read(recipe: str) -> dict | None:
  """Returns the sweep of a recipe as `sweep.json` has it, None without one."""
  path = experiments.RESULTS / f'{results_name(recipe)}.json'
  return json.loads(path.read_text()) if path.exists() else None


def recipes() -> str:
  """Returns the table of recipes as Markdown, a row for each that has run."""
  found = {recipe: read(recipe) for recipe in RECIPES}
  rows = [row(recipe, sweep) for recipe, sweep in found.items() if sweep]
  table = '\n'.join([*HEAD, *rows])
  if BESIDE in table:
    table += f'\n\n{BESIDE} Timed while other programs used {QUIET} cores or '
    table += 'more.'
  return table


def row(recipe: str, sweep: Mapping) -> str:
  """Returns one line of the table of recipes."""
  trials: Sequence[Mapping] = sweep['seeds']
  described = summary.describe_trials(trials)
  test, valid = described['test_accuracy'], described['valid_accuracy']
  errors, first = described['test_errors'], trials[0]
  interval = TO.join(f'{100 * end:.2f}' for end in test['ci95'])
  path = f'experiments/results/{results_name(recipe)}.json'
  cells = (
    f'[`{recipe}`](configs/{recipe.split(":")[0]}.py)',
    f'{first["num_params"]:,}',
    f'{len(trials)}',
    f'**{100 * test["mean"]:.2f} ± {100 * test["sd"]:.2f} %**',
    f'{interval} %',
    f'{errors["mean"]:.1f} ({errors["min"]}{TO}{errors["max"]})',
    f'{valid["mean"]:.2%}'.replace('%', ' %') if valid else '-',
    f'{first["epochs"]:.3g}',
    f'{described["train_seconds"]["mean"]:,.0f} s{mark(trials)}',
    f'[{commits(trials)}]({path})',
  )
  return f'| {" | ".join(cells)} |'


def commits(trials: Sequence[Mapping]) -> str:
  """Returns the commits that trained, each by 7 of its 40 digits."""
  found = {trial['git_commit'] for trial in trials}
  return ', '.join(sorted(commit[:7] + commit[40:] for commit in found))


def mark(trials: Sequence[Mapping]) -> str:
  """Returns the mark of seconds that were taken beside other programs."""
  others = [trial.get('cores_used_by_others', 0.0) for trial in trials]
  return f' {BESIDE}' if max(others) >= QUIET else ''


def projects() -> str:
  """Returns each student project's result beside ours, as Markdown."""
  lines = ['| recipe | the project reports | here |', '|---|---|--:|']
  for recipe, reported in originals.RESULTS.items():
    if sweep := read(recipe):
      described = summary.describe_trials(sweep['seeds'])
      # Project 4 reports its training accuracy.
      split = 'train' if 'training' in reported else 'test'
      mean = 100 * described[f'{split}_accuracy']['mean']
      what = 'training' if split == 'train' else 'test'
      lines.append(f'| `{recipe}` | {reported} | {mean:.2f} % {what} |')
  return '\n'.join(lines)


def epochs() -> str:
  """Returns the epochs that the projects print beside ours, as Markdown.

  Ours are means over the seeds. Empty without the sweeps' metrics.
  """
  parts = []
  for recipe, reported in originals.EPOCHS.items():
    path = experiments.RESULTS / f'{results_name(recipe)}.jsonl'
    if path.exists():
      rows = [json.loads(line) for line in path.read_text().splitlines()]
      parts.append(compare_epochs(recipe, reported, rows))
  return '\n\n'.join(parts)


def compare_epochs(
  recipe: str,
  reported: Mapping[int, Mapping[str, float]],
  rows: Sequence[Mapping],
) -> str:
  """Returns a table of one recipe: a row for each epoch that is reported."""
  names = list(next(iter(reported.values())))
  titles = [name.replace('/', ' ') for name in names]
  head = [
    f'`{recipe}`, epoch',
    *(f'{title}: project | here' for title in titles),
  ]
  lines = [f'| {" | ".join(head)} |', f'|--:|{"--:|" * 2 * len(names)}']
  for epoch, values in reported.items():
    ours = [row for row in rows if round(row['epoch']) == epoch]
    cells = [str(epoch)]
    for name in names:
      mean = sum(row[name] for row in ours) / len(ours)
      cells += [_write(name, values[name]), _write(name, mean)]
    lines.append(f'| {" | ".join(cells)} |')
  return '\n'.join(lines)


def _write(name: str, value: float) -> str:
  return f'{value:.4f}' if name.endswith('loss') else f'{100 * value:.2f} %'
