"""What the README, CONTRIBUTING and the pages of docs/ say is true."""

import functools
import json
import os
import re
import shlex
import subprocess
import sys

import drawings
import numpy as np
import pytest
import test_floors
from PIL import Image

import experiments
from mnist_jax import config as config_lib

ROOT = experiments.ROOT
DOCUMENTS = {
  str(path.relative_to(ROOT)): path.read_text()
  for path in (
    *(ROOT / 'README.md', ROOT / 'CONTRIBUTING.md'),
    ROOT / 'experiments' / 'README.md',
    *sorted((ROOT / 'docs').glob('*.md')),
  )
}
DESIGN = DOCUMENTS['docs/design.md']
# A path in code font, such as `mnist_jax/config.py`; not `runs/...`.
PATH = re.compile(
  r'`((?:mnist_jax|configs|experiments|tests|docs|\.ci)/[\w./-]*|[A-Z]+\.md)`'
)
# A command with its flags, in a block or in code font.
COMMAND = re.compile(r'python -m ((?:\w|\.)+)((?:(?: |\\\n)+[^\s`|#&\\]+)*)')
NOT_OURS = ('pytest', 'venv', 'pip')
MINE = 'configs/mine.py'  # What the pages tell you to write.


def commands():
  """Returns the flags that the documents give to each module."""
  flags = {}
  for text in DOCUMENTS.values():
    for module, rest in COMMAND.findall(text):
      if module.split('.')[0] not in NOT_OURS:
        found = re.findall(r'--(?:no)?([\w.]+)', rest)
        flags.setdefault(module, set()).update(found)
  return flags


@pytest.mark.parametrize('name', DOCUMENTS)
def test_every_relative_link_leads_to_a_file(name):
  folder = (ROOT / name).parent
  links = re.findall(r'\]\(((?!https?:|#)[^)#]+)', DOCUMENTS[name])
  for link in links:
    assert (folder / link).exists(), link


@pytest.mark.parametrize('name', DOCUMENTS)
def test_every_path_in_code_font_exists(name):
  for path in set(PATH.findall(DOCUMENTS[name])) - {MINE}:
    assert (ROOT / path).exists(), path


def test_the_documents_name_paths_links_and_commands_at_all():
  text = ''.join(DOCUMENTS.values())
  assert len(PATH.findall(text)) > 20
  assert len(re.findall(r'\]\((?!https?:|#)', text)) > 10
  assert len(commands()) > 10


def test_the_tree_in_the_design_is_the_tree_of_the_package():
  named = re.findall(r'^  (\w+)(?:/|\.py) ', DESIGN, re.MULTILINE)
  assert sorted(named) == sorted(test_floors.FLOOR_OF)


def test_the_design_names_the_floors_that_the_imports_keep():
  sentence = DESIGN.split('lower floors:')[1].split('`main`')[0] + '`main`'
  floors = [set(re.findall(r'`(\w+)`', part)) for part in sentence.split(';')]
  assert floors == test_floors.FLOORS


@functools.cache
def help_of(module, how):
  """Returns what a command says of its flags."""
  return subprocess.run(
    [sys.executable, '-m', module, how],
    cwd=ROOT,
    capture_output=True,
    text=True,
    timeout=60,
  ).stdout


def has_flag(module, flag):
  for how in ('--helpfull', '--help'):  # Of absl, and of argparse.
    text = help_of(module, how)
    if f'--{flag}' in text or f'--[no]{flag}' in text:
      return True
  return False


@pytest.mark.parametrize(('module', 'flags'), sorted(commands().items()))
def test_every_command_and_its_flags_exist(module, flags):
  path = ROOT / module.replace('.', '/')
  assert path.with_suffix('.py').exists() or (path / '__main__.py').exists()
  fields = config_lib.flatten(config_lib.default())
  for flag in flags:
    field = flag.removeprefix('config.').removesuffix('config')
    if field and not field.startswith('extra.'):  # Those are of a recipe.
      known = field in fields or has_flag(module, flag)
      assert known, f'{module} --{flag}'


def do(page, folder, before=''):
  """Does all that a page says in a folder, and returns what that printed.

  Python blocks see what the code `before` has defined.
  """
  (folder / 'configs').mkdir()
  printed = []
  blocks = re.findall(r'^```(.*)\n((?:.*\n)*?)```$', DOCUMENTS[page], re.M)
  for kind, block in blocks:
    if kind.startswith('python title="configs/'):
      (folder / kind.split('"')[1]).write_text(block)
    elif kind == 'python':
      printed.append(run(folder, '-c', before + block))
    elif kind == 'bash':
      for line in block.replace('\\\n', ' ').splitlines():
        name, *command = shlex.split(line)
        assert name == 'python'
        printed.append(run(folder, *command))
  return printed


