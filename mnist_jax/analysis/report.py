"""The page that explains a run: one HTML file that needs nothing else."""

import base64
import json
from collections.abc import Mapping

import jinja2

from mnist_jax.analysis import runs


def render(
  run: runs.Run, described: dict, pictures: Mapping[str, bytes]
) -> str:
  """Fill in the page.

  Args:
    run: the finished run.
    described: the tables of its test split, from `tables.describe`.
    pictures: PNG files by the name of the figure.

  Returns:
    The HTML text: figures inline, no script, nothing fetched from anywhere.
  """
  environment = jinja2.Environment(
    loader=jinja2.PackageLoader('mnist_jax.analysis', ''),
    # Names and commands are free text, and may hold what looks like HTML.
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
  )
  environment.filters |= {
    'percent': lambda share: _format(share, '.2%'),
    'decimals': lambda number: _format(number, '.4f'),
    'count': lambda number: _format(number, ',d'),
    'seconds': _format_seconds,
  }
  return environment.get_template('report.html').render(
    run=run,
    result=run.result,
    tables=described,
    images={name: _inline(png) for name, png in pictures.items()},
    config=json.dumps(run.config, indent=2),
  )


def _format(number: float | None, spec: str) -> str:
  return 'unknown' if number is None else format(number, spec)


def _format_seconds(seconds: float | None) -> str:
  if seconds is None or seconds < 100:
    return f'{_format(seconds, ".1f")} s'
  minutes, rest = divmod(round(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  return f'{hours} h {minutes} min' if hours else f'{minutes} min {rest} s'


def _inline(png: bytes) -> str:
  return 'data:image/png;base64,' + base64.b64encode(png).decode('ascii')
