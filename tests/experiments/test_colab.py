"""The notebook for Colab runs from its first cell to its last."""

import json
import shutil

import drawings
import nbformat
import pytest
from nbclient import NotebookClient

import experiments

PATH = experiments.ROOT / 'experiments/colab.ipynb'


@pytest.fixture(scope='module')
def executed(tmp_path_factory):
  """The cells after a run in a copy of the project, in quick mode."""
  root = tmp_path_factory.mktemp('clone') / 'mnist_jax'
  for folder in ('mnist_jax', 'configs', 'experiments'):
    shutil.copytree(experiments.ROOT / folder, root / folder)
  shutil.copy(experiments.ROOT / 'requirements.txt', root)
  photo = root / 'my digits.png'
  photo.write_bytes(drawings.row(7, 1))
  notebook = nbformat.read(PATH, as_version=4)
  for cell in notebook.cells:
    cell.source = cell.source.replace('QUICK = False', 'QUICK = True')
    cell.source = cell.source.replace(
      'pictures = []', f'pictures = [{str(photo)!r}]'
    )
  first = notebook.cells[1]
  again = nbformat.from_dict(first | {'id': 'again'})
  notebook.cells.insert(2, again)  # As a user would.
  NotebookClient(
    notebook,
    timeout=300,
    kernel_name='python3',
    resources={'metadata': {'path': str(root / 'experiments')}},
  ).execute()
  return notebook.cells, root


def texts(cells):
  return ''.join(
    output.get('text', '')
    for cell in cells
    for output in cell.get('outputs', ())
  )


def test_a_run_shows_its_result_and_its_pictures(executed):
  cells, _ = executed
  pages = [
    output.data['text/html']
    for cell in cells
    for output in cell.get('outputs', ())
    if 'text/html' in output.get('data', {})
    and 'test accuracy' in output.data['text/html']
  ]
  assert len(pages) == 2
  for page in pages:
    assert 'data:image/png;base64,' in page


def test_it_reads_a_picture_and_packs_the_run(executed):
  cells, root = executed
  assert 'my digits.png: 7 (' in texts(cells)
  assert 'my digits.png: 1 (' in texts(cells)
  assert 'standard deviation' in texts(cells)
  assert (root / 'improved.zip').is_file()
  assert (root / 'read.png').is_file()


def test_the_first_cell_finds_everything_installed_and_may_run_twice(executed):
  cells, root = executed
  text = texts(cells[:3])
  assert 'ERROR' not in text and 'No module named pip' not in text
  assert text.count(f'in {root}') == 2


def test_it_is_committed_without_outputs():
  for cell in json.loads(PATH.read_text())['cells']:
    assert not cell.get('outputs')
    assert cell.get('execution_count') is None
