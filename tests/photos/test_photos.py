"""Photos, scans and drawings become digits as MNIST stores its own."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from mnist_jax import errors
from mnist_jax.photos import deadline, decode, normalize, pipeline
from mnist_jax.photos import ink as ink_lib

PAPER, INK = 225, 60


@pytest.fixture(scope='module')
def large(digits):
  """One digit of each kind as ink [h, 120] in [0, 1], by its label."""
  images, labels = digits
  return {label: enlarged(images[labels == label][0]) for label in range(10)}


def enlarged(image, height=120):
  rows, columns = np.nonzero(image)
  cut = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
  width = max(8, round(height * cut.shape[1] / cut.shape[0]))
  cut = Image.fromarray(cut).resize((width, height), Image.Resampling.BICUBIC)
  return np.clip(np.asarray(cut, np.float32) / 160 - 0.3, 0, 1)


def page(height=300, width=300, seed=0, grain=2.0):
  rng = np.random.default_rng(seed)
  return PAPER + rng.normal(0, grain, (height, width)).astype(np.float32)


def put(paper, ink, x, y, value=INK):
  height, width = ink.shape
  window = paper[y : y + height, x : x + width]
  window[:] = window * (1 - ink) + value * ink


def encoded(pixels, file_format='PNG', **options):
  buffer = io.BytesIO()
  if not isinstance(pixels, Image.Image):
    pixels = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
  pixels.save(buffer, file_format, **options)
  return buffer.getvalue()


def read(pixels, **options):
  return pipeline.read_picture(encoded(pixels, **options))


def alike(a, b):
  """Returns the correlation of two 28x28 images."""
  return np.corrcoef(a.ravel().astype(float), b.ravel().astype(float))[0, 1]


def only(picture):
  assert len(picture.digits) == 1, [digit.box for digit in picture.digits]
  return picture.digits[0]


def refused(source, word):
  with pytest.raises(errors.UserError, match=word) as caught:
    pipeline.read_picture(source)
  message = str(caught.value)
  assert '\n' not in message and len(message) < 250
  return message


@pytest.fixture(scope='module')
def plain(large):
  """What each digit gives alone on clean paper."""
  found = {}
  for label, ink in large.items():
    paper = page()
    put(paper, ink, 90, 80)
    found[label] = only(read(paper)).image
  return found


def sheet_on_a_table(seed, right=40, bottom=30):
  """Returns a page that runs out of the picture above and to the left."""
  sheet = Image.fromarray(page(360, 360, seed))
  image = Image.new('F', (400, 400), 70)
  image.paste(sheet.resize((400 - right, 400 - bottom)))
  return np.array(image)


def test_the_edge_of_a_sheet_is_not_a_digit(large, plain):
  for right, bottom in ((70, 0), (60, 50), (0, 90)):
    pixels = sheet_on_a_table(0, right, bottom)
    assert read(pixels).note == pipeline.NO_DIGIT, (right, bottom)
    put(pixels, large[3], 100, 120)
    assert alike(only(read(pixels)).image, plain[3]) > 0.85


def test_a_one_along_a_shadow_is_a_digit():
  for place in (150, 162, 175):
    paper = page(300, 300)
    paper[:, 170:] *= 0.7
    soft = Image.fromarray(paper.astype(np.uint8))
    soft = soft.filter(ImageFilter.GaussianBlur(3))
    pixels = np.array(soft)
    pixels[80:220, place : place + 12] = 50
    only(read(pixels))


def test_a_digit_is_framed_as_mnist_stores_it(plain):
  for image in plain.values():
    assert image.shape == (28, 28) and image.dtype == np.uint8
    assert image.max() == 255
    rows, columns = np.nonzero(image > 0)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert 19 <= max(height, width) <= 20
    mass = image / image.sum(dtype=float)
    assert mass.sum(1) @ np.arange(28) == pytest.approx(14, abs=0.6)
    assert mass.sum(0) @ np.arange(28) == pytest.approx(14, abs=0.6)


def test_the_aspect_of_a_digit_is_kept():
  drawing = Image.new('F', (40, 80))
  ImageDraw.Draw(drawing).ellipse((0, 0, 39, 79), outline=1.0, width=10)
  rows, columns = np.nonzero(normalize.frame(np.asarray(drawing)) > 127)
  assert np.ptp(rows) + 1 == 20
  assert np.ptp(columns) + 1 == 10


def test_no_ink_gives_a_black_image():
  assert not normalize.frame(np.zeros((9, 9))).any()
  assert not normalize.frame(np.zeros((0, 4))).any()


def test_an_image_that_is_framed_already_is_not_changed(digits):
  images, _ = digits
  exact = 0
  for image in images[:40]:
    for pixels in (image, 255 - image):
      digit = only(read(pixels)).image
      assert alike(digit, image) > 0.85
      exact += np.array_equal(digit, image)
  assert exact >= 76  # The others' middle is where no frame of 28 can have it.


def test_thin_and_thick_strokes_become_as_wide_as_those_of_mnist():
  for width in (3, 60):
    drawing = Image.new('L', (400, 400), 255)
    ImageDraw.Draw(drawing).line([(200, 60), (200, 340)], 0, width)
    ImageDraw.Draw(drawing).line([(120, 340), (280, 340)], 0, width)
    image = only(read(drawing)).image
    across = (image[12] / 255).sum()
    assert 1.5 < across < 5.5, (width, across)
    assert image[12].max() > 200


def test_polarity_does_not_matter(large, plain):
  for label in (0, 3, 8):
    paper = page()
    put(paper, large[label], 90, 80)
    assert alike(only(read(255 - paper)).image, plain[label]) > 0.9
    board = page() * 0.2
    put(board, large[label], 90, 80, 200)
    assert alike(only(read(board)).image, plain[label]) > 0.9


def test_a_border_as_dark_as_the_ink_does_not_change_the_polarity(large, plain):
  paper = page(400, 400)
  put(paper, large[4], 150, 140)
  paper[:60] = paper[-60:] = 50
  paper[:, :60] = paper[:, -60:] = 50
  assert alike(only(read(paper)).image, plain[4]) > 0.85


def test_shadow_and_uneven_light_do_not_matter(large, plain):
  x = np.arange(300) / 300
  for light in (0.4 + 0.6 * x, np.where(x < 0.35, 0.5, 1.0)):
    paper = page()
    put(paper, large[2], 90, 80)
    assert alike(only(read(paper * light)).image, plain[2]) > 0.9


def test_size_and_place_do_not_matter(digits):
  images, labels = digits
  three = images[labels == 3][0]
  views = []
  for height, side, x, y in [
    (20, 40, 3, 15),
    (90, 700, 560, 20),
    (500, 640, 60, 70),
  ]:
    paper = page(side, side)
    put(paper, enlarged(three, height), x, y)
    views.append(only(read(paper)).image)
  assert alike(views[0], views[2]) > 0.85
  assert alike(views[1], views[2]) > 0.85


def test_ruled_lines_are_removed(large, plain):
  for rows, columns in ((True, True), (True, False)):
    paper = page(400, 400)
    for at in range(20, 400, 45):
      if rows:
        paper[at : at + 2] -= 70
      if columns:
        paper[:, at : at + 2] -= 70
    put(paper, large[5], 150, 140)
    assert alike(only(read(paper)).image, plain[5]) > 0.85


def test_a_printed_frame_is_removed(large, plain):
  paper = page(300, 300)
  paper[50:250, 50:54] = paper[50:250, 246:250] = 40
  paper[50:54, 50:250] = paper[246:250, 50:250] = 40
  put(paper, large[6], 110, 90)
  assert alike(only(read(paper)).image, plain[6]) > 0.85


def test_digits_are_ordered_in_rows_from_top_to_bottom(large, plain):
  paper, text = page(420, 640), ('5172', '0394')
  for line, word in enumerate(text):
    for place, letter in enumerate(word):
      put(paper, large[int(letter)], 40 + 150 * place, 40 + 200 * line)
  found = read(paper).digits
  assert len(found) == 8
  for digit, letter in zip(found, ''.join(text), strict=True):
    assert alike(digit.image, plain[int(letter)]) > 0.85


def test_a_box_is_around_its_digit_in_pixels_of_the_original(large):
  paper = page(900, 2400)
  ink = enlarged((large[3] * 255).astype(np.uint8), 300)
  put(paper, ink, 1500, 200)
  picture = read(paper)
  assert picture.size == (2400, 900)
  assert max(picture.pixels.shape) <= decode.MAX_SIDE
  wanted = (1500, 200, 1500 + ink.shape[1], 500)
  np.testing.assert_allclose(only(picture).box, wanted, atol=12)


def test_a_five_with_a_bar_of_its_own_is_one_digit():
  drawing = Image.new('L', (300, 300), 255)
  pen = ImageDraw.Draw(drawing)
  pen.line([(150, 70), (215, 64)], 0, 10)
  pen.line([(135, 75), (130, 140)], 0, 10)
  pen.arc((95, 130, 195, 230), 240, 130, 0, 10)
  only(read(drawing))


STROKES = {  # In a box as high as 1.
  '1': [[(0.1, 0), (0.1, 1)]],
  '7': [[(0, 0), (0.55, 0), (0.2, 1)]],
  '2': [[(0, 0.2), (0.3, 0), (0.5, 0.2), (0, 1), (0.6, 0.98)]],
  '4 open': [[(0.3, 0), (0, 0.5), (0.45, 0.52)], [(0.55, 0.1), (0.52, 1)]],
  '4 crossed': [[(0.4, 0), (0, 0.6), (0.7, 0.6)], [(0.5, 0.3), (0.45, 1)]],
  '5 open': [
    [(0.1, 0.1), (0.1, 0.42), (0.4, 0.4), (0.6, 0.62), (0.5, 0.9), (0, 1)],
    [(0.25, 0), (0.75, 0)],
  ],
}


def drawn(names, height=150, pen=9, gap=0.2):
  image = Image.new('L', (int(height * (len(names) + 0.8)), 2 * height), 255)
  x = height / 2
  for name in names:
    for stroke in STROKES[name]:
      points = [(x + height * a, height * (b + 0.4)) for a, b in stroke]
      ImageDraw.Draw(image).line(points, 0, pen, joint='curve')
    reach = max(a for stroke in STROKES[name] for a, _ in stroke)
    x += height * (reach + gap)
  return image


def test_strokes_that_do_not_quite_touch_are_one_digit():
  for name in STROKES:
    for height, pen in ((60, 4), (150, 5), (150, 9), (300, 14)):
      only(read(drawn([name], height, pen)))


def test_neighbouring_digits_are_not_joined():
  rng = np.random.default_rng(0)
  for _ in range(20):
    names = rng.choice(list(STROKES), rng.integers(2, 6))
    assert len(read(drawn(names)).digits) == len(names), names


def test_a_stroke_that_leaves_a_small_picture_is_kept():
  image = Image.new('L', (28, 28), 255)
  pen = ImageDraw.Draw(image)
  pen.line([(16, 0), (16, 27)], 60, 2)
  pen.line([(12, 6), (8, 16), (20, 16)], 60, 2)
  x0, y0, x1, y1 = only(read(image)).box
  assert (y0, y1) == (0, 28) and x0 < 10 and x1 > 19


def test_the_frame_around_a_cell_may_lean_and_blur(large, plain):
  for top, right in ((25, 8), (8, 25)):
    cell = Image.new('L', (240, 240), 190)
    pen = ImageDraw.Draw(cell)
    pen.line([(0, 6), (239, top)], 110, 9)
    pen.line([(232, 0), (239 - right, 239)], 110, 9)
    pixels = np.array(cell.filter(ImageFilter.GaussianBlur(2)), np.float32)
    put(pixels, large[8], 75, 80, 120)
    assert alike(only(read(pixels)).image, plain[8]) > 0.85


def test_the_ink_of_a_drawing_is_taken_as_it_is(large):
  paper = np.zeros((280, 280), np.float32)
  put(paper, large[3], 90, 80, 255)
  pixels = paper.astype(np.uint8)
  for drawing in (pixels, 255 - pixels):
    strength, noise = ink_lib.measure(drawing)
    np.testing.assert_array_equal(strength, pixels / np.float32(255))
    assert noise == 0


# How a picture is stored that the tag of this number turns upright.
STORED = {
  1: np.asarray,
  2: np.fliplr,
  3: lambda pixels: np.rot90(pixels, 2),
  4: np.flipud,
  5: np.transpose,
  6: np.rot90,
  7: lambda pixels: np.rot90(pixels, 2).T,
  8: lambda pixels: np.rot90(pixels, -1),
}


@pytest.mark.parametrize('orientation', STORED)
@pytest.mark.parametrize(
  ('file_format', 'options'),
  [
    ('JPEG', {'quality': 95}),
    ('PNG', {}),
    ('WEBP', {'lossless': True}),
    ('TIFF', {}),
    ('TIFF', {'compression': 'tiff_lzw'}),  # Which Pillow loads otherwise.
  ],
)
def test_a_photo_is_turned_upright_by_its_exif_orientation(
  large, plain, orientation, file_format, options
):
  paper = page(300, 400)
  put(paper, large[7], 40, 60)
  stored = np.ascontiguousarray(STORED[orientation](paper))
  exif = Image.Exif()
  exif[0x0112] = orientation
  picture = read(stored, file_format=file_format, exif=exif, **options)
  assert picture.size == (400, 300)
  digit = only(picture)
  assert alike(digit.image, plain[7]) > 0.9
  np.testing.assert_allclose(digit.box, only(read(paper)).box, atol=2)


def modes(grey):
  """Yields one picture of dark ink in many ways to store it."""
  yield 'RGB', grey.convert('RGB'), {}
  yield 'CMYK', grey.convert('CMYK'), {'file_format': 'JPEG'}
  yield 'palette', grey.quantize(8), {}
  yield 'two colours', grey.convert('1', dither=Image.Dither.NONE), {}
  deep = np.asarray(grey, np.uint16)
  yield '16 bits', Image.fromarray(deep * 257), {}
  yield '12 of 16 bits', Image.fromarray(deep * 16), {'file_format': 'TIFF'}
  clear = Image.eval(grey, lambda value: 255 - value)
  for colour in (0, 255):
    ink = Image.new('RGBA', grey.size, (colour, colour, colour, 0))
    ink.putalpha(clear.point(lambda value: max(0, value - 40)))
    yield f'{colour} on nothing', ink, {}
  still = {'file_format': 'GIF', 'save_all': True}
  blank = Image.new('L', grey.size, 255)
  yield 'animation', grey, still | {'append_images': [blank]}


def test_every_way_to_store_a_picture_gives_the_same_digit(large, plain):
  paper = page(grain=0)
  put(paper, large[9], 90, 80)
  for name, image, options in modes(Image.fromarray(paper.astype(np.uint8))):
    found = read(image, **options)
    assert len(found.digits) == 1, name
    assert alike(found.digits[0].image, plain[9]) > 0.85, name


def empty_pages():
  for share in (0.1, 0.2, 0.3):
    strip = page(500, 400)
    strip[:, : int(share * 400)] *= 0.5
    yield strip
  yield page(grain=6)
  yield page() * np.linspace(0.5, 1, 300)
  ruled = page(400, 400)
  ruled[30::60] -= 60
  yield ruled
  yield np.zeros((300, 300))
  yield np.full((300, 300), 255)
  yield np.zeros((1, 1))
  yield np.full((1, 3000), 255)


def test_an_empty_page_holds_no_digit():
  for empty in empty_pages():
    picture = read(empty)
    assert picture.digits == () and picture.note == 'no digit found'


def test_dots_where_faint_lines_cross_are_not_digits():
  dotted = page(600, 600)
  for y in range(40, 600, 80):
    for x in range(40, 600, 80):
      dotted[y : y + 8, x : x + 8] -= 90
  assert read(dotted).note == pipeline.NO_DIGIT


def test_each_bad_file_gives_one_clear_line(tmp_path):
  good = encoded(page())
  refused(b'', 'is empty')
  refused(b'hello, I am no picture', 'not an image')
  refused(good[:200], 'damaged')
  refused(good[: len(good) // 2], 'damaged')
  refused(b'\0\0\0\x18ftypheic' + bytes(40), 'HEIC')
  refused(bytes(decode.MAX_BYTES + 1), 'larger than 20 MB')
  refused(tmp_path / 'none.png', 'cannot read')
  refused(tmp_path, 'cannot read')
  refused('a\0b', 'cannot read')
  refused(b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n', 'not an image')


def test_a_wrong_extension_does_not_matter(tmp_path, large):
  paper = page()
  put(paper, large[1], 90, 80)
  path = tmp_path / 'photo.txt'
  path.write_bytes(encoded(paper, 'WEBP'))
  only(pipeline.read_picture(path))
  only(pipeline.read_picture(str(path)))


@pytest.mark.parametrize('side', [8_000, 50_000])
def test_a_picture_over_the_limit_is_refused_by_its_header(side):
  header = struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0)
  chunk = b'IHDR' + header
  crc = struct.pack('>I', zlib.crc32(chunk))
  bomb = b'\x89PNG\r\n\x1a\n' + struct.pack('>I', 13) + chunk + crc
  rows = zlib.compress(bytes(1000))
  data = b'IDAT' + rows
  bomb += struct.pack('>I', len(rows)) + data
  bomb += struct.pack('>I', zlib.crc32(data))
  refused(bomb, 'million pixels')


@pytest.mark.parametrize('behind', [[], [Image.new('L', (8, 8))]])
def test_a_jpeg_of_many_passes_is_refused(behind):
  # With a picture behind it, Pillow gives the format another name.
  image = Image.new('L', (5000, 5000))
  content = encoded(image, 'MPO', save_all=True, append_images=behind)
  refused(content[:-2] + b'\xff\xda\x00\x02' * 300, 'passes')


def test_a_picture_that_takes_too_long_is_given_up():
  with pytest.raises(errors.UserError, match='more than 0 s'):
    deadline.Deadline(0).check('a stage')


@pytest.mark.parametrize('margin', [10, 150])  # A crop, and a whole scene.
def test_a_picture_of_many_bars_is_given_up_while_they_are_joined(
  margin, monkeypatch
):
  def check(self, stage):
    if stage == 'finding the digits':
      raise errors.UserError('time is up')

  monkeypatch.setattr(deadline.Deadline, 'check', check)
  bars = np.full((80, 200), 255)
  bars[:, ::10] = bars[:, 1::10] = bars[:, 2::10] = 0
  refused(encoded(np.pad(bars, margin, constant_values=255)), 'time is up')


def test_the_number_of_digits_and_parts_is_bounded():
  rng = np.random.default_rng(0)
  noise = np.where(rng.random((500, 500)) < 0.1, 0, 255)
  blobs = np.kron(rng.random((80, 80)) < 0.2, np.ones((12, 12))) * 255
  for picture in (noise, blobs):
    assert len(read(picture).digits) <= 100


FORMATS = ('PNG', 'JPEG', 'GIF', 'BMP', 'TIFF', 'WEBP')


def mutated(rng, content):
  """Returns the file with bytes changed, anywhere or in its header, or cut."""
  content = bytearray(content)
  kind = rng.integers(3)
  if kind == 0:
    return bytes(content[: rng.integers(len(content))])
  reach = len(content) if kind == 1 else min(80, len(content))
  for place in rng.integers(0, reach, rng.integers(1, 12)):
    content[place] = rng.integers(256)
  return bytes(content)


def test_a_damaged_file_gives_a_picture_or_a_one_line_error(large):
  paper = page(64, 90, grain=1)
  put(paper, enlarged((large[5] * 255).astype(np.uint8), 44), 20, 10)
  files = [encoded(paper, name) for name in FORMATS]
  rng = np.random.default_rng(0)
  outcomes = []
  for number in range(330):
    content = mutated(rng, files[number % len(files)])
    try:
      outcomes.append(type(pipeline.read_picture(content)))
    except errors.UserError as error:
      assert '\n' not in str(error)
      outcomes.append(errors.UserError)
  assert outcomes.count(pipeline.Picture) > 30
  assert outcomes.count(errors.UserError) > 30
