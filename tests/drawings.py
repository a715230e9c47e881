"""Digits as a hand draws them, for the tests that read pictures."""

import io
import math

from PIL import Image, ImageDraw

ARC = [math.radians(angle) for angle in range(200, 445, 10)]
LOWER = [math.radians(angle) for angle in range(280, 525, 10)]

# Points as fractions of the width of a picture that is 4 wide and 3 high.
STROKES = {
  1: [(0.5, 0.15), (0.49, 0.6)],
  3: [(0.49 + 0.11 * math.cos(a), 0.25 + 0.1 * math.sin(a)) for a in ARC]
  + [(0.49 + 0.14 * math.cos(a), 0.48 + 0.13 * math.sin(a)) for a in LOWER],
  7: [(0.36, 0.17), (0.63, 0.16), (0.47, 0.6)],
}


def placed(digit, scale=1.0, x=0.0, y=0.0):
  """Returns the points of a digit, scaled and then moved."""
  return [(scale * px + x, scale * py + y) for px, py in STROKES[digit]]


def picture(*strokes, size=(320, 240), form='PNG', **kwargs):
  """Returns the file of a picture with black strokes on white."""
  image = Image.new('L', size, 255)
  pen = ImageDraw.Draw(image)
  width = round(0.036 * size[0])
  for stroke in strokes:
    points = [(x * size[0], y * size[0]) for x, y in stroke]
    pen.line(points, fill=0, width=width, joint='curve')
    for x, y in points:
      half = width / 2
      pen.ellipse((x - half, y - half, x + half, y + half), fill=0)
  buffer = io.BytesIO()
  image.save(buffer, form, **kwargs)
  return buffer.getvalue()


def row(*digits):
  """Returns the file of a picture with digits side by side."""
  scale = 1 / len(digits)
  return picture(
    *(
      placed(digit, scale, x=place * scale, y=0.2)
      for place, digit in enumerate(digits)
    )
  )


def turned_photo(content):
  """Returns a photo as a camera stores it: turned, with an EXIF tag."""
  with Image.open(io.BytesIO(content)) as image:
    exif = image.getexif()
    exif[0x0112] = 6  # Viewers turn it by 90 degrees clockwise.
    buffer = io.BytesIO()
    turned = image.transpose(Image.Transpose.ROTATE_90)
    turned.save(buffer, 'JPEG', exif=exif)
  return buffer.getvalue()


def draw(page, points):
  """Draws a stroke with the pointer on a page's paper."""
  frame = page.locator('#canvas').bounding_box()
  for place, (x, y) in enumerate(points):
    x, y = (frame['x'] + x * frame['width'], frame['y'] + y * frame['width'])
    page.mouse.move(x, y, steps=3)
    if not place:
      page.mouse.down()
  page.mouse.up()
