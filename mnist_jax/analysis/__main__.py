"""Explain a finished run or sweep, or compare several.

python -m mnist_jax.analysis WORKDIR [WORKDIR ...]
"""

from mnist_jax.cli import interrupts

if __name__ == '__main__':
  interrupts.install()

import argparse
import hashlib
import os
import pathlib
import sys
from collections.abc import Iterator, Sequence

from mnist_jax import errors
from mnist_jax.cli import argparse_args
from mnist_jax.workdir import paths

MAX_NAME = 100  # Letters in the name of a comparison's folder.


def main(argv: Sequence[str] | None = None) -> int:
  """Write the analysis of one workdir, or of several; return the exit code."""
  return argparse_args.run(_print_all, argv)


def _print_all(argv: Sequence[str] | None) -> int:
  given = _parse(argv)
  argparse_args.load_config(given.config)
  out = given.out and str(paths.expand(given.out))
  for line in _choose(given.workdirs, out):
    print(line, flush=True)  # The next one may take seconds.
  return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
  parser = argparse_args.Parser(
    prog='python -m mnist_jax.analysis',
    description='Of one finished run, write figures/, analysis.json and '
    'report.html into its workdir, from its stored predictions; an unfinished '
    'one gets its training curves. Compare several runs image by image, and '
    'write figures/, comparison.json and comparison.html into --out. Of a '
    'sweep over seeds (its folder, or its JSON file) print a table and write '
    'figures/; several sweeps are tested against the first.',
  )
  parser.add_argument(
    'workdirs', nargs='*', metavar='WORKDIR', help='such as runs/basic-seed0'
  )
  parser.add_argument(
    '--out',
    help='folder of a comparison, one below comparisons/ with the names of the '
    'runs when not given; or of the figures of a sweep',
  )
  argparse_args.add_config(parser)
  given = parser.parse_args(argv)
  if not given.workdirs:
    parser.error('give the workdir of a run, or several to compare them')
  return given


def _choose(
  workdirs: Sequence[str], out: str | None
) -> Iterator[str | pathlib.Path]:
  """Yield what to print: texts, and the paths of the files written."""
  # Imported late, here and below, so that --help need not wait for matplotlib.
  if _are_sweeps(workdirs):
    from mnist_jax.analysis.sweep import report

    if len(workdirs) == 1:
      text, paths = report.analyse(workdirs[0], out)
    else:
      text, paths = report.compare(workdirs, out or _name_folder(workdirs))
    yield f'{text}\n'
    yield from paths
  elif len(workdirs) > 1:
    yield from _compare(workdirs, out or _name_folder(workdirs))
  elif out is not None:
    raise errors.UserError(
      '--out is for several workdirs, and for sweeps; leave it out for one run'
    )
  else:
    yield from _analyse(*workdirs)


def _name_folder(workdirs: Sequence[str]) -> str:
  """Return the folder of a comparison, from the names of what it compares."""
  from mnist_jax.analysis.compare import comparison

  names = '-'.join(comparison.name_workdirs(workdirs)).replace(os.sep, '_')
  if len(names) > MAX_NAME:
    checksum = hashlib.sha256(names.encode(errors='replace')).hexdigest()
    names = f'{names[: MAX_NAME - 9]}-{checksum[:8]}'
  return f'comparisons/{names}'


def _are_sweeps(workdirs: Sequence[str]) -> bool:
  """Return whether all are sweeps, or none; a mixture is an error."""
  from mnist_jax.analysis.sweep import load

  found = {load.is_sweep(path): path for path in workdirs}
  if len(found) == 2:
    raise errors.UserError(
      f'{found[True]} is a sweep and {found[False]} is none; give workdirs of '
      'runs alone, or sweeps alone'
    )
  return True in found


def _analyse(workdir: str) -> Iterator[pathlib.Path]:
  from mnist_jax.analysis.run import load, report

  try:
    run = load.load_run(workdir)
  except errors.UserError:
    # Whatever else is wrong with a run, its curves may show why.
    yield report.write_curves(workdir)
    raise
  yield from report.write_all(workdir, run, _load_dataset(run))


def _compare(workdirs: Sequence[str], out: str) -> Iterator[str | pathlib.Path]:
  from mnist_jax.analysis.compare import comparison, report
  from mnist_jax.analysis.run import load

  names = comparison.name_workdirs(workdirs)
  runs = [load.load_run(workdir) for workdir in workdirs]
  compared = comparison.compare(runs, names)
  yield report.to_text(compared)
  yield from report.write_all(out, runs, compared, _load_dataset(runs[0]))


def _load_dataset(run):
  import ml_collections

  from mnist_jax.data import datasets

  # By the name in the result: the config may have asked for `auto`.
  places = {'valid': 'none', 'manual_dir': '', 'data_dir': ''}
  data = places | run.config['data'] | {'name': run.result['dataset']}
  if data['name'] not in datasets.DATASETS:
    raise errors.UserError(
      f'the run is on the data set {data["name"]!r}, which a recipe adds; '
      'give --config=RECIPE'
    )
  try:
    return datasets.load_dataset(ml_collections.ConfigDict(data))
  except errors.UserError:
    raise
  except Exception as error:  # A recipe is Python: it can raise anything.
    reason = f'{type(error).__name__}: {errors.first_line(error)}'
    raise errors.UserError(
      f'the data set {data["name"]!r} cannot be loaded ({reason}); correct the '
      'recipe'
    ) from error


if __name__ == '__main__':
  sys.exit(main())
