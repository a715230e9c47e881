"""How numbers, names and tables are written: console, pages and figures."""

from collections.abc import Mapping, Sequence
from typing import Any


def align(rows: Sequence[Sequence[str]]) -> list[str]:
  """Pad the columns of a table; the first to the left, others to the right."""
  widths = [
    max(len(row[i]) for row in rows if i < len(row))
    for i in range(len(rows[0]))
  ]
  return [
    '  '.join(
      text.rjust(width) if i else text.ljust(width)
      for i, (text, width) in enumerate(zip(row, widths, strict=False))
    ).rstrip()
    for row in rows
  ]


def one_line(text: str) -> str:
  """Make one line of a text, without control characters."""
  line = ''.join(c if c.isprintable() else ' ' for c in text)
  return ' '.join(line.split())


def shorten(text: str, length: int, keep_end: int = 0) -> str:
  """Cut a text to `length` characters; `keep_end` of them from its end."""
  if len(text) <= length:
    return text
  return f'{text[: length - 1 - keep_end]}…{text[len(text) - keep_end :]}'


def format_seconds(seconds: float) -> str:
  """Write a duration as people say it."""
  if seconds < 100:
    return f'{seconds:.1f} s'
  minutes, rest = divmod(round(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  return f'{hours} h {minutes} min' if hours else f'{minutes} min {rest} s'


def format_p_value(p_value: float) -> str:
  """Write a p-value with four decimals; no test says that it is zero."""
  return f'{p_value:.4f}' if p_value >= 0.0001 else '<0.0001'


def format_interval(interval: Sequence[float]) -> str:
  """Write both ends of an interval of accuracies, in percent."""
  low, high = interval
  return f'{100 * low:.2f}\N{EN DASH}{high:.2%}'


def is_number(value: Any) -> bool:
  """Return whether a value of JSON is a number; true and false are not."""
  return isinstance(value, int | float) and not isinstance(value, bool)


def format_value(value: Any) -> str:
  """Write a number as short as it is exact; a list as one text."""
  if isinstance(value, list):
    value = ', '.join(map(str, value))
  return f'{value:.6g}' if is_number(value) else shorten(str(value), 60)


def format_overrides(overrides: Mapping[str, Any]) -> str:
  """Write settings as people say them: 'lr 0.03, beta1 0.9'."""
  return ', '.join(
    f'{shorten(name.rpartition(".")[2], 60)} {format_value(value)}'
    for name, value in overrides.items()
  )
