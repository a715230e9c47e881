"""The page and its server: a real one, used by programs and by a browser."""

import base64
import concurrent.futures
import contextlib
import http.client
import io
import json
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import zlib

import drawings
import pytest
from PIL import Image

from mnist_jax.cli import argparse_args
from mnist_jax.demo import __main__ as demo
from mnist_jax.demo import app, picture_reader, server
from mnist_jax.predict import weights

REPOSITORY = pathlib.Path(__file__).parents[2]


def start(*argv):
  return subprocess.Popen(
    [sys.executable, '-m', 'mnist_jax.demo', *argv],
    cwd=REPOSITORY,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def run_python(*argv):
  return subprocess.run(
    [sys.executable, *argv],
    cwd=REPOSITORY,
    capture_output=True,
    text=True,
    timeout=120,
  )


@pytest.fixture(scope='module')
def port():
  """The port of a server that is started and ended as a user would."""
  process = start('--port=0')
  lines = [process.stdout.readline(), process.stdout.readline()]
  if not lines[1].endswith('(Ctrl-C ends it)\n'):
    process.kill()
    pytest.fail(f'{lines}, {process.communicate()}')
  yield int(re.search(r'open http://127\.0\.0\.1:(\d+) ', lines[1])[1])
  process.send_signal(signal.SIGINT)
  _, err = process.communicate(timeout=20)
  assert err == ''
  assert process.returncode == 0


def test_a_signal_while_it_gets_ready_is_one_line():
  process = start('--port=0')
  assert process.stdout.readline().startswith('getting ready')
  process.send_signal(signal.SIGTERM)
  _, err = process.communicate(timeout=20)
  assert process.returncode == 130
  assert err.startswith('mnist_jax: interrupted') and err.count('\n') == 1


def request(port, method, path, body=None, **headers):
  """Returns the status, the headers and the content of a response."""
  connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
  names = {name.replace('_', '-'): value for name, value in headers.items()}
  connection.request(method, path, body, names)
  response = connection.getresponse()
  content = response.read()
  connection.close()
  return response.status, response.headers, content


def read(port, picture, query='', content_type='image/png'):
  status, _, content = request(
    port, 'POST', f'/read{query}', picture, content_type=content_type
  )
  return status, json.loads(content)


def test_the_page_and_all_files_that_it_loads_are_served(port):
  wanted, seen = {'/'}, set()
  while wanted:
    path = wanted.pop()
    seen.add(path)
    status, headers, content = request(port, 'GET', path)
    assert status == 200
    assert headers['content-type'] == app.MEDIA_TYPES[path]
    found = re.findall(rb'<(?:script|link)[^>]*(?:src|href)="([^"]+)"', content)
    wanted |= {f'/{each.decode()}' for each in found} - seen
  assert seen == app.MEDIA_TYPES.keys()


def test_the_page_loads_nothing_from_other_hosts_and_has_nothing_inline(port):
  for path in app.MEDIA_TYPES:
    _, _, content = request(port, 'GET', path)
    assert not re.findall(rb'https?://(?!www\.w3\.org/2000/svg)', content)
  _, _, page = request(port, 'GET', '/')
  assert b'style=' not in page
  assert not re.search(rb'<script[^>]*>[^<]', page)
  assert not re.search(rb'\son[a-z]+=', page)


@pytest.mark.parametrize(
  ('method', 'path', 'status'),
  [
    ('GET', '/', 200),
    ('GET', '/none', 404),
    ('GET', '/app.py', 404),
    ('GET', '/../app.py', 404),
    ('GET', '/%2e%2e/app.py', 404),
    ('GET', '/read', 405),
    ('PUT', '/read', 405),
    ('DELETE', '/', 405),
    ('OPTIONS', '/read', 405),
    ('POST', '/models', 405),
  ],
)
def test_every_response_has_the_security_headers(port, method, path, status):
  found, headers, content = request(port, method, path)
  assert found == status
  for name, value in app.HEADERS.items():
    assert headers[name] == value
  assert 'unsafe' not in headers['content-security-policy']
  assert 'server' not in headers
  assert b'Traceback' not in content


def test_a_request_to_another_host_name_is_refused(port):
  for host in ('evil.example', f'evil.example:{port}', '', 'localhost.evil'):
    status, headers, _ = request(port, 'GET', '/', host=host)
    assert status == 400
    assert headers['x-content-type-options'] == 'nosniff'
  for host in ('localhost', f'127.0.0.1:{port}'):
    assert request(port, 'GET', '/', host=host)[0] == 200


@pytest.mark.parametrize(
  ('headers', 'status'),
  [
    ({'host': 'localhost:{port}'}, 200),
    ({'origin': 'http://127.0.0.1:{port}'}, 200),
    ({'origin': 'http://127.0.0.1:{port}', 'sec_fetch_site': 'none'}, 200),
    ({'origin': 'http://evil.example'}, 403),
    ({'origin': 'http://localhost:{port}'}, 403),
    ({'origin': 'http://127.0.0.1:1'}, 403),
    ({'origin': 'null'}, 403),
    ({'sec_fetch_site': 'cross-site'}, 403),
    ({'sec_fetch_site': 'same-site'}, 403),
    ({'host': 'evil.example', 'origin': 'http://evil.example'}, 400),
    ({'host': 'evil.example:{port}'}, 400),
  ],
)
def test_pictures_are_read_only_for_the_servers_own_page(port, headers, status):
  sent = {name: value.format(port=port) for name, value in headers.items()}
  picture = drawings.picture(drawings.STROKES[7])
  found, _, content = request(
    port, 'POST', '/read', picture, content_type='image/png', **sent
  )
  assert found == status
  assert (b'"digits"' in content) == (status == 200)


def connect(port, sent=b''):
  client = socket.create_connection(('127.0.0.1', port), timeout=60)
  client.sendall(sent)
  return client


HALF_A_BODY = (
  b'POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n'
  b'Content-Length: 99\r\n\r\nhalf'
)


def test_half_open_connections_do_not_block_other_clients(port):
  with contextlib.ExitStack() as clients:
    for sent in (b'', b'GET / HTTP/1.1\r\nHost: loc', HALF_A_BODY):
      for _ in range(100):
        clients.enter_context(connect(port, sent))
    assert request(port, 'GET', '/')[0] == 200
    status, reading = read(port, drawings.picture(drawings.STROKES[7]))
    assert status == 200
    assert reading['digits'][0]['digit'] == 7


@pytest.fixture
def impatient(monkeypatch):
  """The port of a server that waits for requests and bodies a moment only."""
  monkeypatch.setattr(server, 'MAX_IDLE_SECONDS', 0.3)
  monkeypatch.setattr(picture_reader, 'MAX_SECONDS', 0.3)
  listener = demo.listen('127.0.0.1', 0)
  running = server.create_server(app.create_app({'none': None}))
  thread = threading.Thread(target=running.run, args=([listener],))
  thread.start()
  yield listener.getsockname()[1]
  running.should_exit = True
  thread.join(timeout=60)
  listener.close()


@pytest.mark.parametrize(
  ('sent', 'received'),
  [
    (b'', b''),
    (b'GET / HTTP/1.1\r\nHost: loc', b''),
    (HALF_A_BODY, b'HTTP/1.1 408 '),
    # After a whole request, the first bytes of another.
    (b'GET /models HTTP/1.1\r\nHost: localhost\r\n\r\nGET', b'HTTP/1.1 200 '),
  ],
)
def test_a_connection_without_a_whole_request_is_closed(
  impatient, sent, received
):
  with connect(impatient, sent) as client:
    content = b''.join(iter(lambda: client.recv(4096), b''))
  assert content[:13] == received


def test_a_connection_is_kept_for_further_requests(impatient, monkeypatch):
  monkeypatch.setattr(server, 'MAX_IDLE_SECONDS', 60)
  connection = http.client.HTTPConnection('127.0.0.1', impatient, timeout=60)
  sockets = set()
  for _ in range(3):
    connection.request('GET', '/models')
    assert connection.getresponse().read() == b'{"models":["none"]}'
    sockets.add(connection.sock)
  connection.close()
  assert len(sockets) == 1


def test_the_response_to_a_drawing_has_all_that_the_page_shows(port):
  status, reading = read(port, drawings.row(7, 1), '?saliency=1')
  assert status == 200
  assert reading['size'] == [320, 240]
  assert [digit['digit'] for digit in reading['digits']] == [7, 1]
  for digit in reading['digits']:
    assert sum(digit['probabilities']) == pytest.approx(1, abs=1e-4)
    assert digit['probabilities'][digit['digit']] == max(digit['probabilities'])
    assert len(base64.b64decode(digit['image'])) == 784
    assert max(base64.b64decode(digit['saliency'])) == 255
    assert digit['verdict'] == ('sure' if digit['sure'] else 'unsure')
    assert digit['touching'] is False
  _, reading = read(port, drawings.row(7, 1))
  assert reading['digits'][0]['saliency'] is None


def test_every_pretrained_network_can_be_chosen(port):
  _, _, content = request(port, 'GET', '/models')
  names = json.loads(content)['models']
  assert names == weights.pretrained_names()
  for name in names:
    picture = drawings.picture(drawings.STROKES[7])
    status, reading = read(port, picture, f'?model={name}')
    assert status == 200
    assert reading['digits'][0]['digit'] == 7
  status, reading = read(port, picture, '?model=../../etc/passwd')
  assert status == 400
  for name in names:
    assert name in reading['error']


def test_an_empty_page_says_that_nothing_was_found(port):
  status, reading = read(port, drawings.picture())
  assert status == 200
  assert reading['digits'] == []
  assert reading['note'] == 'no digit found'


def png_that_claims(width, height):
  def chunk(kind, data):
    body = kind + data
    return (
      struct.pack('>I', len(data)) + body + struct.pack('>I', zlib.crc32(body))
    )

  header = struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)
  return (
    b'\x89PNG\r\n\x1a\n'
    + chunk(b'IHDR', header)
    + chunk(b'IDAT', zlib.compress(bytes(1000)))
    + chunk(b'IEND', b'')
  )


