"""The page that needs no server: its files, its network and its framing."""

import base64
import functools
import http.server
import os
import re
import statistics
import subprocess
import sys
import threading

import drawings
import jax
import numpy as np
import pytest

from mnist_jax.cli import argparse_args
from mnist_jax.demo import page as demo_page
from mnist_jax.demo import static_page
from mnist_jax.distributed import devices
from mnist_jax.models import cnn
from mnist_jax.photos import crop, layout, line_removal, pipeline
from mnist_jax.predict import classifier, digit_reader, weights

COUNT = 200  # Images, and drawings.


@pytest.fixture(scope='module', autouse=True)
def _own_devices():
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(devices, 'configure_reading', lambda: None)
    yield


@pytest.fixture(scope='module')
def robust():
  return weights.load_weights('robust')


@pytest.fixture(scope='module')
def reader(robust):
  return classifier.Classifier(robust)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  """What the command writes."""
  folder = tmp_path_factory.mktemp('page') / 'try'
  assert argparse_args.run(static_page.main, [str(folder)]) == 0
  return folder


def test_the_command_says_what_to_open(tmp_path, capsys):
  assert argparse_args.run(static_page.main, [str(tmp_path / 'try')]) == 0
  assert str(tmp_path / 'try' / 'index.html') in capsys.readouterr().out


def test_the_page_and_the_demo_share_all_but_who_reads(folder):
  demo, own = map(set, (demo_page.SERVED_SCRIPTS, demo_page.STATIC_SCRIPTS))
  assert demo - own == {'server_reader.js'}
  for name in (demo & own) | {'page.css', 'icon.svg'}:
    shared = demo_page.FOLDER / name
    assert (folder / name).read_bytes() == shared.read_bytes()


def run(capsys, *argv):
  code = argparse_args.run(static_page.main, [str(each) for each in argv])
  return code, capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, capsys):
  (tmp_path / 'file').write_text('')
  for folder in (tmp_path / 'file', tmp_path / 'file' / 'try'):
    code, error = run(capsys, folder)
    assert code == 2
    assert error.count('\n') == 1
    assert str(folder) in error


def test_a_page_of_another_is_left_alone(tmp_path, capsys):
  for name in ('index.html', 'weights.js'):
    (tmp_path / name).write_text('mine')
    code, error = run(capsys, tmp_path)
    assert (code, error.count('\n')) == (2, 1)
    assert name in error
    assert [path.read_text() for path in tmp_path.iterdir()] == ['mine']
    (tmp_path / name).unlink()


def test_an_earlier_page_is_replaced_and_no_reader_meets_half_a_file(
  tmp_path, folder, capsys
):
  (tmp_path / 'weights.js').write_text('const WEIGHTS = {};')
  (tmp_path / 'page.css').write_text('earlier')
  with (tmp_path / 'page.css').open() as opened:
    assert run(capsys, tmp_path) == (0, '')
    assert opened.read() == 'earlier'
  for path in folder.iterdir():
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()


AS_A_COMMAND = """
import runpy, signal
try:
  runpy.run_module('mnist_jax.demo.static_page', run_name='__main__')
finally:
  import jax
  print(jax.config.jax_platforms, signal.getsignal(signal.SIGTERM).name)
"""


def test_the_command_starts_no_accelerator_and_answers_signals(tmp_path):
  free = {k: v for k, v in os.environ.items() if k != 'JAX_PLATFORMS'}
  done = subprocess.run(
    [sys.executable, '-c', AS_A_COMMAND, str(tmp_path)],
    cwd=demo_page.FOLDER.parents[1],
    env=free,
    capture_output=True,
    text=True,
    timeout=120,
  )
  # A signal that it would answer is ignored when all is done.
  assert done.stdout.splitlines()[-1] == 'cpu SIG_IGN', done.stderr


