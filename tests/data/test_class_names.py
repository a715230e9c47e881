"""Classes have names, and texts speak of digits only where they are."""

import pytest

from mnist_jax.data import class_names


def test_only_the_ten_digits_in_order_are_called_digits():
  assert class_names.are_digits(list('0123456789'))
  assert class_names.word(class_names.DIGITS) == 'digit'
  for names in ('123456789', '9876543210', ('cat', 'dog'), ()):
    assert not class_names.are_digits(tuple(names))
    assert class_names.word(tuple(names)) == 'class'
    assert class_names.images(tuple(names)) == 'images'


@pytest.mark.parametrize('count', [2, 10, class_names.MAX_CLASSES])
def test_classes_without_names_are_numbered_and_are_no_digits(count):
  names = class_names.numbered(count)
  assert names[0] == 'class 0' and len(names) == count
  assert not class_names.find_fault(names)
  assert not class_names.are_digits(names)


@pytest.mark.parametrize(
  ('names', 'words'),
  [
    (('one',), '2 to 100'),
    (class_names.numbered(101), '2 to 100'),
    (('a', 'b', 'a'), 'two classes of one name'),
    (('a', ' '), 'printable'),
    (('a', 'b\n'), 'printable'),
    (('a', '\udcff'), 'printable'),
    (('a', 3), 'printable'),
    (('a', 'x' * 61), '61 characters'),
  ],
)
def test_names_that_cannot_be_shown_are_a_fault_in_one_line(names, words):
  fault = class_names.find_fault(names)
  assert words in fault
  assert fault.isprintable()
