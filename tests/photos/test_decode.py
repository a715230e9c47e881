"""Files of every kind become grey pixels, in little memory."""

import io
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from concurrent import futures

import numpy as np
import pytest
from PIL import Image

from mnist_jax import errors
from mnist_jax.photos import decode


def smooth(height, width, seed=0, channels=1):
  """Returns random soft shapes [H, W, channels] uint8."""
  rng = np.random.default_rng(seed)
  small = rng.integers(0, 256, (9, 7, channels), dtype=np.uint8)
  layers = [
    np.asarray(
      Image.fromarray(small[..., c]).resize(
        (width, height), Image.Resampling.BICUBIC
      )
    )
    for c in range(channels)
  ]
  return np.stack(layers, -1)


def picture(mode, height, width):
  """Returns a picture of any mode in which files are decoded."""
  pixels = smooth(height, width, channels=4)
  if mode in ('I;16', 'I', 'F'):
    values = pixels[..., 0].astype(np.float32) * 190 - (mode != 'I;16') * 3000
    kind = {'I;16': np.uint16, 'I': np.int32, 'F': np.float32}[mode]
    return Image.fromarray(values.astype(kind))
  layers = [Image.fromarray(pixels[..., c]) for c in range(4)]
  if mode == 'P':
    return Image.merge('RGB', layers[:3]).quantize(64)
  if mode == '1':
    return layers[0].convert('1')
  return Image.merge(mode, layers[: len(Image.new(mode, (1, 1)).getbands())])


def file_of(image, file_format, **options):
  buffer = io.BytesIO()
  image.save(buffer, file_format, **options)
  return buffer.getvalue()


def whole(image):
  """Returns the grey pixels as Pillow computes them from the whole picture."""
  if image.mode in ('I;16', 'I', 'F'):
    values = np.asarray(image, np.float64)
    low = min(0.0, values.min())
    values = np.round((values - low) * (255 / (values.max() - low)))
    image = Image.fromarray(values.astype(np.uint8))
  has_alpha = 'A' in image.mode or 'transparency' in image.info
  image = image.convert(
    'RGBA' if has_alpha else 'L' if image.mode == 'L' else 'RGB'
  )
  scale = min(1, decode.MAX_SIDE / max(image.size))
  size = [max(1, round(side * scale)) for side in image.size]
  image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
  if has_alpha:
    return np.asarray(decode._on_background(image))
  return np.asarray(image.convert('L'))


@pytest.mark.parametrize(
  ('mode', 'file_format'),
  [
    *(('L', 'PNG'), ('L', 'TIFF'), ('RGB', 'PNG'), ('RGBA', 'PNG')),
    *(('LA', 'PNG'), ('P', 'PNG'), ('P', 'GIF'), ('1', 'TIFF')),
    *(('CMYK', 'TIFF'), ('I;16', 'PNG'), ('I', 'TIFF'), ('F', 'TIFF')),
  ],
)
@pytest.mark.parametrize(
  'shape', [(90, 70), (731, 1117), (1601, 37), (3, 2000), (1, 30_000)]
)
def test_a_picture_read_by_strips_is_that_of_the_whole(
  monkeypatch, mode, file_format, shape
):
  monkeypatch.setattr(decode, 'MAX_SIDE', 160)
  monkeypatch.setattr(decode, 'STRIP_PIXELS', 5000)
  image = picture(mode, *shape)
  pixels, size = decode.read(file_of(image, file_format))
  assert size == image.size
  wanted = whole(image).astype(int)
  assert pixels.shape == wanted.shape
  # Colours are rounded once more where they are nearly transparent.
  assert np.abs(pixels - wanted).max() <= (2 if 'A' in mode else 1)


def test_a_palette_with_a_transparent_colour_is_shrunk_as_a_whole(monkeypatch):
  monkeypatch.setattr(decode, 'MAX_SIDE', 160)
  image = picture('P', 400, 700)
  content = file_of(image, 'PNG', transparency=3)
  pixels, _ = decode.read(content)
  with Image.open(io.BytesIO(content)) as opened:
    opened.load()
    np.testing.assert_allclose(pixels, whole(opened), atol=1)


def test_pixels_that_are_no_numbers_count_as_zero():
  values = np.full((4, 4), 100, np.float32)
  values[0] = np.nan, np.inf, -np.inf, 0
  values.view(np.uint32)[0, 3] = 0x7F800001  # NaN that signals.
  pixels, _ = decode.read(file_of(Image.fromarray(values), 'TIFF'))
  assert not pixels[0].any()
  assert (pixels[1:] == 255).all()


def with_chunk(content, name, data):
  """Returns a PNG file with a chunk more, behind its header."""
  chunk = struct.pack('>I', len(data)) + name + data
  chunk += struct.pack('>I', zlib.crc32(name + data))
  return content[:33] + chunk + content[33:]


