"""Every block of docs/extending.md runs, and every mistake gives its line.

The blocks of `python` without a title are parts of one recipe; `diff` changes
it; those with the title "In Python", and those of `bash`, are done with it. A
mistake is a `diff` or a block with the title "A mistake", and the next block is
what it prints.
"""

import gzip
import itertools
import os
import pathlib
import re
import shlex
import struct
import subprocess
import sys

import drawings
import numpy as np
import pytest

import mnist_jax
from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.augment import augment
from mnist_jax.data import datasets, official, uci_digits
from mnist_jax.models import cnn
from mnist_jax.training import metrics, optim, registries

ROOT = pathlib.Path(__file__).parents[1]
PAGE = (ROOT / 'docs' / 'extending.md').read_text()
BLOCKS = re.findall(r'^```(.*)\n((?:.*\n)*?)```$', PAGE, re.MULTILINE)
IN_PYTHON, WRONG = 'python title="In Python"', 'title="A mistake"'
MISTAKES = [
  (kind, text, answer)
  for (kind, text), (_, answer) in itertools.pairwise(BLOCKS)
  if kind == 'diff' or kind.endswith(WRONG)
]
INSIDE = '# In get_config:\n'
REGISTRIES = (
  augment.AUGMENTATIONS,
  cnn.MODELS,
  datasets.DATASETS,
  metrics.METRICS,
  optim.OPTIMIZERS,
  optim.SCHEDULES,
)
NUM_DEVICES = 2  # One of the page's mistakes can be seen on no fewer.


def blocks(kind):
  return [text for kind_, text in BLOCKS if kind_ == kind]


def mistakes(kind):
  return [(text, answer) for kind_, text, answer in MISTAKES if kind_ == kind]


def words(text):
  return ' '.join(text.split())


def make_recipe(diff=''):
  """Returns the recipe of the whole page, with a change."""
  start, *parts = blocks('python')
  above, inside = [], []
  for part in parts:
    top, _, lines = change(part, diff).partition(INSIDE)
    above.append(top)
    inside += [f'  {line}\n' for line in lines.splitlines()]
  head, tail = start.split('\n\ndef get_config')
  first, last = tail.split('  return config')
  body = f'{first}{"".join(inside)}  return config{last}'
  return '\n\n'.join([head, *above, f'def get_config{body}'])


def change(part, diff):
  """Returns a block with a change, or as it is if the change is to another."""
  lines = diff.splitlines()
  old, new = (
    '\n'.join(line[1:] for line in lines if line[0] != skipped)
    for skipped in '+-'
  )
  return part.replace(old, new) if old else part


def write_idx(path, array):
  header = struct.pack(f'>BBBB{array.ndim}i', 0, 0, 8, array.ndim, *array.shape)
  path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes(), 1))


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  """A folder with configs/mine.py and the files that the page speaks of."""
  folder = tmp_path_factory.mktemp('extending')
  (folder / 'configs').mkdir()
  (folder / 'configs' / 'mine.py').write_text(make_recipe())
  (folder / 'digits').mkdir()
  arrays = uci_digits.load()
  names = sorted(
    official.SOURCES['mnist'].files,
    key=lambda name: not name.startswith('train'),
  )
  for name, array in zip(names, arrays, strict=True):
    write_idx(folder / 'digits' / name, array)
  np.savez(
    folder / 'digits.npz',
    images=arrays.train_images[:600],
    labels=arrays.train_labels[:600],
  )
  (folder / 'photo.png').write_bytes(
    drawings.picture(drawings.STROKES[7], form='PNG')
  )
  return folder


@pytest.fixture
def inside(folder, monkeypatch):
  """The same as the current folder; the registries are restored afterwards."""
  monkeypatch.chdir(folder)
  before = [dict(registry) for registry in REGISTRIES]
  yield folder
  for registry, entries in zip(REGISTRIES, before, strict=True):
    registry.clear()
    registry.update(entries)


def run(folder, *command):
  python = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
  return subprocess.run(
    [sys.executable, *command],
    cwd=folder,
    capture_output=True,
    text=True,
    timeout=200,
    env=os.environ
    | {'PYTHONPATH': python, 'JAX_NUM_CPU_DEVICES': str(NUM_DEVICES)},
  )


def lines_of(block):
  """Returns the commands of a block, each in one line."""
  return block.replace('\\\n', ' ').splitlines()


