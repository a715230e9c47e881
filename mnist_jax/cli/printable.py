"""Text for a terminal, whatever names files have."""


def escape(text: object) -> str:
  """Returns text on one line, with escapes for what cannot be printed.

  The name of a file may hold line ends, commands to the terminal, signs that
  turn the direction of writing, and bytes that are no text.
  """
  return ''.join(
    letter if letter.isprintable() else ascii(letter)[1:-1]
    for letter in str(text)
  )