def test_weights_of_another_network_are_refused(robust, tmp_path):
  other = cnn.Fast()
  with pytest.raises(static_page.errors.UserError, match="'improved'"):
    static_page.make_files(
      weights.Weights('other', robust.config, other, {}, 1.0, robust.path)
    )


def test_a_wrong_command_line_is_one_line(tmp_path, capsys):
  for flags in ([], [''], [tmp_path, '--weights=nope'], [tmp_path, 'second']):
    code, error = run(capsys, *flags)
    assert code == 2
    assert error.count('\n') == 1


@pytest.fixture(scope='module')
def opened(browser, folder):
  """The page, opened from the disk."""
  page = browser.new_page()
  page.goto(folder.joinpath('index.html').as_uri())
  yield page
  page.close()


READ = """
(images) => {
  const { read } = network.load(WEIGHTS);
  return images.map((text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const { logits, saliency } = read(bytes);
    return [[...logits], [...saliency()]];
  });
}
"""


@pytest.fixture(scope='module')
def images(digits):
  return digits[0][:COUNT]


@pytest.fixture(scope='module')
def answers(opened, images):
  """What the page's network says: logits [N, 10], saliency [N, 28, 28]."""
  sent = [base64.b64encode(image.tobytes()).decode() for image in images]
  logits, maps = zip(*opened.evaluate(READ, sent), strict=True)
  return np.array(logits), np.array(maps).reshape(-1, 28, 28)


def test_the_logits_are_those_of_jax(answers, images, robust):
  logits, _ = answers
  expected = jax.jit(robust.model.apply)(
    robust.variables, cnn.as_input(jax.numpy.asarray(images))
  )
  difference = np.abs(logits - np.asarray(expected)).max()
  print(f'largest difference of {len(images)} x 10 logits: {difference:.1e}')
  assert difference < 1e-4


def test_the_saliency_is_that_of_jax(answers, images, reader):
  _, maps = answers
  expected = reader.saliency(images)
  difference = np.abs(maps - expected).max(axis=(1, 2))
  print(f'largest difference in saliency: {np.sort(difference)[-3:]}')
  # Rounding decides which of two nearly equal values is pooled, and with it
  # where a pixel's influence goes; in few images it matters.
  assert np.mean(difference < 1 / 255) > 0.95


def make_strokes(rng):
  """Returns the strokes of a drawing, each [N, 2], as a page holds them."""
  kind = rng.choice(
    ['scribble', 'digit', 'row', 'tilted', 'underlined', 'filled']
  )
  if kind == 'scribble':
    return [scribble(rng) for _ in range(rng.integers(1, 4))]
  count = 1 if kind == 'digit' else rng.integers(2, 6)
  strokes = [place_digit(rng, place, count) for place in range(count)]
  if kind == 'underlined':
    strokes.append(np.array([(0.06, 0.68), (0.94, rng.normal(0.68, 0.005))]))
  if kind == 'tilted':
    slope = rng.uniform(-0.3, 0.3)
    strokes = [it + (it[:, :1] - 0.5) * (0, slope) for it in strokes]
  return fill_paper(strokes) if kind == 'filled' else strokes


def scribble(rng):
  steps = rng.normal(0, 0.06, (rng.integers(1, 15), 2))
  return np.cumsum(steps, axis=0) + (0.5, 0.375)


def place_digit(rng, place, count):
  points = np.array(drawings.STROKES[rng.choice([1, 3, 7])]) - (0.5, 0.375)
  cos, sin = np.cos(turn := rng.normal(0, 0.2)), np.sin(turn)
  scale = rng.uniform(0.25, 1.25 if count == 1 else 1) / count**0.8
  middle = (place + 0.5) / count + rng.normal(0, 0.02), rng.normal(0.37, 0.03)
  shaky = points + rng.normal(0, 0.01, points.shape)
  return scale * shaky @ [[cos, sin], [-sin, cos]] + middle


def fill_paper(strokes):
  points = np.concatenate(strokes)
  low, size = points.min(axis=0), np.maximum(np.ptp(points, axis=0), 0.01)
  return [(stroke - low) / size * (0.92, 0.67) + 0.04 for stroke in strokes]


