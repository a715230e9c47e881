"""The small run that most cases use, unbroken and finished once."""

import hashlib
import json
import pathlib
import shutil
import signal
import threading

import numpy as np
from PIL import Image

import experiments
from experiments.fault_campaign import processes
from mnist_jax.data import uci_digits
from mnist_jax.workdir import workdir as workdir_lib

CONFIGS = experiments.ROOT / 'configs'
NUM_EPOCHS = 6
RECIPE = (
  f'--config={CONFIGS}/single_conv.py:smoke',
  f'--config.total_epochs={NUM_EPOCHS}',
  '--config.data.valid=random',
  '--config.select=best_valid',
  '--config.optim.lr=0.05',
)
ALONE = (*RECIPE, '--config.num_devices=1')


class Bench:
  """What the cases share; each part is made when it is first needed."""

  def __init__(self, scratch: pathlib.Path, seed: int):
    self.scratch, self.seed = scratch, seed
    self.measured: dict[str, dict] = {}  # Numbers by case, for faults.json.
    self._lock = threading.RLock()
    self._made: dict[str, pathlib.Path] = {}

  @property
  def finished(self) -> pathlib.Path:
    """The workdir of an unbroken run."""
    return self._make('finished', self._run)

  @property
  def unfinished(self) -> pathlib.Path:
    """The workdir of a run that a signal stopped in the middle."""
    return self._make('unfinished', self._stop)

  @property
  def picture(self) -> pathlib.Path:
    """A picture of one digit."""
    return self._make('digit.png', self._draw)

  @property
  def answer(self) -> str:
    """What the weights of the unbroken run read in the picture, as JSON."""
    return self._make('answer.json', self._read).read_text()

  def copy(self, source: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Copies a workdir into the folder of an attempt."""
    return pathlib.Path(shutil.copytree(source, folder / 'run'))

  def _make(self, name, make) -> pathlib.Path:
    with self._lock:
      if name not in self._made:
        path = self.scratch / 'bench' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
        self._made[name] = path
      return self._made[name]

  def _run(self, path: pathlib.Path) -> None:
    done = processes.run(train(path, ALONE), path.parent)
    if done.code:
      raise RuntimeError(f'the unbroken run has failed: {done.stderr}')

  def _stop(self, path: pathlib.Path) -> None:
    for _ in range(10):  # On a busy machine a run may end before the signal.
      process = processes.Process(train(path, ALONE), path.parent)
      wait_for_epoch(process, NUM_EPOCHS // 2)
      process.send(signal.SIGTERM)
      if not process.wait().code and not (path / 'result.json').exists():
        return
      shutil.rmtree(path)
    raise RuntimeError('no run stops in the middle at SIGTERM')

  def _draw(self, path: pathlib.Path) -> None:
    Image.fromarray(255 - uci_digits.load().test_images[0]).save(path)

  def _read(self, path: pathlib.Path) -> None:
    done = processes.run(predict(self.finished, self.picture), path.parent)
    if done.code:
      raise RuntimeError(f'the picture cannot be read: {done.stderr}')
    path.write_text(done.stdout)


def train(
  workdir: pathlib.Path | str | bytes, recipe: tuple[str, ...]
) -> list[str | bytes]:
  """Returns the arguments of Python that train in `workdir`."""
  flag: str | bytes = f'--workdir={workdir}'  # type: ignore[str-bytes-safe]
  if isinstance(workdir, bytes):
    flag = b'--workdir=' + workdir
  return ['-m', 'mnist_jax.main', *recipe, flag]


def predict(workdir: pathlib.Path, picture: pathlib.Path) -> list[str]:
  """Returns the arguments of Python that read a picture with those weights."""
  flags = ['--json', f'--weights={workdir}', str(picture)]
  return ['-m', 'mnist_jax.predict', *flags]


def num_epochs(process: processes.Process) -> int:
  """Returns how many epochs a run has reported so far."""
  return process.output().count('\nepoch')


def wait_for_epoch(process: processes.Process, epoch: int) -> None:
  """Waits until a run has reported an epoch, or has ended."""
  process.wait_until(lambda: num_epochs(process) >= epoch, 60)


def numbers(workdir: pathlib.Path) -> dict:
  """Returns every number of a finished run that must not depend on faults.

  Returns:
    {'result': result.json without costs, 'metrics': its rows without costs,
    'predictions': {name: SHA-256 of an array}}.
  """
  result = json.loads((workdir / 'result.json').read_text())
  lines = (workdir / 'metrics.jsonl').read_text().splitlines()
  with np.load(workdir / 'predictions.npz') as arrays:
    digests = {
      name: hashlib.sha256(array.tobytes()).hexdigest()
      for name, array in arrays.items()
    }
  return {
    'result': _without_costs(result),
    'metrics': [_without_costs(json.loads(line)) for line in lines],
    'predictions': digests,
  }


def _without_costs(row: dict) -> dict:
  return {name: row[name] for name in row if name not in workdir_lib.COSTS}


def differences(workdir: pathlib.Path, unbroken: pathlib.Path) -> str:
  """Returns how a run's numbers differ from an unbroken run's; '' if equal."""
  try:
    ours, theirs = numbers(workdir), numbers(unbroken)
  except (OSError, ValueError, KeyError) as error:
    return f'{type(error).__name__}: {error}'
  for part, value in theirs.items():
    if ours[part] != value:
      return f'{part} differ: {str(ours[part])[:100]}, not {str(value)[:100]}'
  return ''


def leftovers(workdir: pathlib.Path) -> str:
  """Returns the temporary files that are still in a workdir; '' for none."""
  found = [path.name for path in workdir.rglob('*tmp*')]
  return f'left behind: {", ".join(found)}' if found else ''


def fingerprint(folder: pathlib.Path) -> dict[str, str]:
  """Returns the SHA-256 of every file below a folder."""
  return {
    str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
    for path in sorted(folder.rglob('*'))
    if path.is_file()
  }