def test_a_picture_that_pillow_warns_of_is_read(monkeypatch):
  # The suite makes errors of warnings; this one says 'Invalid APNG'.
  content = with_chunk(file_of(picture('L', 40, 60), 'PNG'), b'acTL', bytes(8))
  with warnings.catch_warnings(record=True) as found:
    warnings.simplefilter('always')
    with Image.open(io.BytesIO(content)):
      assert len(found) == 1
  assert decode.read(content)[1] == (60, 40)
  # Nor is its own limit in the way, from which on it warns.
  monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 2_000)
  assert decode.read(content)[1] == (60, 40)


def test_two_threads_that_read_at_once_silence_no_other_warning(monkeypatch):
  # The one that comes first leaves first, while the other still reads.
  inside = {60: threading.Event(), 61: threading.Event()}
  left = threading.Event()

  def check(name, image, content):
    inside[image.width].set()
    assert (inside[61] if image.width == 60 else left).wait(20)

  monkeypatch.setattr(decode, '_check_size', check)
  files = [file_of(picture('L', 40, width), 'PNG') for width in inside]
  with futures.ThreadPoolExecutor(2) as pool:
    first = pool.submit(decode.read, files[0])
    assert inside[60].wait(20)
    second = pool.submit(decode.read, files[1])
    first.result(20)
    left.set()
    second.result(20)
  with pytest.raises(UserWarning, match='mine'):
    warnings.warn('mine', stacklevel=1)


def run_python(program, argument):
  return subprocess.run(
    [sys.executable, '-c', program, str(argument)],
    capture_output=True,
    text=True,
    timeout=120,
  )


MEASURE = """
import re, sys
from mnist_jax.photos import decode
pixels, size = decode.read(sys.argv[1])
assert size == (7000, 7000) and pixels.shape == (1600, 1600)
# Unlike ru_maxrss this does not count the process that started this one.
with open('/proc/self/status') as status:
  print(int(re.search(r'VmHWM:\\s*(\\d+) kB', status.read())[1]) // 1024)
"""


@pytest.mark.skipif(sys.platform != 'linux', reason='needs /proc')
@pytest.mark.parametrize(
  ('mode', 'file_format', 'options'),
  [
    ('I;16', 'PNG', {'compress_level': 1}),
    ('RGBA', 'PNG', {'compress_level': 1}),
  ],
)
def test_a_picture_of_49_megapixels_needs_less_than_400_mb(
  tmp_path, mode, file_format, options
):
  # Reading needs 250 MB more: it is JAX with a network.
  path = tmp_path / 'large'
  image = Image.new(mode, (7000, 7000))
  image.paste(picture(mode, 700, 700), (3000, 3000))
  image.save(path, file_format, **options)
  del image
  done = run_python(MEASURE, path)
  assert done.returncode == 0, done.stderr
  assert int(done.stdout) < 400


def test_a_webp_picture_is_refused_above_its_own_limit(monkeypatch):
  # Its library needs four times the memory that other formats do.
  content = file_of(picture('RGB', 40, 60), 'WEBP')
  assert decode.read(content)[1] == (60, 40)
  monkeypatch.setattr(decode, 'MAX_WEBP_PIXELS', 2_399)
  with pytest.raises(errors.UserError, match='60 x 40'):
    decode.read(content)
  decode.read(file_of(picture('RGB', 40, 60), 'PNG'))


@pytest.mark.parametrize('behind', [[], [Image.new('L', (8, 8))]])
def test_a_large_jpeg_is_shrunk_by_its_decoder(monkeypatch, behind):
  monkeypatch.setattr(decode, 'MAX_SIDE', 100)
  drawn = picture('L', 800, 400)
  content = file_of(drawn, 'MPO', save_all=True, append_images=behind)
  with Image.open(io.BytesIO(content)) as opened:
    assert opened.format == ('MPO' if behind else 'JPEG')
    assert decode._to_grey(opened).size == (50, 100)
    assert opened.size == (100, 200)


def damaged_tiffs():
  """Yields TIFF files with changed bytes, in several compressions."""
  rng = np.random.default_rng(0)
  for name in ('tiff_deflate', 'tiff_lzw', 'jpeg', 'group4'):
    image = picture('1' if name == 'group4' else 'L', 60, 60)
    content = file_of(image, 'TIFF', compression=name)
    for reach in (len(content), 200):
      for _ in range(15):
        changed = bytearray(content)
        for place in rng.integers(8, reach, 4):
          changed[place] = rng.integers(256)
        yield bytes(changed)


def test_libraries_print_no_lines_of_their_own(tmp_path):
  program = (
    'import pathlib, sys\n'
    'from mnist_jax import errors\n'
    'from mnist_jax.photos import decode\n'
    'for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n'
    '  try: decode.read(path)\n'
    '  except errors.UserError: print(path.name)\n'
  )
  for number, content in enumerate(damaged_tiffs()):
    (tmp_path / f'{number}.tiff').write_bytes(content)
  done = run_python(program, tmp_path)
  assert len(done.stdout.splitlines()) > 30
  assert done.stderr == ''
