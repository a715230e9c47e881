"""Mutated pictures, read by `python -m mnist_jax.predict`."""

import functools
import io
import json
import pathlib
import random
import struct
import zlib

import numpy as np
from PIL import Image

from experiments.fault_campaign import campaign, processes
from mnist_jax.data import uci_digits
from mnist_jax.photos import decode

IN_A_BATCH = 25  # Pictures for one process.
MODES = ('L', 'RGB', 'RGBA', 'P', '1', 'I;16', 'CMYK', 'LA', 'F')


def cases(bench) -> list[campaign.Case]:
  """Returns the case of this family."""
  del bench
  return [campaign.Case('mutated pictures', 500, 2, read_batch)]


def read_batch(its: campaign.Try) -> list[str]:
  """Reads a folder of mutated pictures: each has digits, or a note why not."""
  folder = its.folder / 'pictures'
  folder.mkdir()
  made = [mutate(its.rng) for _ in range(IN_A_BATCH)]
  for i, (name, content) in enumerate(made):
    (folder / f'{i}.{name}').write_bytes(content)
  arguments = ['-m', 'mnist_jax.predict', '--json', str(folder)]
  done = processes.run(arguments, its.folder)
  if what := processes.judge(done):
    return [what]  # It cannot be told which of them it was.
  try:
    answers = json.loads(done.stdout)
  except ValueError as error:
    return [f'stdout is no JSON: {error}']
  by_name = {pathlib.Path(answer['file']).name: answer for answer in answers}
  return [
    check(f'{i}.{name}', by_name.get(f'{i}.{name}'))
    for i, (name, _) in enumerate(made)
  ]


def check(name: str, answer: dict | None) -> str:
  """Returns what is wrong with the answer to a picture."""
  if answer is None:
    return f'{name} has no answer'
  if not answer['digits'] and not answer['note']:
    return f'{name} has neither digits nor a note'
  for digit in answer['digits']:
    if not (0 <= digit['digit'] <= 9 and 0 <= digit['confidence'] <= 1):
      return f'{name} has {digit}'
  return ''


def mutate(rng: random.Random) -> tuple[str, bytes]:
  """Returns the suffix and the bytes of a mutated picture."""
  way = rng.choice((cut, flip, splice, resize, lie, garble, rename))
  return way(rng)


def draw(rng: random.Random) -> tuple[str, bytes]:
  """Returns a right picture of a few digits in a random format and mode."""
  images = load_digits()
  row = np.hstack([images[rng.randrange(len(images))] for _ in range(3)])
  picture = Image.fromarray(255 - row).resize(
    (rng.choice((84, 300, 1000)), rng.choice((28, 100, 700)))
  )
  kind, mode = rng.choice(decode.FORMATS), rng.choice(MODES)
  content = io.BytesIO()
  try:
    picture.convert(mode).save(content, kind)
  except (OSError, ValueError):  # Not every format has every mode.
    content = io.BytesIO()
    picture.save(content, kind)
  return kind.lower(), content.getvalue()


@functools.cache
def load_digits() -> np.ndarray:
  """Returns real digits, uint8 [N, 28, 28]."""
  return uci_digits.load().test_images


def cut(rng: random.Random) -> tuple[str, bytes]:
  """Cuts a picture off."""
  name, content = draw(rng)
  return name, content[: rng.randrange(len(content))]


def flip(rng: random.Random) -> tuple[str, bytes]:
  """Changes some bytes, most of them in the header."""
  name, content = draw(rng)
  changed = bytearray(content)
  for _ in range(rng.randint(1, 20)):
    end = len(changed) if rng.random() < 0.3 else min(100, len(changed))
    changed[rng.randrange(end)] = rng.randrange(256)
  return name, bytes(changed)


def splice(rng: random.Random) -> tuple[str, bytes]:
  """Continues one picture with another."""
  (name, first), (_, second) = draw(rng), draw(rng)
  return name, first[: rng.randrange(len(first))] + second[rng.randrange(100) :]


def resize(rng: random.Random) -> tuple[str, bytes]:
  """Draws a picture of an extreme shape."""
  sides = rng.choice(
    ((1, 1), (1, 9000), (9000, 1), (2, 3), (27, 28), (5000, 9))
  )
  shade = rng.choice((0, 127, 255))
  content = io.BytesIO()
  Image.new('L', sides, shade).save(content, 'PNG')
  return 'png', content.getvalue()


def lie(rng: random.Random) -> tuple[str, bytes]:
  """Makes a PNG that claims to be huge, or is a bomb of zeros."""
  sides = rng.choice(((2**31 - 1, 2**31 - 1), (0, 0), (60_000, 60_000), (1, 0)))
  header = struct.pack('>IIBBBBB', *sides, 8, 0, 0, 0, 0)
  pixels = zlib.compress(bytes(rng.choice((10, 50_000_000))))
  parts = [chunk(b'IHDR', header), chunk(b'IDAT', pixels), chunk(b'IEND', b'')]
  return 'png', b'\x89PNG\r\n\x1a\n' + b''.join(parts)


def chunk(name: bytes, content: bytes) -> bytes:
  """Returns a chunk of a PNG file with its length and checksum."""
  checksum = struct.pack('>I', zlib.crc32(name + content))
  return struct.pack('>I', len(content)) + name + content + checksum


def garble(rng: random.Random) -> tuple[str, bytes]:
  """Returns random bytes, some with the start of a real format."""
  start = rng.choice((b'', b'\x89PNG\r\n\x1a\n', b'\xff\xd8\xff', b'GIF89a'))
  return 'png', start + rng.randbytes(rng.choice((0, 1, 100, 10_000)))


def rename(rng: random.Random) -> tuple[str, bytes]:
  """Gives a right picture the suffix of another format."""
  _, content = draw(rng)
  return rng.choice(('png', 'jpg', 'gif', 'heic', 'avif')), content
