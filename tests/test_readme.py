"""What README.md and CONTRIBUTING.md say about files and floors is true."""

import re

import pytest
import test_floors

import experiments

README = (experiments.ROOT / 'README.md').read_text()
DOCUMENTS = {
  name: (experiments.ROOT / name).read_text()
  for name in ('README.md', 'CONTRIBUTING.md', 'experiments/README.md')
}
# A path in code font, such as `mnist_jax/config.py`; not `runs/...`.
PATH = re.compile(
  r'`((?:mnist_jax|configs|experiments|tests|docs|\.ci)/[\w./-]*|[A-Z]+\.md)`'
)


def layout():
  return README.split('## How it is laid out')[1].split('\n## ')[0]


@pytest.mark.parametrize('name', DOCUMENTS)
def test_every_relative_link_leads_to_a_file(name):
  folder = (experiments.ROOT / name).parent
  links = re.findall(r'\]\(((?!https?:|#)[^)#]+)', DOCUMENTS[name])
  for link in links:
    assert (folder / link).exists(), link


@pytest.mark.parametrize('name', DOCUMENTS)
def test_every_path_in_code_font_exists(name):
  for path in PATH.findall(DOCUMENTS[name]):
    assert (experiments.ROOT / path).exists(), path


def test_the_documents_name_paths_and_links_at_all():
  text = ''.join(DOCUMENTS.values())
  assert len(PATH.findall(text)) > 20
  assert len(re.findall(r'\]\((?!https?:|#)', text)) > 10


def test_the_tree_in_the_readme_is_the_tree_of_the_package():
  named = re.findall(r'^  (\w+)(?:/|\.py) ', layout(), re.MULTILINE)
  assert sorted(named) == sorted(test_floors.FLOOR_OF)


def test_the_readme_names_the_floors_that_the_imports_keep():
  sentence = layout().split('lower floors:')[1].split('`main`')[0] + '`main`'
  floors = [set(re.findall(r'`(\w+)`', part)) for part in sentence.split(';')]
  assert floors == test_floors.FLOORS


@pytest.mark.parametrize(
  'module', sorted(set(re.findall(r'python -m ((?:\w|\.)+)', README)))
)
def test_every_command_in_the_readme_exists(module):
  if module == 'pytest':
    return
  path = experiments.ROOT / module.replace('.', '/')
  assert path.with_suffix('.py').exists() or (path / '__main__.py').exists()
