"""The HTTP server: uvicorn, with limits for connections without a request.

On its own uvicorn waits for the rest of a request without a time limit, and
refuses all clients while too many connections are waiting.
"""

import asyncio
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http import h11_impl

MAX_CONNECTIONS = 256
MAX_IDLE = 100  # Connections without a request.
MAX_IDLE_SECONDS = 10.0


def create_server(app: ASGIApp) -> uvicorn.Server:
  """Creates a server for `app`; its `run` takes the sockets."""
  idle = IdleConnections()

  def create_connection(*args: Any, **kwargs: Any) -> Connection:
    return Connection(idle, *args, **kwargs)

  config = uvicorn.Config(
    app,
    http=create_connection,  # type: ignore[arg-type]
    log_level='error',
    access_log=False,
    server_header=False,
    lifespan='off',
    ws='none',
    limit_concurrency=MAX_CONNECTIONS,
    timeout_graceful_shutdown=2,
  )
  return uvicorn.Server(config)


class IdleConnections:
  """Closes connections that wait for a request too long, or are too many."""

  def __init__(self) -> None:
    # In the order in which they became idle.
    self._timers: dict[Connection, asyncio.TimerHandle] = {}

  def add(self, connection: 'Connection') -> None:
    """Adds a connection; if there are too many, closes the first of them."""
    self.remove(connection)
    self._timers[connection] = connection.loop.call_later(
      MAX_IDLE_SECONDS, connection.transport.abort
    )
    if len(self._timers) > MAX_IDLE:
      first = next(iter(self._timers))
      self.remove(first)
      first.transport.abort()

  def remove(self, connection: 'Connection') -> None:
    """Removes a connection, if it is there."""
    if timer := self._timers.pop(connection, None):
      timer.cancel()


class Connection(h11_impl.H11Protocol):
  """A connection that is idle except from a request's headers to its end."""

  def __init__(self, idle: IdleConnections, *args: Any, **kwargs: Any):
    super().__init__(*args, **kwargs)
    self._idle = idle
    self._app, self.app = self.app, self._run_app

  def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
    super().connection_made(transport)
    self._idle.add(self)

  def connection_lost(self, exc: Exception | None) -> None:
    self._idle.remove(self)
    super().connection_lost(exc)

  async def _run_app(self, scope: Scope, receive: Receive, send: Send) -> None:
    self._idle.remove(self)
    try:
      await self._app(scope, receive, send)
    finally:
      if not self.transport.is_closing():
        self._idle.add(self)
