"""Reads the pictures that clients send, in a few threads at a time.

Nothing in a request is trusted: sizes are checked before they are used, and no
name from a client reaches the file system.
"""

import asyncio
import base64
import contextlib
import functools
from collections.abc import Iterator

import anyio
import anyio.to_thread
import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from mnist_jax import errors
from mnist_jax.distributed import devices
from mnist_jax.predict import classifier as classifier_lib
from mnist_jax.predict import digit_reader

MAX_BYTES = 10_000_000
MAX_SECONDS = 20  # For a picture to arrive.
MAX_PICTURES = 40  # In memory at a time.
MAX_DIGITS = 400  # In a response.


class PictureReader:
  """Reads pictures with the networks; rejects requests over the limits."""

  def __init__(self, classifiers: dict[str, classifier_lib.Classifier]):
    self._classifiers = classifiers
    self._limiter = anyio.CapacityLimiter(devices.num_cores())
    self._num_pictures = 0
    # The time limits of pictures that are arriving, the first of them first.
    self._arriving: dict[asyncio.Timeout, None] = {}

  async def list_models(self, unused_request: Request) -> Response:
    """Responds with the names of the networks."""
    return JSONResponse({'models': list(self._classifiers)})

  async def read(self, request: Request) -> Response:
    """Responds to a picture with its digits, in the form of `read_digits`."""
    check_origin(request)
    network = self._choose(request)
    saliency = request.query_params.get('saliency') == '1'
    media_type = request.headers.get('content-type', '')
    if not media_type.startswith('image/'):
      raise HTTPException(
        415, f'{media_type[:80]!r} is not an image type; send a picture'
      )
    with self._count_picture():
      content = await self._receive(request)
      work = functools.partial(read_digits, content, network, saliency)
      try:
        digits = await anyio.to_thread.run_sync(work, limiter=self._limiter)
      except errors.UserError as error:
        raise HTTPException(422, str(error)) from error
    return JSONResponse(digits)

  def _choose(self, request: Request) -> classifier_lib.Classifier:
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
  def _count_picture(self) -> Iterator[None]:
    if self._num_pictures >= MAX_PICTURES:
      self._give_up_first_arriving()
    self._num_pictures += 1
    try:
      yield
    finally:
      self._num_pictures -= 1

  def _give_up_first_arriving(self) -> None:
    """Makes room, so that slow or idle clients do not keep others out."""
    if not self._arriving:
      raise HTTPException(
        503, 'too many pictures at once; try again', {'retry-after': '1'}
      )
    first = next(iter(self._arriving))
    del self._arriving[first]
    first.reschedule(asyncio.get_running_loop().time())

  async def _receive(self, request: Request) -> bytes:
    try:
      async with asyncio.timeout(MAX_SECONDS) as timeout:
        self._arriving[timeout] = None
        try:
          return await receive_body(request)
        finally:
          self._arriving.pop(timeout, None)
    except TimeoutError as error:
      raise HTTPException(408, 'the picture took too long to arrive') from error


def check_origin(request: Request) -> None:
  """Checks that a browser sends a request from this server's own page.

  Programs send neither of the two headers; browsers always send them.

  Raises:
    HTTPException: when it sends it from the page of another site.
  """
  host = request.headers['host']  # Checked already: a name of this machine.
  origin = request.headers.get('origin', f'http://{host}')
  site = request.headers.get('sec-fetch-site', 'same-origin')
  own = origin.partition('://')[2] == host
  if not own or site not in ('same-origin', 'none'):
    raise HTTPException(
      403, f'other sites may not send pictures; open http://{host}'
    )


async def receive_body(request: Request) -> bytes:
  """Returns the body of a request.

  Raises:
    HTTPException: when it has more than MAX_BYTES, or breaks off.
  """
  too_large = HTTPException(
    413,
    f'the picture is larger than {MAX_BYTES // 10**6} MB; send a smaller one',
  )
  length = request.headers.get('content-length', '')
  if length.isdecimal() and int(length[:20]) > MAX_BYTES:
    raise too_large
  content = bytearray()
  try:
    async for part in request.stream():
      content += part
      if len(content) > MAX_BYTES:
        raise too_large
  except ClientDisconnect as error:
    raise HTTPException(400, 'the picture broke off') from error
  return bytes(content)


def read_digits(
  content: bytes, network: classifier_lib.Classifier, saliency: bool
) -> dict:
  """Reads the digits in a picture.

  Args:
    content: of an image file.
    network: reads the digits.
    saliency: whether to add the saliency of each.

  Returns:
    For JSON: `size`, the width and height that boxes refer to; `note`, why
    there are none, or not all; and `digits`, each with `digit`, `confidence`,
    `runner_up`, `sure`, `verdict`, `touching`, `box` [x0, y0, x1, y1],
    `probabilities` [10], `image` (the 784 bytes that the network saw, in
    base64), and `saliency` (likewise, or null).

  Raises:
    errors.UserError: when it cannot be read as a picture.
  """
  picture, predictions = digit_reader.read(content, network)
  note = picture.note
  if len(predictions) > MAX_DIGITS:  # Where touching digits are cut apart.
    note = f'only the first {MAX_DIGITS} digits are shown'
    predictions = predictions[:MAX_DIGITS]
  maps: list[str | None] = [None] * len(predictions)
  if saliency and predictions:
    images = np.stack([prediction.image for prediction in predictions])
    maps = [_encode(np.round(255 * map_)) for map_ in network.saliency(images)]
  return {
    'size': picture.size,
    'note': note,
    'digits': [
      prediction.as_json()
      | {
        'probabilities': [round(float(p), 6) for p in prediction.probabilities],
        'image': _encode(prediction.image),
        'saliency': saliency_map,
      }
      for prediction, saliency_map in zip(predictions, maps, strict=True)
    ],
  }


def _encode(image: np.ndarray) -> str:
  return base64.b64encode(image.astype(np.uint8).tobytes()).decode('ascii')
