"""A sweep as figures in its folder and tables for the console."""

import json
import pathlib
from collections.abc import Mapping, Sequence

from matplotlib import figure

from mnist_jax.analysis import figure_style, text_table
from mnist_jax.analysis.compare import comparison
from mnist_jax.analysis.sweep import (
  curve_figures,
  hyperparameter_figures,
  load,
  seed_figures,
  significance,
  summary,
  text,
)
from mnist_jax.data import registry
from mnist_jax.workdir import atomic_files

_FIGURES = ('seeds', 'curves', 'hyperparameters', 'differences')


def describe(sweep: Mapping) -> str:
  """Write what a sweep found, as `python -m mnist_jax.analysis` prints it.

  Args:
    sweep: what `sweep.json` holds.

  Raises:
    errors.UserError: if it is no sweep, or damaged.
  """
  return text.describe(load.check(sweep))


def analyse(
  path: str | pathlib.Path, out: str | pathlib.Path | None = None
) -> tuple[str, list[pathlib.Path]]:
  """Describe a finished sweep and draw its figures.

  Args:
    path: the folder with `sweep.json` and the workdirs, or the JSON file of a
      sweep alone, which has no curves.
    out: the folder to write `figures/` into; None takes that of the sweep,
      and NAME-analysis beside a file NAME.json.

  Returns:
    What to print, and the paths written; none if no trial finished.

  Raises:
    errors.UserError: if there is no sweep, it is damaged, or the folder cannot
      be written.
  """
  path = pathlib.Path(path)
  sweep, folder = load.load(path), load.find_folder(path)
  if out is None:
    out = folder or path.with_name(f'{path.stem}-analysis')
  return text.describe(sweep), _write(out, _draw(sweep, folder))


def _write(
  out: str | pathlib.Path, figures: Mapping[str, figure.Figure]
) -> list[pathlib.Path]:
  out = pathlib.Path(out)
  paths = [
    atomic_files.write(out / f'figures/{name}.png', figure_style.to_png(fig))
    for name, fig in figures.items()
  ]
  for name in {*_FIGURES} - figures.keys():
    # Left by an earlier sweep in the same folder.
    (out / f'figures/{name}.png').unlink(missing_ok=True)
  return paths


def _draw(
  sweep: Mapping, folder: pathlib.Path | None
) -> dict[str, figure.Figure]:
  if not (listed := sweep['settings']):
    return {}
  best = summary.find_best(listed)
  # Settings are compared by validation, where there is any.
  split = summary.reported_split(sweep['seeds'])
  split = 'valid' if len(listed) > 1 and best else split
  about = _caption(sweep, len(sweep['seeds']), 'trials')
  note = (
    ' · to report, not to choose settings by'
    if len(listed) > 1 and not best
    else ''
  )
  names = [text_table.format_overrides(one['overrides']) for one in listed]
  rows = [
    (name or sweep['config_name'], settings['trials'])
    for name, settings in zip(names, listed, strict=True)
  ]
  figures = {'seeds': seed_figures.distribution(rows, split, about + note)}
  chosen = best or listed[0]
  seeded = list(load.load_rows(folder, chosen['trials'])) if folder else []
  if seeded:
    caption = _caption(sweep, len(seeded), 'seeds', chosen['overrides'])
    figures['curves'] = curve_figures.curves(seeded, caption)
  drawn = hyperparameter_figures.draw(listed, about)
  return figures | ({'hyperparameters': drawn} if drawn else {})


def _caption(
  sweep: Mapping, number: int, what: str, overrides: Mapping | None = None
) -> str:
  parts = [registry.title(sweep['dataset']), sweep['config_name']]
  if overrides:
    parts.append(text_table.format_overrides(overrides))
  parts.append(f'{number:,} {what if number != 1 else what.removesuffix("s")}')
  if sweep['failed']:
    parts.append(f'{len(sweep["failed"]):,} failed')
  return ' · '.join(parts)


def compare(
  paths: Sequence[str | pathlib.Path], out: str | pathlib.Path
) -> tuple[str, list[pathlib.Path]]:
  """Compare sweeps with the first of them.

  Args:
    paths: folders or files of two sweeps or more; of several settings the best
      by validation stand for a sweep.
    out: the folder for `figures/` and `sweep_comparison.json`.

  Returns:
    What to print, and the paths written.

  Raises:
    errors.UserError: if a sweep is damaged, or they cannot be compared.
  """
  # A sweep.json goes by its folder, so that one given twice is noticed.
  places = [pathlib.Path(path) for path in paths]
  places = [p.parent if p.name == load.NAME else p for p in places]
  names = comparison.name_workdirs(places)
  named = [
    _name_best(name.removesuffix('.json'), load.load(place))
    for name, place in zip(names, places, strict=True)
  ]
  (first, baseline), *variants = named
  # Where one of them has not looked at the test set, validation decides.
  split = summary.reported_split(
    [trial for _, sweep in named for trial in sweep['seeds']]
  )
  if len(variants) == 1:
    pair = baseline, variants[0][1]
    content = significance.compare(*pair, [name for name, _ in named], split)
    said = text.describe_comparison(content)
  else:
    rows = significance.ablate(baseline, variants, split)
    content = {'baseline': first, 'caveat': significance.CAVEAT}
    content['variants'] = rows
    said = text.describe_ablations(rows, first)
  about = f'{registry.title(baseline["dataset"])} · {len(named)} sweeps'
  trials = [(name, sweep['seeds']) for name, sweep in named]
  figures = {
    'seeds': seed_figures.distribution(trials, split, about),
    'differences': seed_figures.ablations(
      baseline, variants, f'{about} · baseline {first}', split
    ),
  }
  written = atomic_files.write(
    pathlib.Path(out) / 'sweep_comparison.json',
    json.dumps(content, indent=1, allow_nan=False).encode(),
  )
  return said, [written, *_write(out, figures)]


def _name_best(name: str, sweep: Mapping) -> tuple[str, dict]:
  """Reduce a sweep to its best settings, and add them to its name."""
  best = load.pick_best(sweep)
  overrides = [one['overrides'] for one in best['settings']]
  if overrides and overrides[0]:
    name = f'{name} ({text_table.format_overrides(overrides[0])})'
  return name, best