def run_line(folder, line):
  name, *command = shlex.split(line)
  assert name == 'python'
  return run(folder, *command)


@pytest.fixture(scope='module')
def finished(folder):
  """The folder after the page's commands, which have all succeeded."""
  for line in itertools.chain(*map(lines_of, blocks('bash'))):
    done = run_line(folder, line)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
  return folder


def test_the_page_has_a_mistake_for_each_of_its_sections():
  for section in PAGE.split('\n## ')[2:]:
    kinds = [kind for kind, _ in re.findall(r'^```(.+)(\n)', section, re.M)]
    assert 'diff' in kinds or any(WRONG in kind for kind in kinds), section
  for diff, _ in mistakes('diff'):
    assert make_recipe(diff) != make_recipe(), diff


def test_the_links_of_the_page_lead_to_its_sections():
  headings = re.findall(r'^## (.*)$', PAGE, re.MULTILINE)
  anchors = {heading.lower().replace(' ', '-') for heading in headings}
  assert set(re.findall(r'\]\(#([^)]*)\)', PAGE)) <= anchors


def test_the_recipe_to_start_with_is_one(tmp_path):
  (tmp_path / 'start.py').write_text(blocks('python')[0])
  registries.validate(config_lib.load(str(tmp_path / 'start.py')))


def test_the_commands_train_what_the_page_adds(finished):
  run = finished / 'runs' / 'mine-seed0'
  assert '"resnet"' in (run / 'config.json').read_text()
  assert 'valid/top3' in (run / 'metrics.jsonl').read_text()
  assert '"my_folder"' in (run / 'result.json').read_text()
  assert len(list((finished / 'runs').glob('mine-sweep/*/result.json'))) == 4


def test_a_run_of_the_page_is_read_by_a_fresh_process(finished):
  code = 'import numpy as np\nimages = np.zeros((5, 28, 28), np.uint8)\n'
  *_, block = blocks(IN_PYTHON)
  done = run(finished, '-c', f'{code}{block}\nassert len(images) == 5')
  assert done.returncode == 0, done.stderr


def test_the_commands_that_read_a_workdir_take_its_recipe(finished):
  reading, analysis = lines_of(blocks('bash')[-1])
  assert 'photo.png -> ' in run_line(finished, reading).stdout
  page = finished / 'runs' / 'mine-seed0' / 'report.html'
  page.unlink()
  assert str(page.relative_to(finished)) in run_line(finished, analysis).stdout
  assert page.exists()


def test_python_trains_it_too_and_calls_back(inside):
  scope = {}
  exec(blocks(IN_PYTHON)[0], scope)
  assert [row['epoch'] for row in scope['rows']] == [1.0, 2.0]
  assert scope['run'].result['dataset'] == 'my_arrays'
  assert 0 <= scope['run'].result['test']['top3'] <= 1


@pytest.mark.parametrize(('diff', 'answer'), mistakes('diff'))
def test_a_mistake_in_the_recipe_gives_the_line_of_the_page(
  diff, answer, inside, tmp_path, capsys
):
  (tmp_path / 'wrong.py').write_text(make_recipe(diff))
  overrides = {
    'num_devices': NUM_DEVICES,
    'total_epochs': 0.1,
    'optim.warmup_epochs': 0.0,
  }
  printed = ''
  try:
    mnist_jax.train(
      str(tmp_path / 'wrong.py'),
      workdir=tmp_path / 'run',
      overrides=overrides,
      on_epoch=stop,
    )
  except errors.UserError as error:
    printed = f'mnist_jax: {error}'
  except InterruptedError:
    printed = capsys.readouterr().out
  assert words(answer) in words(printed)


def stop(unused_row):
  raise InterruptedError


@pytest.mark.parametrize(('code', 'answer'), mistakes(f'python {WRONG}'))
def test_a_mistake_in_python_gives_the_line_of_the_page(code, answer, inside):
  with pytest.raises(errors.UserError) as error:
    exec(code, {'mnist_jax': mnist_jax, 'rows': []})
  assert words(answer) == f'mnist_jax: {error.value}'


@pytest.mark.parametrize(('line', 'answer'), mistakes(f'bash {WRONG}'))
def test_a_mistake_in_a_command_gives_the_line_of_the_page(
  line, answer, finished
):
  (line,) = lines_of(line)
  done = run_line(finished, line)
  assert done.returncode == 2
  assert words(answer) == words(done.stderr)
  assert done.stderr.count('\n') == 1
