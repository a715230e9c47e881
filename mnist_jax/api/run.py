"""A finished run as `mnist_jax.train` returns it."""

import functools
import html
import pathlib
from typing import Any

import numpy as np

from mnist_jax import errors
from mnist_jax.analysis import html_page
from mnist_jax.analysis.run import load as load_lib
from mnist_jax.api import model as model_lib
from mnist_jax.workdir import workdir as workdir_lib

SHOWN = ('training_curves', 'misclassified')  # Figures, in a notebook.


class Run:
  """What a finished run left in its workdir, read when it is asked for."""

  def __init__(self, workdir: pathlib.Path):
    """Takes the workdir of a finished run."""
    self.workdir = workdir

  def __repr__(self) -> str:
    split = 'test' if self.result['test'] else 'validation'
    scores = self.result['test'] or self.result['valid']
    return (
      f'<mnist_jax run {self.workdir}: {split} accuracy '
      f'{scores["accuracy"]:.2%}, {scores["num_errors"]} errors of '
      f'{scores["count"]:,}>'
    )

  @functools.cached_property
  def result(self) -> dict[str, Any]:
    """The content of result.json.

    Raises:
      errors.UserError: it is missing or damaged.
    """
    result = workdir_lib.read_result(self.workdir)
    if result is None:
      raise errors.UserError(
        f'{self.workdir} holds no finished run (no result.json); train it again'
      )
    return result

  @functools.cached_property
  def metrics(self) -> list[dict[str, float]]:
    """One dict an epoch; `pandas.DataFrame(run.metrics)` is a table."""
    return load_lib.load_rows(self.workdir)

  @functools.cached_property
  def model(self) -> model_lib.Model:
    """The chosen weights, as `mnist_jax.load(workdir)` returns them."""
    return model_lib.load(self.workdir)

  @property
  def variables(self) -> dict[str, Any]:
    """The chosen weights: 'params' and 'batch_stats', float32."""
    return self.model.variables

  def predict(self, images: Any) -> np.ndarray:
    """Returns the digits [N] of images, as `Model.predict` does."""
    return self.model.predict(images)

  @property
  def figures(self) -> dict[str, pathlib.Path]:
    """The PNG files of the figures by name, such as 'training_curves'."""
    paths = sorted((self.workdir / 'figures').glob('*.png'))
    return {path.stem: path for path in paths}

  def _repr_html_(self) -> str:
    """Returns what a notebook shows: the result, curves, misread digits."""
    parts = [f'<p>{html.escape(repr(self)[1:-1])}</p>']
    for name in SHOWN:
      if name in self.figures:
        image = html_page.inline(self.figures[name].read_bytes())
        parts.append(
          f'<img alt="{name}" style="max-width: 100%" src="{image}">'
        )
    return '\n'.join(parts)
