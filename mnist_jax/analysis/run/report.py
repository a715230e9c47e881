"""Everything that explains a run, written into its workdir."""

import json
import pathlib
from collections.abc import Mapping

import numpy as np

from mnist_jax.analysis import figure_style, html_page
from mnist_jax.analysis.run import (
  advice,
  calibration,
  calibration_figures,
  classification,
  digit_grids,
  label_review,
  load,
  saliency_figures,
  training_figures,
)
from mnist_jax.data import class_names, datasets
from mnist_jax.workdir import atomic_files, best_epoch


def write_all(
  workdir: str | pathlib.Path, run: load.Run, dataset: datasets.Dataset
) -> list[pathlib.Path]:
  """Write the figures, `analysis.json` and `report.html` of a run.

  Args:
    workdir: the folder to write into.
    run: the finished run.
    dataset: the data set that it was trained and tested on.

  Returns:
    The paths written; each file appears whole or not at all.

  Raises:
    errors.UserError: if the run was on another data set, or the workdir cannot
      be written.
  """
  load.check_dataset(run, dataset)
  described = describe(run, dataset.name)
  pictures = {
    name: figure_style.to_png(fig)
    for name, fig in _draw(run, dataset, described).items()
  }
  head = {k: run.result[k] for k in ('dataset', 'config_name', 'seed')}
  if not class_names.are_digits(run.class_names):
    head['class_names'] = run.class_names
  contents = {f'figures/{name}.png': png for name, png in pictures.items()}
  contents['analysis.json'] = json.dumps(head | described, indent=1).encode()
  page = _render(run, described, pictures)
  # A command may name a folder whose name is no UTF-8.
  contents['report.html'] = page.encode(errors='backslashreplace')
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
    What `analysis.json` holds: `classification.describe` of the test split,
    `calibration`, `halves` and `label_review`. Errors on reviewed images say
    the `verdict`.
  """
  logits, labels = run.test.logits, run.test.labels
  described = classification.describe(logits, labels, run.class_names)
  reviews = label_review.reviews_of(dataset_name)
  for error in described['errors']:
    review = reviews.get(error['index'])
    error['verdict'] = review and review.verdict
  temperature = None
  if (valid := run.valid) is not None:
    temperature = calibration.fit_temperature(valid.logits, valid.labels)
  predicted = logits.argmax(axis=1)
  return described | {
    'calibration': calibration.describe(logits, labels, temperature),
    'halves': classification.halves(labels, predicted) if reviews else None,
    'label_review': label_review.score(predicted, labels) if reviews else None,
  }


def _draw(run: load.Run, dataset: datasets.Dataset, described: dict) -> dict:
  """Draw each figure, by name and in the order of the page."""
  caption, test = run.caption, dataset.test
  digits = digit_grids.PredictedDigits(
    test.images,
    test.labels,
    classification.softmax(run.test.logits),
    label_review.reviews_of(dataset.name),
    caption,
    run.class_names,
  )
  best = run.result['best_epoch']
  calibrated = described['calibration']
  matrix = np.array(described['confusion_matrix'])
  figures = {
    'training_curves': training_figures.training_curves(
      run.rows, best_epoch.find(run.rows) if best is None else best, caption
    ),
    'per_class': training_figures.per_class_bars(
      described['per_class'], caption, run.class_names
    ),
    'confusion_matrix': training_figures.confusion_matrix(
      matrix, caption, run.class_names
    ),
    'misclassified': digit_grids.misclassified(digits),
    'reliability': calibration_figures.reliability(
      calibrated['before'], calibrated['after'], caption
    ),
    'confidence': calibration_figures.confidence_histogram(
      digits.confidence, digits.predicted == test.labels, caption
    ),
    'coverage': calibration_figures.coverage(calibrated['coverage'], caption),
    'sample_digits': digit_grids.sample_digits(
      dataset.train.images, dataset.train.labels, caption, run.class_names
    ),
    'predictions': digit_grids.predictions(digits),
  }
  if (explained := run.explanations) is not None:
    if explained.filters is not None:
      figures['filters'] = saliency_figures.filters(explained.filters, caption)
    figures['saliency'] = saliency_figures.saliency(explained, digits)
  return figures


def _render(run: load.Run, described: dict, pictures: Mapping[str, bytes]):
  """Fill in the page: figures inline, no script, nothing fetched."""
  template = html_page.create_environment().get_template('run/report.html')
  return template.render(
    run=run,
    result=run.result,
    tables=described,
    advice=advice.advise(run, described),
    images={name: html_page.inline(png) for name, png in pictures.items()},
    config=json.dumps(run.config, indent=2),
    fewest=calibration.FEWEST,
    names=run.class_names,
    word=class_names.word(run.class_names),
    shown=class_names.images(run.class_names),
  )


def write_curves(workdir: str | pathlib.Path) -> pathlib.Path:
  """Draw the curves of a run that may still be training.

  Raises:
    errors.UserError: if its `config.json` or `metrics.jsonl` is missing or
      damaged, or the figure cannot be written.
  """
  workdir = pathlib.Path(workdir)
  rows, config = load.load_rows(workdir), load.load_config(workdir)
  caption = (
    f'data {config["data"]["name"]} · {workdir.resolve().name} · '
    f'seed {config.get("seed", "unknown")} · unfinished'
  )
  best = best_epoch.find(rows)
  fig = training_figures.training_curves(rows, best, caption)
  return atomic_files.write(
    workdir / 'figures/training_curves.png', figure_style.to_png(fig)
  )
