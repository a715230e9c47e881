"""A sweep explained: figures into its folder, tables for the console."""

import json
import pathlib
from collections.abc import Mapping, Sequence

from matplotlib import figure

from mnist_jax import errors
from mnist_jax.analysis import figure_style
from mnist_jax.analysis.compare import comparison
from mnist_jax.analysis.run import load as run_load
from mnist_jax.analysis.sweep import (
  checks,
  curve_figures,
  hyperparameter_figures,
  hyperparameters,
  load,
  seed_figures,
  significance,
  summary,
  test_text,
)
from mnist_jax.analysis.sweep import text as text_lib
from mnist_jax.workdir import atomic_files

_FIGURES = ('seeds', 'curves', 'hyperparameters', 'differences')


def describe(sweep: str | pathlib.Path | Mapping) -> str:
  """Write what a sweep found, as `python -m mnist_jax.analysis` prints it.

  Args:
    sweep: its folder, its file, or what `sweep.json` holds.

  Returns:
    Lines without a last line feed.

  Raises:
    errors.UserError: if it is no sweep, or damaged.
  """
  if isinstance(sweep, Mapping):
    return text_lib.describe(checks.check(sweep))
  return text_lib.describe(load.load(sweep))


def write_sweep(
  path: str | pathlib.Path, out: str | pathlib.Path | None = None
) -> list[pathlib.Path]:
  """Draw the figures of a finished sweep.

  Args:
    path: the folder with `sweep.json` and the workdirs, or the JSON file of a
      sweep alone, which has no curves.
    out: the folder to write `figures/` into; None takes that of the sweep,
      and NAME-analysis beside a file NAME.json.

  Returns:
    The paths written; none if no seed finished.

  Raises:
    errors.UserError: if there is no sweep, it is damaged, or the folder cannot
      be written.
  """
  path = pathlib.Path(path)
  folder = load.find_folder(path)
  if out is None:
    out = folder or path.with_name(f'{path.stem}-analysis')
  return _write(out, _draw(load.load(path), folder))


def _write(
  out: str | pathlib.Path,
  figures: Mapping[str, figure.Figure],
  contents: Mapping[str, bytes] | None = None,
) -> list[pathlib.Path]:
  out = pathlib.Path(out)
  paths = [
    atomic_files.write(out / f'figures/{name}.png', figure_style.to_png(fig))
    for name, fig in figures.items()
  ]
  for name in {*_FIGURES} - figures.keys():
    # Left by an earlier sweep in the same folder.
    (out / f'figures/{name}.png').unlink(missing_ok=True)
  return [
    atomic_files.write(out / n, c) for n, c in (contents or {}).items()
  ] + paths


def _draw(
  sweep: Mapping, folder: pathlib.Path | None
) -> dict[str, figure.Figure]:
  if not sweep['seeds']:
    return {}
  points = summary.list_points(summary.summarize(sweep['seeds']))
  figures = {'seeds': _draw_seeds(sweep, points)}
  if seeded := folder and _load_curves(sweep, folder):
    about = _caption(sweep, len(seeded[1]), seeded[0])
    figures['curves'] = curve_figures.curves(seeded[1], about)
  if len(points) > 1:
    about = _caption(sweep, len(sweep['seeds']), what='runs')
    drawn = hyperparameter_figures.draw(points, about)
    figures |= {'hyperparameters': drawn} if drawn else {}
  return figures


def _caption(
  sweep: Mapping, number: int, overrides: Mapping | None = None, what='seeds'
) -> str:
  parts = [run_load.title_dataset(sweep['dataset']), sweep['config_name']]
  if overrides:
    parts.append(hyperparameters.format_overrides(overrides))
  what = what if number != 1 else what.removesuffix('s')
  parts.append(f'{number:,} {what}')
  if sweep['failed']:
    parts.append(f'{len(sweep["failed"]):,} failed')
  return ' · '.join(parts)


def _draw_seeds(sweep: Mapping, points: Sequence[Mapping]) -> figure.Figure:
  grouped = summary.group(sweep['seeds'])
  names = [
    hyperparameters.format_overrides(overrides) or sweep['config_name']
    for overrides, _ in grouped
  ]
  results = [seeded for _, seeded in grouped]
  # What compares points must not be the test split, where it can be helped.
  chooses = len(points) > 1 and summary.find_best(points) is not None
  about = _caption(sweep, len(sweep['seeds']), what='runs')
  if len(points) > 1 and not chooses:
    about += ' · to report, not to choose by'
  rows = list(zip(names, results, strict=True))
  return seed_figures.distribution(rows, 'valid' if chooses else 'test', about)


def _load_curves(sweep: Mapping, folder: pathlib.Path):
  """Load the rows of the best point, or of the first without validation."""
  try:
    chosen, overrides = load.pick_best(sweep)
    results = chosen['seeds']
  except errors.UserError:
    overrides, results = summary.group(sweep['seeds'])[0]
  seeded = [rows for rows in load.load_rows(folder, results) if rows]
  return (overrides, seeded) if seeded else None


def compare(
  paths: Sequence[str | pathlib.Path], out: str | pathlib.Path
) -> tuple[str, list[pathlib.Path]]:
  """Compare sweeps with the first of them.

  Args:
    paths: folders or files of two sweeps or more; of several points the best
      by validation stands for a sweep.
    out: the folder for `figures/` and `sweep_comparison.json`.

  Returns:
    What to print, and the paths written.

  Raises:
    errors.UserError: if a sweep is damaged, or they cannot be compared.
  """
  paths = [_name_folder(path) for path in paths]
  names = [
    name.removesuffix('.json') for name in comparison.name_workdirs(paths)
  ]
  picked = [load.pick_best(load.load(path)) for path in paths]
  for i, (_, overrides) in enumerate(picked):
    if overrides:
      chosen = hyperparameters.format_overrides(overrides)
      names[i] = f'{names[i]} ({chosen})'
  loaded = [sweep for sweep, _ in picked]
  said, content = _test(loaded, names)
  about = (
    f'{run_load.title_dataset(loaded[0]["dataset"])} · {len(paths)} sweeps'
  )
  results = [sweep['seeds'] for sweep in loaded]
  rows = list(zip(names, results, strict=True))
  variants = list(zip(names, loaded, strict=True))[1:]
  figures = {
    'seeds': seed_figures.distribution(rows, 'test', about),
    'differences': seed_figures.ablations(
      loaded[0], variants, f'{about} · baseline {names[0]}'
    ),
  }
  text = json.dumps(content, indent=1, allow_nan=False).encode()
  return said, _write(out, figures, {'sweep_comparison.json': text})


def _name_folder(path: str | pathlib.Path) -> pathlib.Path:
  """Name a sweep.json by its folder, so that one given twice is noticed."""
  path = pathlib.Path(path)
  return path.parent if path.name == load.NAME else path


def _test(loaded: Sequence[Mapping], names: Sequence[str]) -> tuple[str, dict]:
  if len(loaded) == 2:
    compared = significance.compare(*loaded, names)
    return test_text.describe_comparison(compared), compared
  variants = list(zip(names, loaded, strict=True))[1:]
  rows = significance.ablate(loaded[0], variants)
  side = {'baseline': names[0], 'caveat': significance.CAVEAT}
  said = test_text.describe_ablations(rows, names[0])
  return said, side | {'variants': rows}
