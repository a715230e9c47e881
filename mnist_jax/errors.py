"""The exception for errors that a user can mend."""


class UserError(Exception):
  """Something that the user can put right, in one line.

  The message names the value, the rule and the way out. Commands print it on
  stderr and exit with code 2; a user never sees a traceback for it.
  """

  def __str__(self) -> str:
    return ' '.join(super().__str__().split())
