"""The web application: the page, its files, and the endpoints that it calls."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mnist_jax.demo import page, picture_reader
from mnist_jax.predict import classifier as classifier_lib

MEDIA_TYPES = {  # Of the files that are served, by their path.
  '/': 'text/html; charset=utf-8',
  '/page.css': 'text/css; charset=utf-8',
  '/icon.svg': 'image/svg+xml',
} | {
  f'/{name}': 'text/javascript; charset=utf-8' for name in page.SERVED_SCRIPTS
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
    host: a name of this machine. Only requests to it, to localhost and to
      127.0.0.1 are accepted, so that no other site can point its own name here.
  """
  reader = picture_reader.PictureReader(classifiers)
  routes = [_file_route(path) for path in MEDIA_TYPES]
  routes.append(Route('/models', reader.list_models, methods=['GET']))
  routes.append(Route('/read', reader.read, methods=['POST']))
  hosts = list(dict.fromkeys(['localhost', '127.0.0.1', host]))
  app = Starlette(
    routes=routes,
    middleware=[
      Middleware(
        TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False
      ),
    ],
    exception_handlers={HTTPException: _respond_with_error},
  )
  return SecurityHeaders(app)  # Outermost, so that errors have them too.


class SecurityHeaders:
  """Adds HEADERS to every response."""

  def __init__(self, app: ASGIApp):
    self._app = app

  async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
    async def send_with_headers(message: Message) -> None:
      if message['type'] == 'http.response.start':
        added = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
        headers = [*message.get('headers', ()), *added]
        message = {**message, 'headers': headers}
      await send(message)

    await self._app(scope, receive, send_with_headers)


def _file_route(path: str) -> Route:
  if path == '/':
    content = page.render(served=True)
  else:
    content = (page.FOLDER / path[1:]).read_bytes()

  async def respond(unused_request: Request) -> Response:
    return Response(content, media_type=MEDIA_TYPES[path])

  return Route(path, respond, methods=['GET'])


async def _respond_with_error(
  unused_request: Request, error: Exception
) -> Response:
  assert isinstance(error, HTTPException)
  return JSONResponse(
    {'error': error.detail}, error.status_code, headers=error.headers
  )
