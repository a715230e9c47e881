"""Explain a finished run: `python -m mnist_jax.analysis WORKDIR`."""

import argparse
import pathlib
import sys
import types
from collections.abc import Iterator, Sequence

from mnist_jax import errors


def main(argv: Sequence[str] | None = None) -> int:
  """Write the analysis of one workdir and print the paths.

  Args:
    argv: the command line without the program's name; None reads sys.argv.

  Returns:
    The exit code: 0, or 2 after one line on stderr on what the user can mend.
  """
  parser = argparse.ArgumentParser(
    prog='python -m mnist_jax.analysis',
    description='Write figures/, analysis.json and report.html into the '
    'workdir of a finished run, from its stored predictions. An unfinished run '
    'gets its training curves.',
  )
  parser.add_argument('workdir', help='such as runs/improved-seed0')
  try:
    for path in _analyse(parser.parse_args(argv).workdir):
      print(path)
  except errors.UserError as error:
    print(error, file=sys.stderr)
    return 2
  return 0


def _analyse(workdir: str) -> Iterator[pathlib.Path]:
  # Imported late, so that --help need not wait for matplotlib.
  from mnist_jax.analysis import outputs, runs
  from mnist_jax.data import datasets

  try:
    run = runs.load_run(workdir)
  except errors.UserError:
    # Whatever else is wrong with a run, its curves may show why.
    yield outputs.write_curves(workdir)
    raise
  # By the name in the result: the config may have asked for `auto`.
  places = {'valid': 'none', 'manual_dir': '', 'data_dir': ''}
  data = places | run.config['data'] | {'name': run.result['dataset']}
  dataset = datasets.load_dataset(types.SimpleNamespace(**data))
  yield from outputs.write_all(workdir, dataset)


if __name__ == '__main__':
  sys.exit(main())
