"""What the server answers: the page, and readings of pictures as JSON.

Nothing that a client sends is trusted: sizes are bounded before they are used,
and no name from it ever reaches the file system.
"""

import asyncio
import base64
import contextlib
import functools
import os
import pathlib

import anyio
import anyio.to_thread
import numpy as np
from starlette import requests
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mnist_jax import errors
from mnist_jax.predict import classifier as classifier_lib
from mnist_jax.predict import digit_reader

MAX_BYTES = 10_000_000
MAX_SECONDS = 20  # For a picture to arrive.
MAX_WAITING = 40  # Pictures in memory at a time.
MAX_DIGITS = 100  # In an answer.

FILES = {
  '/': ('page.html', 'text/html; charset=utf-8'),
  '/page.css': ('page.css', 'text/css; charset=utf-8'),
  '/page.js': ('page.js', 'text/javascript; charset=utf-8'),
  '/drawing.js': ('drawing.js', 'text/javascript; charset=utf-8'),
  '/answers.js': ('answers.js', 'text/javascript; charset=utf-8'),
  '/icon.svg': ('icon.svg', 'image/svg+xml'),
}
HEADERS = {
  'content-security-policy': (
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
  ),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
  'cache-control': 'no-store',
}


def create_app(
  classifiers: dict[str, classifier_lib.Classifier], host: str = '127.0.0.1'
) -> 'SecurityHeaders':
  """Creates the server's ASGI application.

  Args:
    classifiers: networks by the name that the page shows; the first is chosen
      when the page opens.
    host: a name of this machine; with localhost and 127.0.0.1 the only ones
      that are answered, so that no other site can point its own name here.
  """
  reader = Reader(classifiers)
  routes = [_file_route(path, *file) for path, file in FILES.items()]
  routes.append(Route('/models', reader.list_models, methods=['GET']))
  routes.append(Route('/read', reader.read, methods=['POST']))
  names = list(dict.fromkeys(['localhost', '127.0.0.1', host]))
  app = Starlette(
    routes=routes,
    middleware=[
      Middleware(
        TrustedHostMiddleware, allowed_hosts=names, www_redirect=False
      ),
    ],
    exception_handlers={HTTPException: _refuse},
  )
  return SecurityHeaders(app)  # Around all, so that a failure has them too.


class SecurityHeaders:
  """Adds HEADERS to every answer, refusals too."""

  def __init__(self, app):
    self.app = app

  async def __call__(self, scope, receive, send):
    async def send_with_headers(message):
      if message['type'] == 'http.response.start':
        message = message | {
          'headers': [
            *message.get('headers', ()),
            *((k.encode(), v.encode()) for k, v in HEADERS.items()),
          ]
        }
      await send(message)

    await self.app(scope, receive, send_with_headers)


class Reader:
  """Reads pictures in a few threads, and turns away whom it cannot serve."""

  def __init__(self, classifiers: dict[str, classifier_lib.Classifier]):
    self._classifiers = classifiers
    self._limiter = anyio.CapacityLimiter(len(os.sched_getaffinity(0)))
    self._waiting = 0

  async def list_models(self, unused_request: requests.Request) -> Response:
    """Answers with the names of the networks."""
    return JSONResponse({'models': list(self._classifiers)})

  async def read(self, request: requests.Request) -> Response:
    """Answers a picture with its digits; `describe` has the form."""
    network = self._choose(request)
    saliency = request.query_params.get('saliency') == '1'
    media_type = request.headers.get('content-type', '')
    if not media_type.startswith('image/'):
      raise HTTPException(
        415, f'{media_type[:80]!r} is no image type; send a picture'
      )
    with self._place():
      content = await receive(request)
      work = functools.partial(describe, content, network, saliency)
      try:
        answer = await anyio.to_thread.run_sync(work, limiter=self._limiter)
      except errors.UserError as error:
        raise HTTPException(422, ' '.join(str(error).split())) from error
    return JSONResponse(answer)

  def _choose(self, request) -> classifier_lib.Classifier:
    first = next(iter(self._classifiers))
    name = request.query_params.get('model', first)
    if name not in self._classifiers:
      raise HTTPException(
        400,
        f'model {name[:80]!r} is unknown; choose one of '
        f'{", ".join(self._classifiers)}',
      )
    return self._classifiers[name]

  @contextlib.contextmanager
  def _place(self):
    if self._waiting >= MAX_WAITING:
      raise HTTPException(
        503, 'too many pictures at once; try again', {'retry-after': '1'}
      )
    self._waiting += 1
    try:
      yield
    finally:
      self._waiting -= 1


async def receive(request: requests.Request) -> bytes:
  """Returns the body; refuses one that is too large, or takes too long."""
  too_large = HTTPException(
    413, f'the picture is larger than {MAX_BYTES // 10**6} MB; send a smaller'
  )
  length = request.headers.get('content-length', '')
  if length.isdecimal() and int(length[:20]) > MAX_BYTES:
    raise too_large
  content = bytearray()
  try:
    async with asyncio.timeout(MAX_SECONDS):
      async for part in request.stream():
        content += part
        if len(content) > MAX_BYTES:
          raise too_large
  except TimeoutError as error:
    raise HTTPException(408, 'the picture took too long to arrive') from error
  except requests.ClientDisconnect as error:
    raise HTTPException(400, 'the picture broke off') from error
  return bytes(content)


def describe(
  content: bytes, network: classifier_lib.Classifier, saliency: bool
) -> dict:
  """Returns what is in a picture, in plain JSON types.

  Returns:
    `size`, the width and height that boxes refer to; `note`, why there are no
    digits; and `digits`, each with `digit`, `confidence`, `runner_up`, `sure`,
    `box` [x0, y0, x1, y1], `probabilities` [10], `image`, the 784 bytes that
    the network saw in base64, and `saliency` likewise, or null.

  Raises:
    errors.UserError: when it is no picture.
  """
  reading = digit_reader.read(content, network)
  answers = reading.answers[:MAX_DIGITS]
  maps = [None] * len(answers)
  if saliency and answers:
    shares = network.saliency(np.stack([answer.image for answer in answers]))
    maps = [_encode(np.round(255 * share)) for share in shares]
  return {
    'size': [int(side) for side in reading.picture.size],
    'note': reading.note,
    'digits': [
      {
        'digit': answer.digit,
        'confidence': answer.confidence,
        'runner_up': answer.runner_up,
        'sure': answer.confidence >= digit_reader.THRESHOLD,
        'box': list(answer.box),
        'probabilities': [round(float(p), 6) for p in answer.probabilities],
        'image': _encode(answer.image),
        'saliency': sway,
      }
      for answer, sway in zip(answers, maps, strict=True)
    ],
  }


def _encode(image: np.ndarray) -> str:
  return base64.b64encode(image.astype(np.uint8).tobytes()).decode('ascii')


def _file_route(path: str, name: str, media_type: str) -> Route:
  content = (pathlib.Path(__file__).parent / name).read_bytes()

  async def answer(unused_request):
    return Response(content, media_type=media_type)

  return Route(path, answer, methods=['GET'])


async def _refuse(unused_request, error: HTTPException) -> Response:
  return JSONResponse(
    {'error': error.detail}, error.status_code, headers=error.headers
  )
