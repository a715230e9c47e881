"""The cases of a campaign, and how they share its time."""

import concurrent.futures
import dataclasses
import itertools
import pathlib
import random
import shutil
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence

from experiments.fault_campaign import processes


@dataclasses.dataclass(frozen=True)
class Try:
  """What one attempt gets.

  Attributes:
    number: 0, 1, 2, ...
    rng: for its random choices.
    folder: empty, its own, and removed afterwards.
    seconds: what is left of the case's time.
  """

  number: int
  rng: random.Random
  folder: pathlib.Path
  seconds: float


Attempt = Callable[[Try], list[str]]


@dataclasses.dataclass(frozen=True)
class Case:
  """One row of the table.

  Attributes:
    name: unique, in words.
    tries: how many things are tried at full length.
    weight: its share of the time, relative to the other cases.
    attempt: returns a line for each thing it tried, '' if that survived, else
      how it failed.
    workers: how many attempts run at the same time.
  """

  name: str
  tries: int
  weight: float
  attempt: Attempt
  workers: int = 2


@dataclasses.dataclass
class Row:
  """What has been tried of a case.

  Attributes:
    case: its name.
    tried: how many things; each has survived or fallen.
    failures: {'attempt': number, 'what': how it failed} of each that failed.
  """

  case: str
  tried: int = 0
  failures: list[dict] = dataclasses.field(default_factory=list)

  def as_json(self) -> dict:
    """Returns the row as faults.json has it."""
    failed = len(self.failures)
    survived = self.tried - failed
    counts = {'tried': self.tried, 'survived': survived, 'failed': failed}
    return {'case': self.case} | counts


def run(
  cases: Sequence[Case], *, seed: int, seconds: float, scratch: pathlib.Path
) -> Iterator[Row]:
  """Runs the cases one after another and yields the row of each.

  Each case gets its share of the time that is left, and at least one attempt.
  The random choices of an attempt depend on the seed, the case and the
  attempt's number only, so that a failure can be repeated.

  Args:
    cases: one or more.
    seed: of all random choices.
    seconds: the time for all cases; the last attempts may exceed it.
    scratch: folder for the folders of the attempts.
  """
  end = time.monotonic() + seconds
  weights = [case.weight for case in cases]
  for i, case in enumerate(cases):
    left = max(0.0, end - time.monotonic())
    share = left * case.weight / sum(weights[i:])
    yield run_case(case, seed=seed, seconds=share, scratch=scratch)


def run_case(
  case: Case, *, seed: int, seconds: float, scratch: pathlib.Path
) -> Row:
  """Makes attempts until the time or the number of tries is reached."""
  row, lock = Row(case.name), threading.Lock()
  numbers = itertools.count()
  deadline = time.monotonic() + seconds  # 0 to stop at once.

  def work() -> None:
    while True:
      with lock:
        number = next(numbers)
        late = time.monotonic() >= deadline
        if not deadline or row.tried >= case.tries or (late and number):
          return
      left = deadline - time.monotonic()
      outcomes = attempt(case, number, seed, scratch, left)
      with lock:
        row.tried += len(outcomes)
        row.failures += [
          {'attempt': number, 'what': what} for what in outcomes if what
        ]

  with concurrent.futures.ThreadPoolExecutor(case.workers) as pool:
    futures = [pool.submit(work) for _ in range(case.workers)]
    try:
      for future in futures:
        future.result()
    except BaseException:  # Ctrl-C: the pool waits, so its commands must end.
      deadline = 0.0
      processes.stop()
      raise
  return row


def attempt(
  case: Case, number: int, seed: int, scratch: pathlib.Path, seconds: float
) -> list[str]:
  """Makes one attempt in a folder of its own, which is removed afterwards."""
  rng = random.Random(f'{seed} {case.name} {number}')
  folder = scratch / f'{case.name.replace(" ", "-")}-{number}'
  folder.mkdir(parents=True)
  try:
    return case.attempt(Try(number, rng, folder, seconds))
  except Exception as error:  # The other cases go on.
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f'{pathlib.Path(place.filename).name}, line {place.lineno}'
    return [f'the campaign itself failed ({where}): {error!r}'[:500]]
  finally:
    shutil.rmtree(folder, ignore_errors=True)


def describe(tried: str, what: str) -> str:
  """Returns '' for what survived, else what was tried and how it failed."""
  return f'{tried}: {what}' if what else ''
