"""A finished run, in memory or read back from its workdir and checked."""

import dataclasses
import pathlib
from typing import Annotated, NotRequired, Required, TypedDict

import msgspec
import numpy as np

from mnist_jax import errors
from mnist_jax.analysis import text_table
from mnist_jax.data import class_names as names_lib
from mnist_jax.data import datasets, decoded, registry
from mnist_jax.workdir import array_files, json_files, paths
from mnist_jax.workdir import workdir as workdir_lib

_AGAIN = 'train again into a fresh workdir'
_SIDE = 28
# So that no sum or square of numbers that were read can overflow.
_LARGEST = 1e100
Number = Annotated[float, msgspec.Meta(ge=-_LARGEST, le=_LARGEST)]
Positive = Annotated[float, msgspec.Meta(ge=0, le=_LARGEST)]
Integer = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Text = Annotated[str, msgspec.Meta(max_length=10_000)]


class Scores(TypedDict):
  """What result.json says of one split."""

  loss: Number
  accuracy: Annotated[float, msgspec.Meta(ge=0, le=1)]
  num_errors: Count
  count: Annotated[int, msgspec.Meta(ge=1, le=2**53)]


class Result(TypedDict):
  """What result.json has."""

  dataset: _Text
  class_names: NotRequired[list[_Text]]
  notice: _Text
  config_name: _Text
  command: _Text
  seed: Integer
  num_params: Count
  steps: Count
  epochs: Positive
  selected: _Text
  best_epoch: Positive | None
  train_seconds: Positive
  compile_seconds: Positive
  total_seconds: Positive
  peak_memory_mb: NotRequired[Positive]
  cores_used_by_others: NotRequired[Number]
  device: _Text
  num_devices: Count
  versions: dict[_Text, _Text]
  git_commit: _Text
  train: Scores
  valid: Scores | None
  test: Scores | None


class _Data(TypedDict, total=False):
  name: Required[str]
  manual_dir: Annotated[str, msgspec.Meta(pattern=r'^[^\0]*\Z')]
  data_dir: Annotated[str, msgspec.Meta(pattern=r'^[^\0]*\Z')]


class _Config(TypedDict):
  data: _Data


@dataclasses.dataclass(frozen=True, eq=False)
class Predictions:
  """What a model answered on one split.

  Attributes:
    logits: [N, K] float, finite, N at least 1, for K classes.
    labels: [N] int below K.
  """

  logits: np.ndarray
  labels: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Explanations:
  """What a run kept of its model: the arrays of explanations.npz.

  Attributes:
    filters: [k, k, F] float32, finite, k in 1..28: the first convolution; None
      where a model has none.
    saliency: [M, 28, 28] float32 in [0, 1], M at least 1: how strongly each
      pixel sways the model.
    saliency_indices: [M] int32, each once: the test images `saliency` is of.
  """

  filters: np.ndarray | None
  saliency: np.ndarray
  saliency_indices: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
  """A finished run.

  Attributes:
    config: the resolved config, a nested dict.
    rows: of `metrics.jsonl`, in training order, at least one.
    result: of `result.json`, with the scores of every split.
    test: of the test split.
    valid: of the validation split; None where there is none.
    explanations: None where a run is older than they are.
    images: fingerprints of the user's own images by split; None for others.
  """

  config: dict
  rows: list[dict]
  result: dict
  test: Predictions
  valid: Predictions | None
  explanations: Explanations | None
  images: dict[str, str] | None = None

  @property
  def data_title(self) -> str:
    """The data set as people call it."""
    return registry.title(self.result['dataset'])

  @property
  def class_names(self) -> tuple[str, ...]:
    """The names of the classes, in the order of the labels."""
    return tuple(self.result.get('class_names', names_lib.DIGITS))

  @property
  def caption(self) -> str:
    """One line for the foot of a figure: data set, config name and seed."""
    result = self.result
    return (
      f'{self.data_title} · {result["config_name"]} · seed {result["seed"]}'
    )


def load_run(workdir: str | pathlib.Path) -> Run:
  """Read a finished run; everything that `Run` promises is checked.

  Raises:
    errors.UserError: if the folder is no workdir, the run is unfinished, or a
      file is missing, damaged, or holds what no run would write.
  """
  workdir = pathlib.Path(workdir)
  rows, config = load_rows(workdir), load_config(workdir)
  path = workdir / 'result.json'
  result = json_files.read_object(path, Result, way_out=_AGAIN)
  if result is None:
    raise errors.UserError(
      f'{workdir} holds an unfinished run (no result.json); give its training '
      'command again to finish it'
    )
  if result['test'] is None:
    raise errors.UserError(
      f'{workdir} has not looked at the test set, which reports are about; '
      'train with --config.evaluate_test=True into another --workdir'
    )
  names = result.get('class_names', names_lib.DIGITS)
  if fault := names_lib.find_fault(names):
    raise errors.UserError(f'{path} has {fault}; {_AGAIN}')
  path = workdir / 'predictions.npz'
  test, valid = (
    load_predictions(path, split, len(names)) for split in ('test', 'valid')
  )
  if test is None:
    raise errors.UserError(f'{path} has no predictions; {_AGAIN}')
  path = workdir / 'explanations.npz'
  explanations = _load_explanations(path, len(test.labels))
  images = workdir_lib.read_images(workdir)
  return Run(config, rows, result, test, valid, explanations, images)


