"""The web page under malformed requests, idle connections and many clients."""

import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import random
import re
import socket
import statistics
import threading
import time

from experiments.fault_campaign import bench as bench_lib
from experiments.fault_campaign import campaign, processes

IN_A_BATCH = 20  # Malformed requests before the server is looked at again.
IDLE = 300
CLIENTS = 20
MAX_SECONDS = 60  # Of the clients.
HOST = '127.0.0.1'


def cases(bench: bench_lib.Bench) -> list[campaign.Case]:
  """Returns the cases of this family; none where the demo is not installed."""
  try:
    import starlette  # noqa: F401
    import uvicorn  # noqa: F401
  except ImportError:
    return []
  server = Server(bench)
  return [
    campaign.Case('first two readings at once', 7, 0.5, first_two(bench)),
    campaign.Case(
      'malformed HTTP requests', 200, 1, lambda its: send_batch(server, its), 1
    ),
    campaign.Case(
      'requests of other sites', 4, 0.2, lambda its: [cross(server, its)], 1
    ),
    campaign.Case(
      f'{IDLE} idle connections', 1, 0.5, lambda its: [idle(server)], 1
    ),
    campaign.Case(
      f'{CLIENTS} clients',
      1,
      1,
      lambda its: crowd(server, bench, its.seconds),
      1,
    ),
  ]


class Server:
  """The demo in a process of its own, started when it is first needed."""

  def __init__(self, bench: bench_lib.Bench):
    self._bench, self._lock = bench, threading.Lock()
    self._process: processes.Process | None = None
    self._port = 0

  @property
  def port(self) -> int:
    """The port of a running server; it is started again if it has ended."""
    with self._lock:
      if self._process is None or not self._process.is_running():
        self._process, self._port = start(self._bench.scratch)
      return self._port

  @property
  def picture(self) -> bytes:
    """A picture of one digit."""
    return self._bench.picture.read_bytes()

  def megabytes(self) -> float:
    """Returns the server's memory now."""
    return processes.resident(self._process.popen.pid) if self._process else 0.0


def start(folder: pathlib.Path) -> tuple[processes.Process, int]:
  """Starts the demo on a free port of 127.0.0.1.

  Raises:
    RuntimeError: when it does not say where it listens.
  """
  process = processes.Process(['-m', 'mnist_jax.demo', '--port=0'], folder)
  process.wait_until(lambda: 'open http' in process.output(), 120)
  found = re.search(rf'http://{HOST}:(\d+)', process.output())
  if not found:
    raise RuntimeError(f'the demo does not start: {process.wait(1).stderr}')
  return process, int(found[1])


def ask(
  port: int,
  method: str,
  path: str,
  body: bytes | None = None,
  headers: dict | None = None,
  limit: float = 30,
) -> tuple[int, bytes]:
  """Sends a request; returns the status, 0 without an answer, and the body."""
  connection = http.client.HTTPConnection(HOST, port, timeout=limit)
  with contextlib.closing(connection):
    try:
      connection.request(method, path, body, headers or {})
      response = connection.getresponse()
      return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
      return 0, repr(error).encode()


def read(port: int, picture: bytes, limit: float = 30) -> str:
  """Reads a picture; returns what is wrong with the answer."""
  headers = {'content-type': 'image/png'}
  status, body = ask(port, 'POST', '/read', picture, headers, limit)
  if status != 200:
    return f'/read answers {status}: {body[:200].decode(errors="replace")}'
  if len(json.loads(body)['digits']) != 1:
    return f'/read finds {body[:200].decode(errors="replace")}'
  return ''


def first_two(bench: bench_lib.Bench) -> campaign.Attempt:
  """Makes attempts that read two pictures the moment the page opens."""

  def attempt(its: campaign.Try) -> list[str]:
    picture = bench.picture.read_bytes()
    process, port = start(its.folder)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
      answers = list(pool.map(lambda _: read(port, picture), range(2)))
    process.kill()
    return [next(filter(None, answers), '')]

  return attempt


def send_batch(server: Server, its: campaign.Try) -> list[str]:
  """Sends malformed requests, then a right one that must be answered."""
  outcomes = []
  for _ in range(IN_A_BATCH):
    request = malform(its.rng, server.picture)
    status = send(server.port, request)
    failed = status.startswith('5') and status != '501'
    what = f'{request[:80]!r} is answered with {status}'
    outcomes.append(what if failed else '')
  if what := read(server.port, server.picture):
    outcomes[-1] = f'after {IN_A_BATCH} malformed requests {what}'
  return outcomes