def no_mnist(folder):
  """Returns variables with which MNIST is neither found nor downloaded."""
  return {
    'MNIST_JAX_MANUAL_DIR': '',
    'TFDS_DATA_DIR': str(folder / 'tfds'),
    **dict.fromkeys(('HTTPS_PROXY', 'https_proxy'), 'http://127.0.0.1:9'),
    **dict.fromkeys(('NO_PROXY', 'no_proxy'), ''),
  }


def run(folder, *command):
  path = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
  done = subprocess.run(
    [sys.executable, *command],
    cwd=folder,
    capture_output=True,
    text=True,
    timeout=200,
    env=os.environ | {'PYTHONPATH': path} | no_mnist(folder),
  )
  assert done.returncode == 0, done.stderr
  return done.stdout


def test_the_tutorial_leaves_the_runs_that_it_speaks_of(tmp_path):
  printed = do('docs/tutorial.md', tmp_path)
  runs = tmp_path / 'runs'
  for name in ('improved-smoke-seed0', 'higher-rate', 'mine-seed0'):
    assert (runs / name / 'report.html').exists()
  assert (runs / 'improved-smoke-seed0' / 'weights.safetensors').exists()
  assert '"rotate": 20.0' in (runs / 'mine-seed0' / 'config.json').read_text()
  assert len(list((runs / 'fast-smoke-sweep').glob('seed*'))) == 3
  assert len(list((runs / 'rates').glob('lr*'))) == 4
  assert 0.5 < float(printed[-1].splitlines()[-1]) <= 1


def test_python_trains_loads_and_reads_as_its_page_says(tmp_path):
  (tmp_path / 'row.png').write_bytes(drawings.picture(drawings.placed(7)))
  images = 'import numpy as np; images = np.zeros((2, 28, 28), np.uint8)\n'
  do('docs/python.md', tmp_path, before=images)
  assert (tmp_path / 'runs' / 'fast-seed1' / 'result.json').exists()


def test_pictures_in_folders_are_trained_on_as_their_page_says(tmp_path):
  rng = np.random.default_rng(0)
  for name, height in (('oak', 40), ('birch', 20)):
    (tmp_path / 'leaves' / name).mkdir(parents=True)
    for i in range(60):
      pixels = rng.integers(0, 99, (40, 40), np.uint8)
      pixels[:height] += 100
      picture = Image.fromarray(pixels)
      picture.save(tmp_path / 'leaves' / name / f'{i}.png')
  do('docs/other-data.md', tmp_path)
  (result,) = tmp_path.glob('runs/*/result.json')
  assert json.loads(result.read_text())['dataset'] == 'folders'


def test_weights_are_exported_as_their_page_says(tmp_path):
  pytest.importorskip('onnx')
  do('docs/export.md', tmp_path)
  assert (tmp_path / 'exported' / 'robust' / 'model.onnx').exists()


def test_the_page_without_a_server_is_written_as_its_page_says(tmp_path):
  do('docs/photos.md', tmp_path)
  assert (tmp_path / 'page' / 'index.html').exists()


def test_a_run_is_tracked_and_profiled_as_its_page_says(tmp_path):
  pytest.importorskip('tensorboardX')
  do('docs/tracking.md', tmp_path)
  runs = tmp_path / 'runs'
  assert list(runs.glob('improved-smoke-seed0/**/events.out.tfevents*'))
  assert list(runs.glob('profiled/**/perfetto_trace.json.gz'))


def test_the_site_is_built_without_a_warning_and_asks_no_other_host(tmp_path):
  pytest.importorskip('mkdocs')
  pytest.importorskip('mkdocstrings')
  done = subprocess.run(
    [sys.executable, '-m', 'mkdocs', 'build', '--strict', '-q', '-d', tmp_path],
    cwd=ROOT,
    capture_output=True,
    text=True,
    timeout=200,
    env=os.environ | {'NO_MKDOCS_2_WARNING': '1'},
  )
  assert done.returncode == 0, done.stderr
  page = (tmp_path / 'reference' / 'index.html').read_text()
  assert 'mnist_jax.api.train.train' in page
  assert (tmp_path / 'figures' / 'benchmark.png').exists()
  assert (tmp_path / 'try' / 'weights.js').exists()

  home = (tmp_path / 'index.html').read_text()
  assert 'href="try/"' in home
  for path in tmp_path.rglob('*.html'):
    text = path.read_text()
    elsewhere = r'<(?:script|img|link rel="stylesheet")[^>]*="https?:'
    assert not re.search(elsewhere, text), path
    assert '```' not in text, path  # Of a block that was not understood.
