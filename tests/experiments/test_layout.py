"""How the files of experiments/ may import each other."""

import ast

import experiments

FILES = {
  '.'.join(path.relative_to(experiments.ROOT).with_suffix('').parts): path
  for path in (experiments.ROOT / 'experiments').rglob('*.py')
}


def imported_files(path):
  names = set()
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.ImportFrom):
      names |= {f'{node.module}.{alias.name}' for alias in node.names}
  return names & FILES.keys()


IMPORTS = {name: imported_files(path) for name, path in FILES.items()}


def test_no_file_imports_one_that_defines_flags():
  # absl refuses a flag that is defined twice, so two studies could not meet.
  with_flags = {
    name for name, path in FILES.items() if 'flags.DEFINE' in path.read_text()
  }
  assert 'experiments.seed_sweep.__main__' in with_flags
  for name, imported in IMPORTS.items():
    assert not imported & with_flags, name


def test_no_files_import_each_other_in_a_circle():
  left = {name: set(imported) for name, imported in IMPORTS.items()}
  while free := [name for name, imported in left.items() if not imported]:
    for name in free:
      del left[name]
    for imported in left.values():
      imported.difference_update(free)
  assert not left


def test_files_and_functions_are_short():
  for name, path in FILES.items():
    text = path.read_text()
    assert text.count('\n') <= 300, name
    for node in ast.walk(ast.parse(text)):
      if isinstance(node, ast.FunctionDef):
        assert node.end_lineno - node.lineno < 64, f'{name}.{node.name}'