@pytest.mark.parametrize(
  'content',
  [
    b'',
    b'not an image',
    b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    drawings.picture(drawings.STROKES[7])[:200],
    png_that_claims(60_000, 60_000),
  ],
  ids=['empty', 'text', 'svg', 'cut off', 'bomb'],
)
def test_a_file_that_is_not_a_picture_is_refused_with_the_reason(port, content):
  status, reading = read(port, content)
  assert status == 422
  assert reading.keys() == {'error'}
  assert '\n' not in reading['error']


@pytest.mark.parametrize('kind', ['text/plain', 'application/json', ''])
def test_a_content_type_that_is_not_an_image_is_refused(port, kind):
  picture = drawings.picture(drawings.STROKES[7])
  assert read(port, picture, content_type=kind)[0] == 415


def test_a_content_length_over_the_limit_is_refused_at_once(port):
  with socket.create_connection(('127.0.0.1', port), timeout=20) as client:
    client.sendall(
      b'POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n'
      b'Content-Length: %d\r\n\r\n' % (picture_reader.MAX_BYTES + 1)
    )
    assert client.recv(100).startswith(b'HTTP/1.1 413 ')


def test_a_body_over_the_limit_is_refused_while_it_arrives(port):
  part = bytes(2**16)
  with socket.create_connection(('127.0.0.1', port), timeout=20) as client:
    client.sendall(
      b'POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n'
      b'Transfer-Encoding: chunked\r\n\r\n'
    )
    for _ in range(picture_reader.MAX_BYTES // len(part) + 1):
      client.sendall(b'%x\r\n%b\r\n' % (len(part), part))
    assert client.recv(100).startswith(b'HTTP/1.1 413 ')


def test_twenty_clients_at_once_all_get_their_own_digits(port):
  digits = [7, 1, 3, 7] * 10
  with concurrent.futures.ThreadPoolExecutor(20) as clients:
    readings = clients.map(
      lambda digit: read(port, drawings.picture(drawings.STROKES[digit])),
      digits,
    )
    for digit, (status, reading) in zip(digits, readings, strict=True):
      assert status == 200
      assert [each['digit'] for each in reading['digits']] == [digit]


def test_no_more_pictures_are_in_memory_than_the_limit(monkeypatch):
  reader = picture_reader.PictureReader({})
  monkeypatch.setattr(picture_reader, 'MAX_PICTURES', 1)
  with reader._count_picture():
    with pytest.raises(app.HTTPException) as refused, reader._count_picture():
      pass
    assert refused.value.status_code == 503
  with reader._count_picture():
    pass


FIRST_READINGS = """
import sys
from mnist_jax.demo import __main__ as demo, app
from mnist_jax.predict import classifier, digit_reader, weights

classifier.BATCH_SIZES = (4,)  # Compiled once.
weights.pretrained_names = lambda: ['robust']
(network,) = demo.load_classifiers('robust').values()
imported = set(sys.modules)
for path in sys.argv[1:]:
  digit_reader.read(path, network)
print(sorted(set(sys.modules) - imported))
"""


def test_no_reading_imports_a_module_in_its_thread(tmp_path):
  # Two threads that import a part of scikit-image at once can get half of it.
  photo = drawings.turned_photo(drawings.picture(drawings.STROKES[7]))
  paths = []
  for suffix in ('png', 'webp', 'tiff', 'gif'):
    paths.append(tmp_path / f'photo.{suffix}')
    with Image.open(io.BytesIO(photo)) as image:
      image.point(lambda value: 40 + value // 2).save(paths[-1])
  done = run_python('-c', FIRST_READINGS, *map(str, paths))
  assert done.stdout.splitlines()[-1:] == ['[]'], done.stderr


def run(capsys, *argv):
  code = argparse_args.run(demo.main, argv)
  return code, capsys.readouterr().err


def test_a_port_in_use_is_one_line_that_suggests_another(capsys, port):
  code, error = run(capsys, f'--port={port}')
  assert code == 2
  assert error.count('\n') == 1
  assert str(port) in error
  assert '--port=' in error


@pytest.mark.parametrize(
  'flag', ['--port=70000', '--host=0.0.0.0', '--host=::1']
)
def test_a_port_or_host_that_cannot_be_served_is_refused(capsys, flag):
  code, error = run(capsys, flag)
  assert code == 2
  assert flag.split('=')[1] in error


WITHOUT_LIBRARIES = """
import sys
from mnist_jax.cli import argparse_args
from mnist_jax.demo import __main__ as demo

for library in ('starlette', 'uvicorn'):
  sys.modules[library] = None  # An import of it fails.
  print(argparse_args.run(demo.main, ['--port=0']))
  del sys.modules[library]
"""


def test_a_missing_library_names_the_file_to_install():
  done = run_python('-c', WITHOUT_LIBRARIES)
  assert done.stdout == '2\n2\n'
  lines = done.stderr.splitlines()
  assert len(lines) == 2
  for line, library in zip(lines, ('starlette', 'uvicorn'), strict=True):
    assert library in line
    assert 'pip install -r requirements-demo.txt' in line


@pytest.fixture
def page(browser, port):
  """The page, as wide as a phone; an error or message in its console fails."""
  messages = []
  page = browser.new_page(viewport={'width': 390, 'height': 844})
  page.on('pageerror', lambda error: messages.append(str(error)))
  page.on('console', lambda message: messages.append(message.text))
  page.goto(f'http://127.0.0.1:{port}/')
  yield page
  page.close()
  assert messages == []


def test_strokes_are_read_undone_and_cleared(page):
  from playwright.sync_api import expect

  digits, status = page.locator('#digits'), page.locator('#status')
  expect(page.locator('#hint')).to_contain_text('Write a digit')
  expect(page.locator('#model option')).to_have_count(
    len(weights.pretrained_names())
  )
  drawings.draw(page, drawings.placed(7, 0.6, 0, 0.1))
  expect(digits).to_have_text('7')
  drawings.draw(page, drawings.placed(3, 0.6, 0.4, 0.1))
  expect(digits).to_have_text('73')
  expect(status).to_contain_text('3')
  expect(page.locator('#boxes rect')).to_have_count(2)
  expect(page.locator('#bars .best')).to_contain_text('3')
  page.get_by_role('radio').first.press('Space')
  expect(page.locator('#bars .best')).to_contain_text('7')
  page.keyboard.press('Control+z')
  expect(digits).to_have_text('7')
  page.keyboard.press('Escape')
  expect(digits).to_have_text('')
  expect(status).to_have_text('Nothing to read yet.')
  assert page.locator('#undo').is_disabled()
  width = page.evaluate('document.documentElement.scrollWidth')
  assert width == 390


def test_undo_during_a_stroke_leaves_the_one_before_it(page):
  drawings.draw(page, drawings.STROKES[7])
  before = page.evaluate('drawing.strokes')
  page.mouse.down()
  page.keyboard.press('Control+z')
  page.mouse.move(0, 0)
  page.mouse.up()
  assert page.evaluate('drawing.strokes') == before


def answer_with(page, *changes, note=''):
  """Changes the server's responses: the digits get these fields."""

  def respond(route):
    response = route.fetch()
    reading = response.json()
    if len(reading['digits']) == len(changes):  # Else half of it is drawn.
      for digit, change in zip(reading['digits'], changes, strict=True):
        digit |= change
    reading['note'] = note
    route.fulfill(response=response, json=reading)

  page.route('**/read*', respond)


NO_DIGIT = {
  'verdict': 'no digit',
  'sure': False,
  'confidence': 0.14,
  'probabilities': [0.1] * 10,
}


def show_the_pixels(page):
  """Ticks the box, and waits until they are shown."""
  now = "byId('input').toDataURL()"
  plain = page.evaluate(now)
  page.get_by_label('Show the pixels that swayed it').check()
  for _ in range(100):
    if page.evaluate(now) != plain:
      return
    page.wait_for_timeout(100)
  pytest.fail('the picture of the input has not changed')


def test_what_is_no_digit_is_called_that_in_words_and_marked(page):
  from playwright.sync_api import expect

  answer_with(page, NO_DIGIT, note='one of many')
  drawings.draw(page, drawings.placed(7, 0.6, 0, 0.1))
  expect(page.locator('#digits')).to_have_text('✕')
  expect(page.locator('#sentence')).to_have_text(
    'Not a digit, best guess 7 (14 %) (one of many)'
  )
  expect(page.locator('#status')).to_have_text(
    'not a digit: best guess 7, 14 %; one of many'
  )
  expect(page.locator('#bars .best')).to_have_count(0)
  expect(page.locator('#boxes rect')).to_have_css(
    'stroke-dasharray', '5px, 4px'
  )
  expect(page.locator('#input')).to_have_attribute(
    'aria-label', re.compile('not a digit')
  )


def test_unsure_and_touching_digits_are_marked_not_by_colour_alone(page):
  from playwright.sync_api import expect

  unsure = {'verdict': 'unsure', 'sure': False, 'confidence': 0.55}
  touching = {'touching': True}
  page.set_input_files(
    '#file',
    {
      'name': 'row.png',
      'mimeType': 'image/png',
      'buffer': drawings.row(7, 1, 3),
    },
  )
  expect(page.locator('#digits')).to_have_text('713')
  answer_with(page, unsure | touching, touching, NO_DIGIT)
  page.get_by_label('Show the pixels that swayed it').check()
  expect(page.locator('#digits')).to_have_text('71✕')
  expect(page.locator('.chip > span')).to_have_text(['7? ↔', '1 ↔', '✕'])
  expect(page.locator('#sentence')).to_have_text(
    re.compile(r'^Not sure: 7 or \d, 55\s% for 7, touches its neighbour$')
  )
  names = [
    radio.get_attribute('aria-label')
    for radio in page.get_by_role('radio').all()
  ]
  assert names[1].endswith(' sure, touches its neighbour')
  assert names[2] == 'not a digit: best guess 3, 14\u00a0%'


def test_a_photo_is_shown_read_and_closed(page):
  from playwright.sync_api import expect

  photo = drawings.turned_photo(drawings.picture(drawings.STROKES[7]))
  page.set_input_files(
    '#file',
    {'name': 'seven.jpeg', 'mimeType': 'image/jpeg', 'buffer': photo},
  )
  expect(page.locator('#digits')).to_have_text('7')
  # Boxes refer to the upright picture, as the browser shows it.
  expect(page.locator('#boxes')).to_have_attribute('viewBox', '0 0 320 240')
  expect(page.get_by_alt_text('The photo seven.jpeg')).to_be_visible()
  show_the_pixels(page)
  expect(page.locator('#boxes rect')).to_have_count(1)
  page.get_by_role('button', name='Clear').click()
  expect(page.locator('#canvas')).to_be_visible()
  expect(page.locator('#photo')).to_be_hidden()


def test_a_photo_is_read_before_the_list_of_networks_arrives(page):
  from playwright.sync_api import expect

  held = []
  page.route('**/models', lambda route: held.append(route))
  page.reload(wait_until='commit')
  page.wait_for_function("document.getElementById('file') !== null")
  page.wait_for_timeout(500)
  photo = drawings.picture(drawings.STROKES[7])
  page.set_input_files(
    '#file', {'name': '7.png', 'mimeType': 'image/png', 'buffer': photo}
  )
  expect(page.locator('#digits')).to_have_text('7')
  for route in held:
    route.continue_()
  expect(page.locator('#model option')).not_to_have_count(0)


def test_the_page_refuses_a_file_that_is_not_a_picture_and_keeps_the_drawing(
  page,
):
  from playwright.sync_api import expect

  drawings.draw(page, drawings.STROKES[7])
  expect(page.locator('#digits')).to_have_text('7')
  page.set_input_files(
    '#file', {'name': 'x.txt', 'mimeType': 'text/plain', 'buffer': b'7'}
  )
  expect(page.locator('#sentence')).to_contain_text('not a picture')
  assert page.evaluate('drawing.strokes.length') > 0
  page.get_by_label('Show the pixels that swayed it').check()
  expect(page.locator('#digits')).to_have_text('7')


def test_a_photo_with_too_many_digits_says_what_to_do(page):
  from playwright.sync_api import expect

  note = 'more than 400 digits; cut the picture into parts'
  page.route(
    '**/read*',
    lambda route: route.fulfill(
      json={'size': [9, 9], 'note': note, 'digits': []}
    ),
  )
  photo = drawings.picture(drawings.STROKES[7])
  page.set_input_files(
    '#file', {'name': '7.png', 'mimeType': 'image/png', 'buffer': photo}
  )
  expect(page.locator('#sentence')).to_have_text(f'M{note[1:]}.')


def test_a_chosen_digit_stays_chosen_when_its_pixels_are_shown(page):
  from playwright.sync_api import expect

  drawings.draw(page, drawings.placed(7, 0.6, 0, 0.1))
  drawings.draw(page, drawings.placed(3, 0.6, 0.4, 0.1))
  expect(page.locator('#digits')).to_have_text('73')
  expect(page.locator('#bars .best')).to_contain_text('3')
  page.get_by_role('radio').first.press('Space')
  show_the_pixels(page)
  expect(page.locator('#bars .best')).to_contain_text('7')


def test_a_stroke_is_read_while_it_grows(page):
  from playwright.sync_api import expect

  stroke = drawings.STROKES[7]
  drawings.draw(page, stroke)
  expect(page.locator('#digits')).to_have_text('7')
  page.get_by_role('button', name='Clear').click()
  # A pen that moves on and on, as fast as a screen shows it.
  page.evaluate(
    """() => new Promise((resolve) => {
      const points = EXAMPLES[2].flat();
      let count = 0;
      drawing.strokes.push([]);
      const timer = setInterval(() => {
        drawing.strokes[0].push(points[Math.min(count, points.length - 1)]);
        onDrawn(false);
        if (++count > 120) resolve(clearInterval(timer));
      }, 16);
    })"""
  )
  assert page.locator('#digits').inner_text() == '7'
  expect(page.locator('#digits')).to_have_text('7')


def test_an_answer_that_breaks_off_is_one_sentence(page):
  from playwright.sync_api import expect

  page.route('**/read*', lambda route: route.fulfill(body='<html>'))
  drawings.draw(page, drawings.STROKES[7])
  expect(page.locator('#sentence')).to_contain_text('The answer broke off.')


def test_the_examples_are_read_correctly(page):
  from playwright.sync_api import expect

  seen = set()
  for _ in range(3):
    page.get_by_role('button', name='Example').click()
    page.wait_for_timeout(1500)
    expect(page.locator('#digits')).to_have_text(re.compile('^[237]$'))
    seen.add(page.locator('#digits').inner_text())
  assert seen == {'2', '3', '7'}
