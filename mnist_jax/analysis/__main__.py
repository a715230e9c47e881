"""Explain a finished run or sweep, or compare several.

python -m mnist_jax.analysis WORKDIR [WORKDIR ...]
"""

import argparse
import pathlib
import sys
import types
from collections.abc import Iterator, Sequence

from mnist_jax import errors


def main(argv: Sequence[str] | None = None) -> int:
  """Write the analysis of one workdir, or of several side by side.

  Args:
    argv: the command line without the program's name; None reads sys.argv.

  Returns:
    The exit code: 0, or 2 after one line on stderr on what the user can mend.
  """
  try:
    for line in _choose(**vars(_parse(argv))):
      print(line)
  except errors.UserError as error:
    print(' '.join(str(error).split()), file=sys.stderr)
    return 2
  return 0


# Not absl: that knows no positional arguments, and command_line.run would look
# for a recipe among them.
class _Parser(argparse.ArgumentParser):
  def error(self, message: str):
    raise errors.UserError(f'{message}; --help shows what to give')


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
  parser = _Parser(
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
    help='folder of a comparison, comparison when not given; or of the figures '
    'of a sweep',
  )
  given = parser.parse_args(argv)
  if not given.workdirs:
    parser.error('give the workdir of a run, or several to compare them')
  return given


def _choose(
  workdirs: Sequence[str], out: str | None
) -> Iterator[str | pathlib.Path]:
  if _are_sweeps(workdirs):
    act = _analyse_sweep if len(workdirs) == 1 else _compare_sweeps
    return act(workdirs, out)
  if len(workdirs) > 1:
    return _compare(workdirs, out)
  if out is not None:
    raise errors.UserError(
      '--out is for several workdirs, and for sweeps; leave it out for one run'
    )
  return _analyse(*workdirs)


def _analyse(workdir: str) -> Iterator[pathlib.Path]:
  # Imported late, so that --help need not wait for matplotlib.
  from mnist_jax.analysis.run import load, report

  try:
    run = load.load_run(workdir)
  except errors.UserError:
    # Whatever else is wrong with a run, its curves may show why.
    yield report.write_curves(workdir)
    raise
  yield from report.write_all(workdir, _load_dataset(run))


def _compare(
  workdirs: Sequence[str], out: str | None
) -> Iterator[str | pathlib.Path]:
  from mnist_jax.analysis.compare import comparison, report
  from mnist_jax.analysis.run import load

  names = comparison.name_workdirs(workdirs)
  finished = [load.load_run(workdir) for workdir in workdirs]
  compared = comparison.compare(finished, names)
  yield report.to_text(compared)
  yield from report.write_all(
    'comparison' if out is None else out,
    finished,
    compared,
    _load_dataset(finished[0]),
  )


def _are_sweeps(workdirs: Sequence[str]) -> bool:
  """Tell whether all are sweeps, or none; both together are refused."""
  from mnist_jax.analysis.sweep import load

  found = {load.is_sweep(path): path for path in workdirs}
  if len(found) == 2:
    raise errors.UserError(
      f'{found[True]} is a sweep and {found[False]} is none; give workdirs of '
      'runs alone, or sweeps alone'
    )
  return True in found


def _analyse_sweep(
  workdirs: Sequence[str], out: str | None
) -> Iterator[str | pathlib.Path]:
  from mnist_jax.analysis.sweep import report

  yield f'{report.describe(workdirs[0])}\n'
  yield from report.write_sweep(workdirs[0], out)


def _compare_sweeps(
  workdirs: Sequence[str], out: str | None
) -> Iterator[str | pathlib.Path]:
  from mnist_jax.analysis.sweep import report

  said, paths = report.compare(workdirs, 'comparison' if out is None else out)
  yield f'{said}\n'
  yield from paths


def _load_dataset(run):
  from mnist_jax.data import datasets

  # By the name in the result: the config may have asked for `auto`.
  places = {'valid': 'none', 'manual_dir': '', 'data_dir': ''}
  data = places | run.config['data'] | {'name': run.result['dataset']}
  return datasets.load_dataset(types.SimpleNamespace(**data))


if __name__ == '__main__':
  sys.exit(main())
