"""Kills, damages and misuses the commands, and counts what survives.

  python -m experiments.fault_campaign                  # Three minutes.
  python -m experiments.fault_campaign --minutes=1440   # As long as it takes.
  python -m experiments.fault_campaign --cases=SIGTERM  # Some of them.

At full length that is about two hours on 2 cores. The file is written after
each case, and with --cases it keeps its rows of the other cases, also of those
that are gone, so that two campaigns with other cases may run side by side.

Real processes, real files, and one server on 127.0.0.1. The table and
experiments/results/faults.json say for each case how much was tried, survived
and failed; the file also describes what failed. A training run survives when it
ends bit for bit like an unbroken one; a command that reads when it gives the
right numbers, or one line and code 2; a server when it goes on answering. The
exit code is 1 if anything failed.
"""

import pathlib
import platform
import signal
import sys
import tempfile
from typing import TypedDict

from absl import flags

import experiments
from mnist_jax import errors
from mnist_jax.cli import absl_flags
from mnist_jax.workdir import atomic_files, json_files

DESCRIBED = 3  # Failures of a case on stderr; the file has MAX_KEPT.
MAX_KEPT = 20


class _Row(TypedDict):
  case: str


class _Found(TypedDict):
  cases: list[_Row]


_MINUTES = flags.DEFINE_float('minutes', 3.0, 'Time for all cases together.')
_SEED = flags.DEFINE_integer('seed', 0, 'Of all random choices.')
_CASES = flags.DEFINE_list(
  'cases', [], 'Parts of the names of the cases to run; all when not given.'
)
_OUT = flags.DEFINE_string(
  'out',
  '',
  'File for the result; experiments/results/faults.json when not given.',
)


def main() -> None:
  """Runs the campaign, and prints and writes what it found.

  Raises:
    errors.UserError: when a flag breaks its rule.
  """
  if not 0 < _MINUTES.value <= 24 * 60:
    raise errors.UserError(
      f'minutes {_MINUTES.value} is out of range; it must be above 0 and at '
      'most 1440'
    )
  out = pathlib.Path(_OUT.value or experiments.RESULTS / 'faults.json')
  # Imported here, so that --help answers at once.
  from experiments.fault_campaign import processes

  with tempfile.TemporaryDirectory(prefix='fault_campaign-') as scratch:
    processes.isolate(pathlib.Path(scratch))
    # As Ctrl-C does: end the commands, remove the folder.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
      has_failed = measure(pathlib.Path(scratch), out)
    finally:
      processes.stop()
  print(f'\n{out}')
  if has_failed:
    sys.exit(1)


def measure(scratch: pathlib.Path, out: pathlib.Path) -> bool:
  """Runs the chosen cases, and writes the file after each.

  Returns:
    Whether anything failed.

  Raises:
    errors.UserError: when no case has such a name, or the file is damaged.
  """
  from experiments.fault_campaign import bench as bench_lib
  from experiments.fault_campaign import campaign, families
  from mnist_jax.workdir import provenance

  bench = bench_lib.Bench(scratch, _SEED.value)
  cases = families.cases(bench)
  names = [case.name for case in cases]
  cases = choose(cases, _CASES.value)
  rows = read_rows(out) if _CASES.value else {}
  about = {
    'command': absl_flags.command('experiments.fault_campaign'),
    'seed': _SEED.value,
    'machine': platform.platform(),
    'versions': provenance.versions(),
    'git_commit': provenance.git_commit(),
  }
  has_failed = False
  print(f'{"case":<44}{"tried":>8}{"survived":>10}{"failed":>8}')
  for row in campaign.run(
    cases, seed=_SEED.value, seconds=60 * _MINUTES.value, scratch=scratch
  ):
    say(row.as_json(), row.failures)
    has_failed |= bool(row.failures)
    if _CASES.value:  # Another campaign may write the file, too.
      rows = read_rows(out)
    rows[row.case] = row.as_json() | {
      'failures': row.failures[:MAX_KEPT],
      'measured': bench.measured.get(row.case, {}),
      'git_commit': about['git_commit'],
    }
    known = [name for name in names if name in rows]
    absent = [name for name in rows if name not in names]  # Not tried here.
    kept = [rows[name] for name in known + absent]
    atomic_files.write_json(out, about | {'cases': kept})
  return has_failed


def read_rows(path: pathlib.Path) -> dict[str, dict]:
  """Returns the rows of an earlier campaign by case; none without a file."""
  found = json_files.read_object(
    path, _Found, way_out='delete it, or choose another --out'
  )
  return {row['case']: row for row in found['cases']} if found else {}


def choose(cases: list, parts: list[str]) -> list:
  """Returns the cases that have one of `parts` in their name.

  Raises:
    errors.UserError: when there is none.
  """
  chosen = [
    case
    for case in cases
    if not parts or any(part in case.name for part in parts)
  ]
  if not chosen:
    raise errors.UserError(
      f'no case is named {",".join(parts)!r}; the cases are '
      f'{", ".join(case.name for case in cases)}'
    )
  return chosen


def say(row: dict, failures: list[dict]) -> None:
  """Prints a row of the table, and the first failures on stderr."""
  print(
    f'{row["case"]:<44}{row["tried"]:>8}{row["survived"]:>10}{row["failed"]:>8}',
    flush=True,
  )
  for failure in failures[:DESCRIBED]:
    print(
      f'  attempt {failure["attempt"]}, seed {_SEED.value}: {failure["what"]}',
      file=sys.stderr,
      flush=True,
    )


if __name__ == '__main__':
  absl_flags.run(main)