def load_rows(workdir: pathlib.Path) -> list[dict]:
  """Read `metrics.jsonl`, also of a run that was killed while it wrote.

  Raises:
    errors.UserError: if there is no such file, no row in it, or a bad one.
  """
  path = workdir / 'metrics.jsonl'
  if not paths.is_file(path):
    raise errors.UserError(
      f'{path} is not there; give the workdir of a run, such as '
      'runs/improved-seed0'
    )
  if not (rows := read_numbers(path)):
    raise errors.UserError(
      f'{path} holds no row yet; wait for the first evaluation of the run'
    )
  return rows


def read_numbers(path: pathlib.Path) -> list[dict[str, float]]:
  """Read the rows of a `metrics.jsonl`; what is no number is left out."""
  way_out = 'remove that line'
  rows = [
    {
      name: value
      for name, value in row.items()
      if text_table.is_number(value) and abs(value) <= _LARGEST
    }
    for row in json_files.read_rows(path, way_out=way_out)
  ]
  return [row for row in rows if 'epoch' in row]


def load_config(workdir: pathlib.Path) -> dict:
  """Read `config.json`, a nested dict that has at least `data.name`.

  Raises:
    errors.UserError: if there is no such file, or it is no config.
  """
  path = workdir / 'config.json'
  config = json_files.read_object(path, _Config, way_out=_AGAIN)
  if config is None:
    raise errors.UserError(f'{path} is not there; {_AGAIN}')
  return config


def load_predictions(
  path: pathlib.Path, split: str, num_classes: int
) -> Predictions | None:
  """Read the predictions of a split ('valid' or 'test') from an .npz file.

  Returns:
    None where the file, or the split, is missing.

  Raises:
    errors.UserError: if the file is damaged, or holds what no run would write.
  """
  schema = {
    f'{split}_logits': ('float32', 'N', num_classes),
    f'{split}_labels': ('int32', 'N'),
  }
  arrays = array_files.read_arrays(path, schema, way_out=_AGAIN)
  if not arrays:
    return None
  logits, labels = arrays.values()
  if bad := (~np.isfinite(logits)).sum():
    raise errors.UserError(
      f'{path} holds {bad} {split}_logits that are not finite, so the run '
      'diverged; train again with a lower optim.lr'
    )
  low, high = labels.min(), labels.max()
  if low < 0 or high >= num_classes:
    raise errors.UserError(
      f'{path} holds {split}_labels from {low} to {high}, but they go from 0 '
      f'to {num_classes - 1}; {_AGAIN}'
    )
  return Predictions(logits, labels)


def _load_explanations(
  path: pathlib.Path, num_test: int
) -> Explanations | None:
  way_out = f'delete it to do without, or {_AGAIN}'
  filters = array_files.read_arrays(
    path, {'filters': ('float32', 'k', 'k', 'F')}, way_out=way_out
  ).get('filters')
  schema = {
    'saliency': ('float32', 'M', _SIDE, _SIDE),
    'saliency_indices': ('int32', 'M'),
  }
  arrays = array_files.read_arrays(path, schema, way_out=way_out)
  if not arrays:
    return None
  saliency, indices = arrays.values()
  kernels = np.zeros((1, 1, 1)) if filters is None else filters
  for satisfied, rule in (
    (len(kernels) <= _SIDE, f'filters must be at most {_SIDE} by {_SIDE}'),
    (np.isfinite(kernels).all(), 'filters must be finite'),
    # Written so that NaN fails, too.
    (((saliency >= 0) & (saliency <= 1)).all(), 'saliency must be in 0..1'),
    (
      len(np.unique(indices)) == indices.size
      and 0 <= indices.min() <= indices.max() < num_test,
      f'saliency_indices must be below {num_test:,}, each once',
    ),
  ):
    if not satisfied:
      raise errors.UserError(f'{path}: {rule}; {way_out}')
  return Explanations(filters, saliency, indices)


def check_dataset(run: Run, dataset: datasets.Dataset) -> None:
  """Make sure that the images shown are those that the model saw.

  Raises:
    errors.UserError: if the run was on other test images.
  """
  shown = decoded.fingerprint(dataset.test.images)
  if not np.array_equal(run.test.labels, dataset.test.labels) or (
    run.images and not run.images['test'].startswith(shown)
  ):
    raise errors.UserError(
      f'the run was tested on {len(run.test.labels)} images of '
      f'{run.result["dataset"]}, and these {len(dataset.test.labels)} of '
      f'{dataset.name} are others; load the data set that it was trained on'
    )
