"""A finished run, read back from its workdir and checked."""

import dataclasses
import json
import pathlib
import zipfile
import zlib

import numpy as np

from mnist_jax import errors
from mnist_jax.analysis.run import classification
from mnist_jax.data import datasets

_TITLES = {'mnist': 'MNIST', 'uci_digits': 'UCI digits (not MNIST)'}
_RESULT_KEYS = {
  'dataset', 'config_name', 'seed', 'num_params', 'steps', 'epochs',
  'selected', 'best_epoch', 'train', 'valid', 'test', 'train_seconds',
  'compile_seconds', 'total_seconds', 'device', 'num_devices', 'versions',
  'git_commit', 'command', 'notice',
}  # fmt: skip
_SPLIT_KEYS = {'loss', 'accuracy', 'num_errors', 'count'}


@dataclasses.dataclass(frozen=True)
class Run:
  """What a finished workdir holds.

  Attributes:
    config: the resolved config, a nested dict.
    rows: of `metrics.jsonl`, in training order, at least one.
    result: of `result.json`.
    test_logits: [N, 10] float, finite, N at least 1.
    test_labels: [N] int in 0..9.
    valid_logits: the same of the validation split; None where there is none.
    valid_labels: likewise.
  """

  config: dict
  rows: list[dict]
  result: dict
  test_logits: np.ndarray
  test_labels: np.ndarray
  valid_logits: np.ndarray | None
  valid_labels: np.ndarray | None

  @property
  def data_title(self) -> str:
    """The data set as people call it; whatever is not MNIST says so."""
    return title_dataset(self.result['dataset'])

  @property
  def caption(self) -> str:
    """One line for the foot of a figure: data set, config name and seed."""
    result = self.result
    return (
      f'{self.data_title} · {result["config_name"]} · seed {result["seed"]}'
    )


def title_dataset(name: str) -> str:
  """Name a data set as people call it; whatever is not MNIST says so."""
  return _TITLES.get(name, f'{name} (not MNIST)')


def load_run(workdir: str | pathlib.Path, result: dict | None = None) -> Run:
  """Read a finished run.

  Args:
    workdir: the folder that the training loop wrote.
    result: what result.json will hold, where it is not written yet.

  Returns:
    The run; everything that `Run` promises has been checked.

  Raises:
    errors.UserError: if the folder is no workdir, the run is unfinished, or a
      file is missing, damaged, or holds what no run would write.
  """
  workdir = pathlib.Path(workdir)
  rows = load_metrics(workdir)
  config = load_config(workdir)
  path = workdir / 'result.json'
  if result is None and not path.exists():
    raise errors.UserError(
      f'{workdir} holds an unfinished run (no result.json); give its training '
      'command again to finish it'
    )
  if result is None:
    result = _load_result(path)
  predictions = _load_predictions(workdir / 'predictions.npz')
  return Run(config, rows, result, **predictions)


def load_metrics(workdir: pathlib.Path) -> list[dict]:
  """Read `metrics.jsonl`, also of a run that was killed while it wrote.

  Args:
    workdir: the folder that the training loop wrote.

  Returns:
    One dict per step, at least one; a resumed run's second try of a step wins,
    and a last line that was cut off is left out.

  Raises:
    errors.UserError: if there is no such file, no row in it, or a bad one.
  """
  path = workdir / 'metrics.jsonl'
  lines = _read(path).splitlines()
  rows = {}
  for number, line in enumerate(lines, start=1):
    try:
      row = json.loads(line)
      if (step := int(row['step'])) != row['step']:
        raise ValueError(f'step {row["step"]} is no whole number')
      rows[step] = {'epoch': float(row['epoch'])} | row
    except (
      *(ValueError, LookupError, TypeError),
      *(OverflowError, RecursionError),
    ) as error:
      if number < len(lines):
        raise errors.UserError(
          f'{path}, line {number} is no row with step and epoch; remove it'
        ) from error
  if not rows:
    raise errors.UserError(
      f'{path} holds no row yet; wait for the first evaluation of the run'
    )
  return [rows[step] for step in sorted(rows)]


def load_config(workdir: pathlib.Path) -> dict:
  """Read `config.json`.

  Args:
    workdir: the folder that the training loop wrote.

  Returns:
    The resolved config, a nested dict that has at least `data.name`.

  Raises:
    errors.UserError: if there is no such file, or it is no config.
  """
  config = _load_json(workdir / 'config.json')
  data = config.get('data')
  if not isinstance(data, dict) or 'name' not in data:
    raise errors.UserError(
      f'{workdir / "config.json"} has no data.name; give a workdir that '
      'mnist_jax.main wrote'
    )
  return config


