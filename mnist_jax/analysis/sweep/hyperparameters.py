"""The hyperparameters of a sweep: which vary, and how they are written."""

from collections.abc import Mapping, Sequence
from typing import Any

from mnist_jax.analysis.sweep import summary


def find_varied(points: Sequence[Mapping]) -> list[str]:
  """List the hyperparameters that have several values, in order.

  Args:
    points: dicts with `overrides`.

  Returns:
    Names such as 'optim.lr'; a point without it counts as another value.
  """
  names = {name: None for point in points for name in point['overrides']}
  return [
    name
    for name in names
    if len({repr(point['overrides'].get(name)) for point in points}) > 1
  ]


def format_overrides(overrides: Mapping[str, Any]) -> str:
  """Write hyperparameters as people say them: 'lr 0.03, beta1 0.9'."""
  return ', '.join(
    f'{name.rpartition(".")[2]} {format_value(value)}'
    for name, value in overrides.items()
  )


def format_value(value: Any) -> str:
  """Write a number as short as it is exact; anything else as it is."""
  plain = isinstance(value, bool) or not isinstance(value, int | float)
  return str(value) if plain else f'{value:.6g}'


def make_title(varied: Sequence[str]) -> str:
  """Title a figure, in at most 60 characters."""
  title = f'Validation accuracy by {" and ".join(varied)}'
  return title if len(title) <= 60 else f'{title[:59]}…'


def describe_best(points: Sequence[Mapping]) -> str:
  """Say which point is the best by validation, and its test accuracy."""
  best = summary.find_best(points)
  return (
    f'best by validation: {format_overrides(best["overrides"])}, with '
    f'{best["valid_accuracy"]["mean"]:.2%} (its test accuracy: '
    f'{best["test_accuracy"]["mean"]:.2%})'
  )


def is_numeric(points: Sequence[Mapping], name: str) -> bool:
  """Tell whether all values of a hyperparameter are numbers."""
  values = [point['overrides'].get(name) for point in points]
  return all(
    isinstance(v, int | float) and not isinstance(v, bool) for v in values
  )


def sort_points(points: Sequence[Mapping], name: str) -> list[Mapping]:
  """Sort numbers; words keep the order of the sweep."""
  if not is_numeric(points, name):
    return list(points)
  return sorted(points, key=lambda point: point['overrides'][name])


def cut(text: str, length: int) -> str:
  """Shorten a text to at most so many characters."""
  return text if len(text) <= length else f'{text[: length - 1]}…'