def draw_strokes(count):
  """Returns drawings that keep off the edge: there Python sees a photo."""
  rng = np.random.default_rng(0)
  return [
    [
      np.clip(stroke, 0.025, (0.975, 0.725)).tolist()
      for stroke in make_strokes(rng)
    ]
    for _ in range(count)
  ]


FRAME = """
async (drawn) => {
  const found = [];
  for (drawing.strokes of drawn) {
    const png = new Uint8Array(await (await drawing.toPng()).arrayBuffer());
    const start = performance.now();
    const { digits } = await reader.readDrawing(drawing, { saliency: false });
    found.push({
      milliseconds: performance.now() - start,
      png: btoa(String.fromCharCode(...png)),
      digits: digits.map((digit) => ({ ...digit, image: [...digit.image] })),
    });
  }
  drawing.clear();
  return found;
}
"""


def count_calls(monkeypatch, module, name, is_counted):
  """Counts the calls whose result and arguments are of a kind."""
  counted, function = [], getattr(module, name)

  def call(*args):
    result = function(*args)
    counted.append(is_counted(result, args))
    return result

  monkeypatch.setattr(module, name, call)
  return counted


@pytest.fixture(scope='module')
def found(opened):
  """What the page finds in each drawing, with the file that a server gets."""
  return opened.evaluate(FRAME, draw_strokes(COUNT))


def test_drawings_are_framed_as_by_the_python_pipeline(found, monkeypatch):
  crops = count_calls(
    monkeypatch, crop, 'measure', lambda cropped, _: cropped is not None
  )
  ruled = count_calls(
    monkeypatch,
    line_removal,
    'remove_ruled_lines',
    lambda rest, args: not np.array_equal(rest, args[0]),
  )
  tilts = count_calls(
    monkeypatch, layout, 'estimate_tilt', lambda angle, _: angle != 0
  )
  differences = []
  for each in found:
    expected = pipeline.read_picture(base64.b64decode(each['png'])).digits
    differences += compare_framing(each['digits'], expected)
  counts = np.bincount([len(each['digits']) for each in found])
  took = statistics.median(each['milliseconds'] for each in found)
  print(f'drawings by digits: {counts}; median {took:.1f} ms')
  print(f'largest difference of a pixel: {max(differences)} of 255')
  # Other versions of NumPy and Pillow round another last bit.
  assert max(differences) <= 1
  assert counts[:5].all()
  for tried in (crops, ruled, tilts):  # Each way to frame them was tried.
    assert sum(tried) > 3, (sum(crops), sum(ruled), sum(tilts))


def compare_framing(digits, expected):
  """Compares boxes; returns the largest difference of each digit's pixels."""
  boxes = [tuple(digit['box']) for digit in digits]
  assert boxes == [digit.box for digit in expected]
  return [
    np.abs(np.reshape(own['image'], (28, 28)) - digit.image.astype(int)).max()
    for own, digit in zip(digits, expected, strict=True)
  ]


def test_digits_that_do_not_touch_are_read_as_by_python(found, reader):
  verdicts = set()
  for each in found[:40]:
    content = base64.b64decode(each['png'])
    _, predictions = digit_reader.read(content, reader)
    if any(prediction.touching for prediction in predictions):
      continue
    for own, prediction in zip(each['digits'], predictions, strict=True):
      for name in ('digit', 'runner_up', 'verdict'):
        assert own[name] == getattr(prediction, name)
      assert own['sure'] == (prediction.verdict == 'sure')
      expected = pytest.approx(prediction.probabilities, abs=1e-3)
      assert own['probabilities'] == expected
      verdicts.add(prediction.verdict)
  assert verdicts == {'sure', 'unsure', 'no digit'}


class Quiet(http.server.SimpleHTTPRequestHandler):
  def log_message(self, *unused):
    pass


