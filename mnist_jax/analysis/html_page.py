"""What the pages share: the template environment, and inline pictures."""

import base64

import jinja2

from mnist_jax.analysis import text_table


def create_environment() -> jinja2.Environment:
  """Return an environment that renders the templates of this folder."""
  environment = jinja2.Environment(
    loader=jinja2.PackageLoader('mnist_jax.analysis', ''),
    # Names and commands are free text, and may hold what looks like HTML.
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
  )
  environment.filters |= {
    'percent': '{:.2%}'.format,
    'decimals': '{:.4f}'.format,
    'count': '{:,d}'.format,
    'seconds': text_table.format_seconds,
    'p_value': text_table.format_p_value,
    'interval': text_table.format_interval,
  }
  return environment


def inline(png: bytes) -> str:
  """Turn a PNG file into a data: URL."""
  return 'data:image/png;base64,' + base64.b64encode(png).decode('ascii')
