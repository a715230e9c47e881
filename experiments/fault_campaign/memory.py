"""The memory of a long run: it must not grow with the number of epochs."""

from experiments.fault_campaign import bench as bench_lib
from experiments.fault_campaign import campaign, processes

NUM_EPOCHS = 50
SETTLED = 10  # The epoch by which everything has been allocated once.
MAX_GROWTH = 0.05
RECIPE = (
  f'--config={bench_lib.CONFIGS}/basic.py:smoke',
  f'--config.total_epochs={NUM_EPOCHS}',
)


def cases(bench: bench_lib.Bench) -> list[campaign.Case]:
  """Returns the case of this family."""
  name = f'memory over {NUM_EPOCHS} epochs'

  def attempt(its: campaign.Try) -> list[str]:
    measured = measure(its)
    bench.measured[name] = measured
    return [judge(**measured)]

  return [campaign.Case(name, 1, 0.5, attempt, workers=1)]


def measure(its: campaign.Try) -> dict[str, float]:
  """Trains, and returns the memory in MB at two of its epochs."""
  arguments = bench_lib.train(its.folder / 'run', RECIPE)
  process = processes.Process(arguments, its.folder)
  found = {}
  for epoch in (SETTLED, NUM_EPOCHS - 1):  # The last is followed by figures.
    bench_lib.wait_for_epoch(process, epoch)
    pid = process.popen.pid
    found[f'memory_at_epoch_{epoch}_mb'] = processes.resident(pid)
  if what := processes.judge(process.wait(), (0,)):
    raise RuntimeError(what)
  return found


def judge(**measured: float) -> str:
  """Returns how much the memory has grown; '' for next to nothing."""
  settled, late = measured.values()
  if not settled or late > (1 + MAX_GROWTH) * settled:
    return f'{settled:.0f} MB at epoch {SETTLED}, then {late:.0f} MB'
  return ''
