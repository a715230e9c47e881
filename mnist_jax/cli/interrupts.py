"""Ctrl-C and SIGTERM at any moment end a command with one line.

Python runs its own signal handlers only between two instructions of the main
thread, so an import or a compilation would delay them, and a KeyboardInterrupt
inside an import can crash a library. A thread that waits for signals answers
at once.
"""

import os
import signal
import socket
import sys
import threading

from mnist_jax.cli import exit_codes

NUMBERS = (signal.SIGINT, signal.SIGTERM)

_allowed = 0  # Signals that the program itself will answer.


def install() -> None:
  """Ends the process with one line at the next signal, from now on.

  Only the main thread of a command may call this, before slow imports.
  """
  receiver, sender = socket.socketpair()
  sender.setblocking(False)
  signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
  for number in NUMBERS:
    signal.signal(number, _leave_to_thread)
  # `sender` is an argument so that it stays open.
  threading.Thread(target=_wait, args=(receiver, sender), daemon=True).start()


def allow(count: int) -> None:
  """Leaves the next `count` signals to the program; 0: none any more.

  A run that can save uses this: the first signal is a request to save and
  stop, and the second one ends the process at once.
  """
  global _allowed
  _allowed = count


def ignore() -> None:
  """Ignores signals from now on, where `install` has been called.

  All work is done by then. Python stops handling signals before it has cleaned
  up, and their default action would turn a good end into a bad exit code.
  """
  for number in NUMBERS:
    if signal.getsignal(number) is _leave_to_thread:
      signal.signal(number, signal.SIG_IGN)


def _leave_to_thread(number: int, frame: object) -> None:
  """Does nothing; it replaces the default action, so that `_wait` answers."""


def _wait(receiver: socket.socket, sender: socket.socket) -> None:
  while received := receiver.recv(1):
    if received[0] not in NUMBERS:
      continue
    if _allowed:
      allow(_allowed - 1)
    else:
      _end()


def _end() -> None:
  message = (
    b'mnist_jax: interrupted; the same command goes on or starts again\n'
  )
  try:
    os.write(sys.stderr.fileno(), message)
  finally:
    os._exit(exit_codes.INTERRUPTED)
