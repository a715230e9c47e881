"""Kills, damages and misuses the commands, and counts what survives.

  python -m experiments.fault_campaign                  # Three minutes.
  python -m experiments.fault_campaign --minutes=180    # At full length.
  python -m experiments.fault_campaign --cases=SIGTERM  # One case.

Real processes, real files, and one server on 127.0.0.1. The table and
experiments/results/faults.json say for each case how much was tried, survived
and fell; the file also describes what fell. A run survives when it ends bit for
bit like an unbroken one; a reader when it gives the right numbers, or one line
and code 2; a server when it goes on answering. The exit code is 1 if anything
fell.
"""

import pathlib
import platform
import signal
import sys
import tempfile

from absl import flags

import experiments
from mnist_jax import errors
from mnist_jax.cli import absl_flags
from mnist_jax.workdir import atomic_files

DESCRIBED = 3  # Failures of a case on stderr; the file has MAX_KEPT.
MAX_KEPT = 20

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
      found = measure(pathlib.Path(scratch))
    finally:
      processes.stop()
  print(f'\n{atomic_files.write_json(out, found)}')
  if any(row['fell'] for row in found['cases']):
    sys.exit(1)


def measure(scratch: pathlib.Path) -> dict:
  """Runs the chosen cases and returns the content of faults.json.

  Raises:
    errors.UserError: when no case has such a name.
  """
  from experiments.fault_campaign import bench as bench_lib
  from experiments.fault_campaign import campaign, families
  from mnist_jax.workdir import provenance

  bench = bench_lib.Bench(scratch, _SEED.value)
  cases = choose(families.cases(bench), _CASES.value)
  rows, failures = [], []
  print(f'{"case":<44}{"tried":>8}{"survived":>10}{"fell":>8}')
  for row in campaign.run(
    cases, seed=_SEED.value, seconds=60 * _MINUTES.value, scratch=scratch
  ):
    numbers = row.as_json()
    rows.append(numbers)
    failures += [{'case': row.case} | f for f in row.failures[:MAX_KEPT]]
    say(numbers, row.failures)
  return {
    'command': absl_flags.command('experiments.fault_campaign'),
    'seed': _SEED.value,
    'cases': rows,
    'failures': failures,
    'measured': bench.measured,
    'machine': platform.platform(),
    'versions': provenance.versions(),
    'git_commit': provenance.git_commit(),
  }


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
    f'{row["case"]:<44}{row["tried"]:>8}{row["survived"]:>10}{row["fell"]:>8}',
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
