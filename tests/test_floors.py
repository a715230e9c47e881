"""The house has floors: a module imports only from below."""

import ast
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / 'mnist_jax'

FLOORS = [
  {'errors', 'winograd', 'warp'},
  {'hosts'},
  {
    'conv_cpu',
    'files',
    'clock',
    'progress',
    'interrupts',
    'rngs',
    'pen',
    'config',
    'data',
    'arguments',
    'image_files',
  },
  {
    'conv',
    'metrics',
    'augment',
    'optim',
    'metric_writer',
    'analysis',
    'photos',
  },
  {'layers', 'train_state', 'checkpoint', 'workdir', 'devices', 'command_line'},
  {'models', 'steps', 'joining'},
  {'summary', 'epoch', 'evaluate', 'explain', 'weights'},
  {'job', 'console', 'outcome', 'classifier'},
  {'train', 'abreast', 'readings'},
  {'lanes', 'points', 'scores'},
  {'sweep'},
  {'main', 'predict', 'demo'},
]
FLOOR_OF = {name: i for i, names in enumerate(FLOORS) for name in names}
MODULES = sorted(PACKAGE.rglob('*.py'))


def module_of(path: pathlib.Path) -> str:
  return path.relative_to(PACKAGE).parts[0].removesuffix('.py')


def imported_modules(path: pathlib.Path) -> set[str]:
  """Returns the top-level modules of our package that a file imports."""
  names = set()
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.ImportFrom) and node.module == 'mnist_jax':
      names |= {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom) and node.module:
      parts = node.module.split('.')
      names |= {parts[1]} if parts[0] == 'mnist_jax' else set()
  return names


@pytest.mark.parametrize(
  'path', MODULES, ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_a_module_imports_only_from_lower_floors(path):
  module = module_of(path)
  if module == '__init__':
    assert not imported_modules(path)
    return
  for name in imported_modules(path) - {module}:
    assert FLOOR_OF[name] < FLOOR_OF[module], f'{module} imports {name}'


def imports_library(path: pathlib.Path, library: str) -> bool:
  tree = ast.parse(path.read_text())
  lines = [
    ast.unparse(node)
    for node in ast.walk(tree)
    if isinstance(node, ast.Import | ast.ImportFrom)
  ]
  return any(library in line for line in lines)


@pytest.mark.parametrize(
  ('library', 'places'),
  [
    ('from flax import linen', {'layers', 'models'}),
    ('orbax', {'checkpoint'}),
    ('matplotlib', {'analysis'}),
    ('tensorflow_datasets', {'data'}),
    ('starlette', {'demo'}),
    ('uvicorn', {'demo'}),
  ],
)
def test_a_library_stays_in_its_place(library, places):
  users = {
    module_of(path) for path in MODULES if imports_library(path, library)
  }
  assert users == places


def test_nothing_imports_tensorflow_or_torch():
  for path in MODULES:
    for library in ('import tensorflow as', 'import torch', 'chex', 'clu'):
      assert not imports_library(path, library), path
