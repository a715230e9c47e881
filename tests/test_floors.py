"""The house has floors: a room imports only from lower floors."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PACKAGE = ROOT / 'mnist_jax'

FLOORS = [
  {'errors'},
  {'config', 'distributed', 'photos'},
  {'config_rules', 'data'},
  {'augment', 'cli', 'models', 'workdir'},
  {'analysis'},
  {'training'},
  {'predict', 'sweep'},
  {'api', 'demo', 'export', 'main'},
]
FLOOR_OF = {room: i for i, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(PACKAGE.rglob('*.py'))


def module_of(path: pathlib.Path) -> str:
  """Returns the dotted name of a file, such as 'mnist_jax.training.train'."""
  parts = path.relative_to(ROOT).with_suffix('').parts
  return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


MODULES = {module_of(path) for path in FILES}


def room_of(module: str) -> str:
  return module.split('.')[1]


def imported_modules(path: pathlib.Path) -> set[str]:
  """Returns the modules of our package that a file imports, also late."""
  names = set()
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.ImportFrom) and node.module:
      names |= {f'{node.module}.{alias.name}' for alias in node.names}
      names.add(node.module)
    elif isinstance(node, ast.Import):
      names |= {alias.name for alias in node.names}
  return names & MODULES


IMPORTS = {module_of(path): imported_modules(path) for path in FILES}


def test_the_tree_has_the_rooms_of_the_plan_and_no_other():
  rooms = {room_of(module) for module in MODULES if '.' in module}
  assert rooms == FLOOR_OF.keys()


@pytest.mark.parametrize('module', sorted(MODULES))
def test_a_room_imports_only_from_lower_floors(module):
  imported = {name for name in IMPORTS[module] if '.' in name}
  if module == 'mnist_jax':
    assert not imported
    return
  room = room_of(module)
  for other in {room_of(name) for name in imported} - {room}:
    assert FLOOR_OF[other] < FLOOR_OF[room], f'{module} imports {other}'


def test_no_files_import_each_other_in_a_circle():
  left = {module: set(names) for module, names in IMPORTS.items()}
  while free := [module for module, names in left.items() if not names]:
    for module in free:
      del left[module]
    for names in left.values():
      names.difference_update(free)
  assert not left, f'a circle among {sorted(left)}'


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
    ('from flax import linen', {'models'}),
    ('orbax', {'workdir'}),
    ('matplotlib', {'analysis', 'predict'}),
    ('tensorflow_datasets', {'data'}),
    ('starlette', {'demo'}),
    ('uvicorn', {'demo'}),
    ('onnx', {'export'}),
  ],
)
def test_a_library_stays_in_its_place(library, places):
  users = {
    room_of(module_of(path)) for path in FILES if imports_library(path, library)
  }
  assert users == places


def test_nothing_imports_tensorflow_or_torch():
  for path in FILES:
    for library in ('import tensorflow as', 'import torch', 'chex', 'clu'):
      assert not imports_library(path, library), path
