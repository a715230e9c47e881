"""Everything that explains a run, written into its workdir."""

import json
import pathlib
from collections.abc import Mapping

import numpy as np

from mnist_jax.analysis import figure_style
from mnist_jax.analysis.run import (
  advice,
  calibration,
  calibration_figures,
  classification,
  digit_grids,
  explanations,
  label_review,
  load,
  render,
  saliency_figures,
  training_figures,
)
from mnist_jax.data import datasets
from mnist_jax.workdir import atomic_files


def write_all(
  workdir: str | pathlib.Path, dataset: datasets.Dataset
) -> list[pathlib.Path]:
  """Write the figures, `analysis.json` and `report.html` of a finished run.

  Args:
    workdir: the folder that the training loop wrote.
    dataset: the data set that the run was trained and tested on.

  Returns:
    The paths written; each file appears whole or not at all.

  Raises:
    errors.UserError: if the run is unfinished or damaged, was on another data
      set, or the workdir cannot be written.
  """
  run = load.load_run(workdir)
  described, pictures = draw(workdir, run, dataset)
  return write(workdir, run, described, pictures)


def draw(
  workdir: str | pathlib.Path, run: load.Run, dataset: datasets.Dataset
) -> tuple[dict, dict[str, bytes]]:
  """Compute the tables and draw the figures, without the scores of training.

  Args:
    workdir: the folder of the run.
    run: the run; what its result says of the splits is not read.
    dataset: the data set that the run was trained and tested on.

  Returns:
    What `describe` returns, and PNG files by the name of the figure, in the
    order of the page.

  Raises:
    errors.UserError: if the run was on another data set, or damaged.
  """
  load.check_dataset(run, dataset)
  explained = explanations.load(workdir, len(run.test_labels))
  described = describe(run, dataset.name)
  return described, _draw(run, dataset, described, explained)


def write(
  workdir: str | pathlib.Path,
  run: load.Run,
  described: dict,
  pictures: Mapping[str, bytes],
) -> list[pathlib.Path]:
  """Write what `draw` returned, and the page; see `write_all`."""
  page = render.render(run, described, advice.advise(run, described), pictures)
  head = {k: run.result[k] for k in ('dataset', 'config_name', 'seed')}
  contents = {f'figures/{name}.png': png for name, png in pictures.items()}
  contents['analysis.json'] = json.dumps(head | described, indent=1).encode()
  contents['report.html'] = page.encode()
  return [
    atomic_files.write(pathlib.Path(workdir) / name, content)
    for name, content in contents.items()
  ]


def describe(run: load.Run, dataset_name: str) -> dict:
  """Compute every table of a run.

  Args:
    run: the finished run.
    dataset_name: of the images; what is known of MNIST's test set alone is
      null for others.

  Returns:
    What `analysis.json` holds: `tables.describe` of the test split,
    `calibration`, `halves` and `label_review`. Errors on reviewed images say
    the `verdict`.
  """
  logits, labels = run.test_logits, run.test_labels
  described = classification.describe(logits, labels)
  reviews = label_review.reviews_of(dataset_name)
  for error in described['errors']:
    review = reviews.get(error['index'])
    error['verdict'] = review and review.verdict
  predicted = logits.argmax(axis=1)
  return described | {
    'calibration': calibration.describe(
      logits, labels, run.valid_logits, run.valid_labels
    ),
    'halves': classification.halves(labels, predicted) if reviews else None,
    'label_review': label_review.score(predicted, labels) if reviews else None,
  }


def write_curves(workdir: str | pathlib.Path) -> pathlib.Path:
  """Draw the curves of a run that may still be training.

  Args:
    workdir: a folder with `config.json` and `metrics.jsonl`.

  Returns:
    The path of the figure.

  Raises:
    errors.UserError: if one of the two files is missing or damaged, or the
      figure cannot be written.
  """
  workdir = pathlib.Path(workdir)
  rows, config = load.load_metrics(workdir), load.load_config(workdir)
  caption = (
    f'data {config["data"]["name"]} · {workdir.resolve().name} · '
    f'seed {config.get("seed", "unknown")} · unfinished'
  )
  fig = training_figures.training_curves(rows, _best_epoch(rows), caption)
  return atomic_files.write(
    workdir / 'figures/training_curves.png', figure_style.to_png(fig)
  )


def _best_epoch(rows: list[Mapping]) -> float | None:
  """Find the epoch of the highest validation accuracy, the first if equal."""
  scored = [row for row in rows if row.get('valid/accuracy') is not None]
  best = max(scored, key=lambda row: row['valid/accuracy'], default=None)
  return best and best['epoch']


def _draw(
  run: load.Run,
  dataset: datasets.Dataset,
  described: dict,
  explained: explanations.Explanations | None,
) -> dict[str, bytes]:
  """Draw each figure as a PNG, by name and in the order of the page."""
  best_epoch = run.result['best_epoch']
  if best_epoch is None:
    best_epoch = _best_epoch(run.rows)
  train, test, caption = dataset.train, dataset.test, run.caption
  probabilities = classification.softmax(run.test_logits)
  answers = test.images, test.labels, probabilities
  reviews = label_review.reviews_of(dataset.name)
  matrix = np.array(described['confusion_matrix'])
  figures = {
    'training_curves': training_figures.training_curves(
      run.rows, best_epoch, caption
    ),
    'per_class': training_figures.per_class_bars(
      described['per_class'], caption
    ),
    'confusion_matrix': training_figures.confusion_matrix(matrix, caption),
    'misclassified': digit_grids.misclassified(*answers, reviews, caption),
    **_draw_confidence(probabilities, test.labels, described, caption),
    'sample_digits': digit_grids.sample_digits(
      train.images, train.labels, caption
    ),
    'predictions': digit_grids.predictions(*answers, reviews, caption),
  }
  if explained is not None:
    figures |= {
      'filters': saliency_figures.filters(explained, caption),
      'saliency': saliency_figures.saliency(
        explained, *answers, reviews, caption
      ),
    }
  return {name: figure_style.to_png(fig) for name, fig in figures.items()}


def _draw_confidence(probabilities, labels, described: dict, caption: str):
  calibrated = described['calibration']
  before, after = calibrated['before'], calibrated['after']
  confidence = probabilities.max(axis=1)
  right = probabilities.argmax(axis=1) == labels
  summary = f'calibration error {before["ece"]:.2%}'
  if after:
    summary += f', {after["ece"]:.2%} after temperature scaling'
  return {
    'reliability': calibration_figures.reliability(
      before['bins'], after and after['bins'], summary, caption
    ),
    'confidence': calibration_figures.confidence_histogram(
      confidence[right], confidence[~right], caption
    ),
    'coverage': calibration_figures.coverage(calibrated['coverage'], caption),
  }