def malform(rng: random.Random, picture: bytes) -> bytes:
  """Returns the bytes of a request that is wrong somewhere."""
  length = f'content-length: {len(picture)}'
  lines = ['POST /read HTTP/1.1', f'host: {HOST}', 'content-type: image/png']
  way = rng.randrange(9)
  if way == 0:
    return rng.randbytes(rng.randint(1, 2000))
  if way == 1:
    lines[0] = rng.choice(('GET', 'GET /', 'PUT / HTTP/9', 'GET  / HTTP/1.1 x'))
  elif way == 2:
    length = f'content-length: {rng.choice((-1, 10**30, "x", "", "1, 2"))}'
  elif way == 3:
    length = 'transfer-encoding: chunked'
    picture = b'FFFFFFFFFFFFFFFFF\r\n' + picture
  elif way == 4:
    lines += [f'x{i}: {"y" * rng.randint(1, 2000)}' for i in range(300)]
  elif way == 5:
    path = rng.choice(('/%00', '/../../etc/passwd', '/' + 'a' * 70_000, '*'))
    lines[0] = f'GET {path} HTTP/1.1'
  elif way == 6:
    lines[1] = rng.choice(('host: evil.example', 'host:', 'host: a\x00b', ''))
  elif way == 7:
    lines[0] = 'POST /read?model=' + rng.choice(('x' * 5000, '%ff', '\u00e9'))
    lines[0] += ' HTTP/1.1'
  else:
    place = rng.randrange(len(picture))
    picture = picture[:place] + rng.randbytes(8) + picture[place + 8 :]
  head = '\r\n'.join([*lines, length, '', '']).encode('latin-1', 'replace')
  return head + picture


def send(port: int, request: bytes) -> str:
  """Sends bytes; returns the status of the answer, '' without one."""
  with socket.create_connection((HOST, port), timeout=10) as connection:
    try:
      connection.sendall(request)
      connection.shutdown(socket.SHUT_WR)
      answer = connection.recv(100)
    except OSError:
      return ''
  words = answer.split()
  return words[1].decode(errors='replace') if len(words) > 1 else ''


def cross(server: Server, its: campaign.Try) -> str:
  """Sends a picture as a page of another site does; it must be refused."""
  origin = ('http://evil.example', 'null', 'http://127.0.0.1:1', 'https://x')
  headers = {'origin': origin[its.number % 4], 'content-type': 'image/png'}
  status, _ = ask(server.port, 'POST', '/read', server.picture, headers)
  if status < 400:
    return f'a request of {headers["origin"]} is answered with {status}'
  return ''


def idle(server: Server) -> str:
  """Opens connections that never finish a request, then sends a right one."""
  port = server.port
  with contextlib.ExitStack() as stack:
    for _ in range(IDLE):
      connection = socket.create_connection((HOST, port), timeout=10)
      stack.enter_context(connection)
      connection.sendall(b'POST /read HTTP/1.1\r\nhost: 127.0.0.1\r\n')
    what, until = 'none was sent', time.monotonic() + 30
    while what and time.monotonic() < until:
      what = read(port, server.picture)
      time.sleep(0.5)
  return f'with {IDLE} idle connections {what}' if what else ''


def crowd(
  server: Server, bench: bench_lib.Bench, seconds_left: float
) -> list[str]:
  """Lets clients read pictures for a while; measures times and memory."""
  port, picture = server.port, server.picture
  read(port, picture)
  before = server.megabytes()
  until = time.monotonic() + min(MAX_SECONDS, max(2.0, seconds_left))
  seconds: list[float] = []
  failures: list[str] = []

  def work(_: int) -> None:
    while time.monotonic() < until:
      started = time.monotonic()
      what = read(port, picture)
      seconds.append(time.monotonic() - started)
      if what:
        failures.append(what)

  with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
    list(pool.map(work, range(CLIENTS)))
  ordered = sorted(seconds)
  bench.measured[f'{CLIENTS} clients'] = {
    'requests': len(ordered),
    'p50_seconds': statistics.median(ordered),
    'p95_seconds': ordered[int(0.95 * (len(ordered) - 1))],
    'memory_before_mb': before,
    'memory_after_mb': server.megabytes(),
  }
  survived = [''] * (len(ordered) - len(failures))
  return survived + failures