def _load_result(path: pathlib.Path) -> dict:
  result = _load_json(path)
  missing = _RESULT_KEYS - result.keys()
  for split in {'train', 'valid', 'test'} & result.keys():
    # Only the validation split may be null.
    if result[split] is not None or split != 'valid':
      missing |= {
        f'{split}.{k}' for k in _SPLIT_KEYS - set(result[split] or ())
      }
  if missing:
    raise errors.UserError(
      f'{path} lacks {", ".join(sorted(missing))}; train again into a fresh '
      'workdir'
    )
  return result


def _load_json(path: pathlib.Path) -> dict:
  try:
    content = json.loads(_read(path))
  except ValueError as error:
    raise errors.UserError(
      f'{path} is not JSON ({error}); train again into a fresh workdir'
    ) from error
  if not isinstance(content, dict):
    raise errors.UserError(f'{path} must hold one JSON object; train again')
  return content


def _read(path: pathlib.Path) -> str:
  try:
    return path.read_text(encoding='utf-8')
  except (OSError, UnicodeDecodeError) as error:
    raise errors.UserError(
      f'{path} cannot be read; give the workdir of a run, such as '
      'runs/improved-seed0'
    ) from error


def _load_predictions(path: pathlib.Path) -> dict[str, np.ndarray | None]:
  try:
    # Without pickle: a workdir from somebody else must not run code here.
    with np.load(path, allow_pickle=False) as arrays:
      found = {name: arrays[name] for name in _PREDICTIONS if name in arrays}
  except (
    *(OSError, ValueError, LookupError, TypeError, EOFError),
    *(zipfile.BadZipFile, zlib.error),
  ) as error:
    raise errors.UserError(
      f'{path} does not give test_logits and test_labels; {_AGAIN}'
    ) from error
  for split in ('test', 'valid'):
    logits, labels = (found.get(f'{split}_{what}') for what in _PARTS)
    if split == 'valid' and logits is None and labels is None:
      continue
    if problem := _find_problem(split, logits, labels):
      raise errors.UserError(f'{path} {problem}')
  return {name: found.get(name) for name in _PREDICTIONS}


_AGAIN = 'train again into a fresh workdir'
_PARTS = ('logits', 'labels')
_PREDICTIONS = [f'{s}_{part}' for s in ('test', 'valid') for part in _PARTS]


def _find_problem(
  split: str, logits: np.ndarray | None, labels: np.ndarray | None
) -> str:
  """Say what is wrong with a split's predictions; '' if nothing is."""
  if logits is None or labels is None:
    return f'does not give {split}_logits and {split}_labels; {_AGAIN}'
  shape, count = logits.shape, labels.size
  if (
    labels.ndim != 1
    or not count
    or shape != (count, classification.NUM_CLASSES)
  ):
    return (
      f'holds {split}_logits {list(shape)} and {split}_labels '
      f'{list(labels.shape)}, which must be [N, 10] and [N]; {_AGAIN}'
    )
  if labels.dtype.kind not in 'iu' or logits.dtype.kind != 'f':
    return (
      f'holds {logits.dtype} {split}_logits and {labels.dtype} {split}_labels, '
      f'which must be float32 and int32; {_AGAIN}'
    )
  if not np.isfinite(logits).all():
    return (
      f'holds {(~np.isfinite(logits)).sum()} {split}_logits that are not '
      'finite, so the run diverged; train again with a lower optim.lr'
    )
  if labels.min() < 0 or labels.max() >= classification.NUM_CLASSES:
    return (
      f'holds {split}_labels from {labels.min()} to {labels.max()}, but digits '
      f'go from 0 to 9; {_AGAIN}'
    )
  return ''


def check_dataset(run: Run, dataset: datasets.Dataset):
  """Make sure that the images shown are those that the model saw.

  Args:
    run: the run to explain.
    dataset: the data set whose images are to be shown.

  Raises:
    errors.UserError: if the run was on other test images.
  """
  if not np.array_equal(run.test_labels, dataset.test.labels):
    raise errors.UserError(
      f'the run was tested on {len(run.test_labels)} images of '
      f'{run.result["dataset"]}, and these {len(dataset.test.labels)} of '
      f'{dataset.name} are others; load the data set that it was trained on'
    )
