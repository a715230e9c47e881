"""The one exception for what a user can mend."""


class UserError(Exception):
  """Something the user can put right; shown as one line, never a traceback.

  The message names the value, the rule and the way out. Entry points print it
  on stderr and exit with code 2.
  """
