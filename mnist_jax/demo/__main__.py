"""Serves a web page that reads handwritten digits, on this machine.

python -m mnist_jax.demo [--port=8000] [--host=127.0.0.1] [--weights=robust]
"""

from __future__ import annotations

from mnist_jax.cli import interrupts

if __name__ == '__main__':
  interrupts.install()

import argparse
import io
import ipaddress
import re
import signal
import socket
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mnist_jax import errors
from mnist_jax.cli import argparse_args, printable

if TYPE_CHECKING:
  import uvicorn

  from mnist_jax.predict import classifier


def main(argv: Sequence[str] | None = None) -> int:
  """Serves the page until Ctrl-C; returns the exit code.

  Raises:
    errors.UserError: for a wrong command line, a missing library, a port in
      use, or weights that cannot be loaded.
  """
  given = _parse(argv)
  try:
    from mnist_jax.demo import app, server
  except ImportError as error:
    library = (error.name or '').partition('.')[0]
    if library not in ('starlette', 'uvicorn', 'anyio'):
      raise
    raise errors.UserError(
      f'the demo needs {library}; pip install -r requirements-demo.txt'
    ) from error
  # Opened first, to report a port in use before the compilation.
  with listen(given.host, given.port) as listener:
    port = listener.getsockname()[1]
    classifiers = load_classifiers(given.weights, given.config)
    serving = server.create_server(app.create_app(classifiers, given.host))
    _leave_signals_to(serving)
    print(f'open http://{given.host}:{port} (Ctrl-C ends it)', flush=True)
    serving.run(sockets=[listener])
  return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
  parser = argparse_args.Parser(
    prog='python -m mnist_jax.demo',
    description='Serves a web page: draw digits or open a photo, and see what '
    'the network reads, what it saw, and how sure it is. Nothing leaves this '
    'machine, and no picture is kept.',
  )
  parser.add_argument(
    '--port', type=int, default=8000, help='%(default)s when not given'
  )
  parser.add_argument(
    '--host',
    default='127.0.0.1',
    help='%(default)s, for this machine alone, when not given; with an address '
    'of it in a network the page is open to that whole network',
  )
  parser.add_argument(
    '--weights',
    default='robust',
    metavar='NAME_OR_DIR',
    help='first in the list of networks; %(default)s when not given',
  )
  argparse_args.add_config(parser)
  given = parser.parse_args(argv)
  if not 0 <= given.port <= 65535:
    parser.error(f'--port {given.port} must be from 0 to 65535')
  _check_host(parser, given.host)
  return given


def _check_host(parser: argparse_args.Parser, host: str) -> None:
  """Refuses hosts that a request's Host header cannot be compared with."""
  try:
    address = ipaddress.ip_address(host)
    valid = address.version == 4 and not address.is_unspecified
  except ValueError:
    valid = re.fullmatch(r'[A-Za-z0-9.-]+', host) is not None
  if not valid:
    parser.error(
      f'--host {host} must be one name or IPv4 address of this machine, such '
      'as 127.0.0.1'
    )


def listen(host: str, port: int) -> socket.socket:
  """Opens the port.

  Raises:
    errors.UserError: when it is in use, or the host is not this machine.
  """
  try:
    return socket.create_server((host, port), backlog=128)
  except OSError as error:
    raise errors.UserError(
      f'port {port} on {host} cannot be opened ({error.strerror}); choose '
      f'another, such as --port={port + 1 if 1024 <= port < 65535 else 8001}'
    ) from error


def load_classifiers(
  first: str, recipe: str | None = None
) -> dict[str, classifier.Classifier]:
  """Returns compiled networks by name: `first`, then all pretrained ones.

  Args:
    first: the name or path of weights.
    recipe: what adds their model to the registry; None for our own models.
  """
  from mnist_jax.distributed import devices
  from mnist_jax.predict import classifier, weights

  devices.configure_reading()
  argparse_args.load_config(recipe)
  loaded = [weights.load_weights(first)]
  weights.check_digits(loaded[0])
  loaded += [
    weights.load_weights(name)
    for name in weights.pretrained_names()
    if name != loaded[0].name
  ]
  classifiers = {each.name: classifier.Classifier(each) for each in loaded}
  names = printable.escape(', '.join(classifiers))
  print(f'getting ready: {names}', flush=True)
  warm_up(classifiers.values())
  return classifiers


def warm_up(classifiers: Iterable[classifier.Classifier]) -> None:
  """Compiles, and reads a photo, so that no request has to wait.

  What libraries import late is imported here, not in several threads at once.
  """
  from PIL import Image, ImageDraw

  from mnist_jax.predict import digit_reader

  Image.init()  # Imports all formats.
  photo = Image.new('L', (320, 240), 200)
  ImageDraw.Draw(photo).line([(160, 50), (155, 190)], fill=60, width=12)
  content = io.BytesIO()
  photo.save(content, 'PNG')
  for each in classifiers:
    each.warm_up()
    digit_reader.read(content.getvalue(), each)


def _leave_signals_to(serving: uvicorn.Server) -> None:
  """Has Ctrl-C and SIGTERM end the server, also before it runs."""
  for number in interrupts.NUMBERS:
    signal.signal(number, serving.handle_exit)
  interrupts.allow(sys.maxsize)  # At its end the server sends them once more.


if __name__ == '__main__':
  sys.exit(argparse_args.run(main))
