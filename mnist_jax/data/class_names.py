"""What the classes of a data set are called, and how texts speak of them."""

from collections.abc import Sequence

DIGITS = tuple('0123456789')
MAX_CLASSES = 100  # As many as a confusion matrix can show.
MAX_LENGTH = 60  # Characters of a name.


def are_digits(names: Sequence[str]) -> bool:
  """Returns whether the classes are the ten digits."""
  return tuple(names) == DIGITS


def numbered(count: int) -> tuple[str, ...]:
  """Returns names for classes that have none: class 0, class 1, ..."""
  return tuple(f'class {number}' for number in range(count))


def word(names: Sequence[str]) -> str:
  """Returns what one of them is called: a digit, or a class."""
  return 'digit' if are_digits(names) else 'class'


def images(names: Sequence[str]) -> str:
  """Returns what pictures of them are called: digits, or images."""
  return 'digits' if are_digits(names) else 'images'


def find_fault(names: Sequence[str]) -> str:
  """Returns what is wrong with the names of classes; '' if nothing."""
  if not 2 <= len(names) <= MAX_CLASSES:
    return f'{len(names)} classes; there must be 2 to {MAX_CLASSES}'
  for name in names:
    # Without control characters, which no figure can show.
    if not (isinstance(name, str) and name.strip() and name.isprintable()):
      return f'a class with the name {name!a}; it must be printable text'
    if len(name) > MAX_LENGTH:
      return (
        f'a class with a name of {len(name)} characters ({name[:20]}...); '
        f'{MAX_LENGTH} are allowed'
      )
  if len(set(names)) < len(names):
    return 'two classes of one name; each must have its own'
  return ''
