"""What all pages share: how numbers are written, and pictures put inside."""

import base64

import jinja2


def create_environment() -> jinja2.Environment:
  """Return what renders the templates of this folder.

  Returns:
    An environment that escapes all text, refuses unknown names, and has the
    filters `percent`, `decimals`, `count`, `seconds`, `p_value` and `inline`.
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
    'seconds': format_seconds,
    'p_value': format_p_value,
    'inline': inline,
  }
  return environment


def _format(number: float | None, spec: str) -> str:
  return 'unknown' if number is None else format(number, spec)


def format_seconds(seconds: float | None) -> str:
  """Write a duration as people say it; None is 'unknown'."""
  if seconds is None or seconds < 100:
    return 'unknown' if seconds is None else f'{seconds:.1f} s'
  minutes, rest = divmod(round(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  return f'{hours} h {minutes} min' if hours else f'{minutes} min {rest} s'


def format_p_value(p_value: float) -> str:
  """Write a p-value with four decimals; no test says that it is zero."""
  return f'{p_value:.4f}' if p_value >= 0.0001 else '<0.0001'


def inline(png: bytes) -> str:
  """Turn a PNG file into an address that holds all of it."""
  return 'data:image/png;base64,' + base64.b64encode(png).decode('ascii')
