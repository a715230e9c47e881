"""The page that explains a run: one HTML file that needs nothing else."""

import json
from collections.abc import Mapping, Sequence

from mnist_jax.analysis import html_page
from mnist_jax.analysis.run import load


def render(
  run: load.Run,
  described: dict,
  advice: Sequence[str],
  pictures: Mapping[str, bytes],
) -> str:
  """Fill in the page.

  Args:
    run: the finished run.
    described: its tables, from `outputs.describe`.
    advice: what to try next, from `advice.advise`.
    pictures: PNG files by the name of the figure.

  Returns:
    The HTML text: figures inline, no script, nothing fetched from anywhere.
  """
  template = html_page.create_environment().get_template('run/report.html')
  return template.render(
    run=run,
    result=run.result,
    tables=described,
    advice=advice,
    images={name: html_page.inline(png) for name, png in pictures.items()},
    config=json.dumps(run.config, indent=2),
  )