@pytest.fixture(scope='module')
def host(folder):
  """A host that serves the folder below a path, and nothing else."""
  handler = functools.partial(Quiet, directory=folder.parent)
  with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f'http://127.0.0.1:{server.server_port}/try/'
    server.shutdown()
    thread.join()


@pytest.fixture(params=['from the disk', 'from a host'])
def page(request, browser, host, folder):
  """The page, as wide as a phone; nothing in its console, no other request."""
  address = folder.joinpath('index.html').as_uri()
  if request.param == 'from a host':
    address = host
  messages, requests = [], set()
  page = browser.new_page(
    viewport={'width': 390, 'height': 844}, has_touch=True
  )
  page.on('pageerror', lambda error: messages.append(str(error)))
  page.on('console', lambda message: messages.append(message.text))
  page.on('request', lambda request: requests.add(request.url))
  page.goto(address)
  yield page
  page.close()
  assert messages == []
  base = address.removesuffix('index.html')
  files = {path.name for path in folder.iterdir()}
  names = {url.removeprefix(base) or 'index.html' for url in requests}
  assert names == files


def test_strokes_are_read_undone_and_cleared(page):
  from playwright.sync_api import expect

  digits, status = page.locator('#digits'), page.locator('#status')
  drawings.draw(page, drawings.placed(7, 0.6, 0, 0.1))
  expect(digits).to_have_text('7')
  drawings.draw(page, drawings.placed(3, 0.6, 0.4, 0.1))
  expect(digits).to_have_text('73')
  expect(page.locator('#boxes rect')).to_have_count(2)
  expect(page.locator('#bars .best')).to_contain_text('3')
  expect(status).to_contain_text('sure')
  page.get_by_role('radio').first.press('Space')
  expect(page.locator('#bars .best')).to_contain_text('7')
  page.keyboard.press('Control+z')
  expect(digits).to_have_text('7')
  page.keyboard.press('Escape')
  expect(digits).to_have_text('')
  assert page.locator('#undo').is_disabled()
  width = page.evaluate('document.documentElement.scrollWidth')
  assert width == 390


def test_all_is_done_by_keyboard_but_the_drawing(page):
  from playwright.sync_api import expect

  names = []
  for _ in range(2):
    page.keyboard.press('Tab')
    names.append(page.evaluate('document.activeElement.id'))
  assert names == ['example', 'saliency']
  page.keyboard.press('Shift+Tab')
  page.keyboard.press('Enter')
  expect(page.locator('#digits')).to_have_text(re.compile('^[237]$'))
  expect(page.locator('#status')).to_contain_text('sure')
  plain = page.evaluate("byId('input').toDataURL()")
  page.keyboard.press('Tab')
  page.keyboard.press('Space')
  page.wait_for_function(f"byId('input').toDataURL() !== '{plain}'")
  page.keyboard.press('Delete')
  expect(page.locator('#digits')).to_have_text('')


def test_it_offers_nothing_that_only_the_server_can_do(page):
  for name in ('#open', '#model', '#photo'):
    assert page.locator(name).is_hidden()
  assert 'touch' in page.locator('footer').inner_text()


TOUCH = """
(points) => {
  const canvas = byId('canvas');
  canvas.setPointerCapture = () => {}; // There is no such pointer to capture.
  const frame = canvas.getBoundingClientRect();
  const send = (type, [x, y]) => canvas.dispatchEvent(new PointerEvent(type, {
    pointerType: 'touch',
    pointerId: 5,
    clientX: frame.left + x * frame.width,
    clientY: frame.top + y * frame.width,
  }));
  send('pointerdown', points[0]);
  for (const point of points) send('pointermove', point);
  send('pointerup', points.at(-1));
}
"""


def test_a_finger_draws_instead_of_scrolling(page):
  from playwright.sync_api import expect

  expect(page.locator('#canvas')).to_have_css('touch-action', 'none')
  page.evaluate(TOUCH, drawings.STROKES[7])
  expect(page.locator('#digits')).to_have_text('7')
