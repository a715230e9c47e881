"""Flags are parsed; a wrong one gives one line with what to write instead."""

import pathlib
import re
import subprocess
import sys

import pytest
from absl import flags

from mnist_jax import errors
from mnist_jax.cli import absl_flags

REPOSITORY = pathlib.Path(__file__).parents[2]
SMOKE = '--config=configs/single_conv.py:smoke'


@pytest.fixture
def parse(monkeypatch):
  """Parses a command line with fresh flags; returns the config."""
  monkeypatch.chdir(REPOSITORY)

  def parse(*argv, default=None):
    monkeypatch.setattr(flags, 'FLAGS', flags.FlagValues())
    monkeypatch.setattr(sys, 'argv', ['main.py', *map(str, argv)])
    # ml_collections loads every recipe into this module.
    monkeypatch.delitem(sys.modules, 'config_config', raising=False)
    config = absl_flags.define_config(default)
    flags.DEFINE_string('workdir', '', '', flag_values=flags.FLAGS)
    absl_flags.parse(sys.argv)
    return config.value

  return parse


def refused(parse, *argv):
  """Returns the message of the error, which is one line."""
  with pytest.raises(errors.UserError) as caught:
    parse(*argv)
  message = str(caught.value)
  assert '\n' not in message
  assert 'Traceback' not in message
  return message


def run(*argv):
  return subprocess.run(
    [sys.executable, *argv],
    cwd=REPOSITORY,
    capture_output=True,
    text=True,
    timeout=120,
  )


def test_what_a_recipe_raises_while_it_runs_is_one_line(tmp_path):
  recipe = tmp_path / 'recipe.py'
  recipe.write_text(
    'from mnist_jax import config as config_lib\n'
    'from mnist_jax.augment import augment\n'
    'def turned(rng, image):\n'
    '  return image.turn()\n'
    "augment.AUGMENTATIONS['turned'] = turned\n"
    'def get_config():\n'
    "  config = config_lib.smoke(config_lib.load('single_conv'))\n"
    "  config.augment.update(enabled=True, custom='turned')\n"
    '  return config\n'
  )
  flags = f'--config={recipe}', f'--workdir={tmp_path / "run"}'
  done = run('-m', 'mnist_jax.main', *flags)
  assert done.returncode == 2, done.stderr
  assert done.stderr.count('\n') == 1, done.stderr
  assert 'recipe.py, line 4: AttributeError' in done.stderr


def test_flags_override_the_fields_of_a_recipe(parse):
  config = parse(SMOKE, '--config.optim.lr=0.5', '--config.seed', '7')
  assert (config.optim.lr, config.seed) == (0.5, 7)
  assert parse() is None


@pytest.mark.parametrize(
  ('argv', 'words'),
  [
    (['--confg=configs/basic.py'], ['confg', 'config']),
    (['configs/basic.py'], ['configs/basic.py', '--config']),
    (['--config=configs/improve.py'], ['configs/improved.py']),
    (['--config', 'configs/improve.py'], ['configs/improved.py']),
    (['--config=configs/basic.py', '--config='], ['--config is empty']),
    (['--config='], ['--config is empty', '--config=configs/improved.py']),
    (['--config'], ['Missing value', 'config']),
    ([f'--config={"a" * 5000}.py'], ['does not exist']),
    ([SMOKE, '--config.optim.lrr=1'], ["'optim.lrr'", "'optim.lr'"]),
    ([SMOKE, '--config.optimm.lr=1'], ["'optimm.lr'", "'optim.lr'"]),
    ([SMOKE, '--config.data.batch_size=abc'], ['batch_size', 'abc', 'int']),
    ([SMOKE, '--config.optim.lr=fast'], ['optim.lr', 'fast', 'float']),
    ([SMOKE, '--config.optim.nesterov=maybe'], ['nesterov', 'bool']),
    ([SMOKE, '--config.extra.width=3'], ['extra.width', 'in the recipe']),
    (['--config=configs/basic.py:quick'], ['quick', ':smoke']),
    (['--config=improve'], ["'improved'"]),
    (['--config', 'nothing'], ['nothing', 'basic', 'improved']),
  ],
)
def test_a_wrong_flag_is_named_with_the_right_one(parse, argv, words):
  message = refused(parse, *argv)
  for word in words:
    assert word in message


def test_a_recipe_of_this_project_is_found_by_its_name(parse, monkeypatch):
  monkeypatch.chdir('/')  # As without a checkout.
  by_path = parse(f'--config={REPOSITORY}/configs/improved.py')
  assert parse('--config=improved') == by_path
  assert parse('--config', 'improved') == by_path
  assert parse('--config=improved:smoke').data.name == 'uci_digits'
  command = absl_flags.command('mnist_jax.main')
  assert command == 'python -m mnist_jax.main --config=improved:smoke'


def test_a_recipe_in_the_folder_configs_is_found_by_its_name(
  parse, monkeypatch, tmp_path
):
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'configs').mkdir()
  own = (REPOSITORY / 'configs/fast.py').read_text()
  (tmp_path / 'configs/for_this_test.py').write_text(own)
  (tmp_path / 'configs/basic.py').write_text(own)
  assert parse('--config=for_this_test').model.name == 'fast'
  assert parse('--config=configs/basic.py').model.name == 'fast'
  # A name of this project is always its own recipe.
  assert parse('--config=basic').model.name == 'basic'


def test_a_flag_overrides_a_field_that_the_recipe_has_added(parse, tmp_path):
  recipe = tmp_path / 'mine.py'
  recipe.write_text(
    'from configs import basic\n'
    'def get_config():\n'
    '  config = basic.get_config()\n'
    '  config.extra.width = 12\n'
    '  return config\n'
  )
  flag = f'--config={recipe}'
  assert parse(flag, '--config.extra.width=3').extra.width == 3
  assert 'extra.widht' in refused(parse, flag, '--config.extra.widht=3')
  message = refused(parse, flag, '--config.extra.width=wide')
  assert '--config.extra.width=12' in message


def test_the_path_of_a_recipe_may_contain_spaces(parse, tmp_path):
  recipe = tmp_path / 'my recipes' / 'mine.py'
  recipe.parent.mkdir()
  recipe.write_text((REPOSITORY / 'configs/basic.py').read_text())
  for argv in ([f'--config={recipe}:smoke'], ['--config', f'{recipe}:smoke']):
    assert parse(*argv, '--config.seed=3').seed == 3
    message = refused(parse, *(word.replace('mine', 'none') for word in argv))
    assert f'{recipe.parent}/none.py does not exist' in message


RECIPES = {
  'SyntaxError': ('def get_config(:\n', 1),
  'ZeroDivisionError': ('def get_config(mode=None):\n  return 1 / 0\n', 2),
  'ValueError': ('def get_config(mode=None):\n  return int("x")\n', 2),
  'TypeError': ('\ndef get_config(mode=None):\n  return len(3)\n', 3),
  'FileNotFoundError': (
    'def get_config(mode=None):\n  return open("/none/none")\n',
    2,
  ),
  'ModuleNotFoundError': ('import none_of_these\n', 1),
  'SystemExit': ('def get_config(mode=None):\n  raise SystemExit(3)\n', 2),
  'RuntimeError': (
    'def get_config(mode=None):\n'
    '  try:\n'
    '    return int("x")\n'
    '  except ValueError:\n'
    '    raise RuntimeError("two\\nlines")\n',
    5,
  ),
  'AttributeError': (
    'from mnist_jax import config\n'
    'def get_config(mode=None):\n'
    '  config.default().optim.lrr = 1\n',
    3,
  ),
}


@pytest.mark.parametrize('name', RECIPES)
@pytest.mark.parametrize('override', [[], ['--config.seed=1']])
def test_a_recipe_that_raises_gives_its_file_line_and_exception(
  parse, tmp_path, name, override
):
  source, line = RECIPES[name]
  recipe = tmp_path / 'broken.py'
  recipe.write_text(source)
  message = refused(parse, f'--config={recipe}', *override)
  assert message.startswith(f'{recipe}, line {line}: {name}: ')


def test_the_line_may_be_in_a_file_beside_the_recipe(parse, tmp_path):
  (tmp_path / 'beside_it.py').write_text('x = 1\ny = 1 / 0\n')
  recipe = tmp_path / 'broken.py'
  recipe.write_text(
    f'import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport beside_it\n'
  )
  path = list(sys.path)
  try:
    message = refused(parse, f'--config={recipe}')
  finally:
    sys.path[:] = path
  assert message.startswith(f'{tmp_path}/beside_it.py, line 2: ZeroDivision')


@pytest.mark.parametrize(
  ('source', 'words'),
  [
    ('x = 1\n', 'get_config'),
    ('def get_config():\n  return None\n', 'NoneType'),
    ('def get_config():\n  return {"seed": 1}\n', 'dict'),
  ],
)
def test_a_file_that_gives_no_config_is_refused(parse, tmp_path, source, words):
  recipe = tmp_path / 'no_recipe.py'
  recipe.write_text(source)
  message = refused(parse, f'--config={recipe}')
  assert str(recipe) in message
  assert words in message


def test_a_field_without_a_value_is_refused_before_devices_are_made(
  parse, tmp_path
):
  recipe = tmp_path / 'no_batch.py'
  recipe.write_text(
    'from mnist_jax import config as config_lib\n'
    'def get_config():\n'
    '  config = config_lib.default()\n'
    '  config.data.batch_size = None\n'
    '  return config\n'
  )
  message = refused(parse, f'--config={recipe}')
  assert message.startswith('data.batch_size None is not of type int')


def test_a_default_recipe_is_used_unless_another_is_given(parse, monkeypatch):
  default = 'configs/basic.py'
  assert parse(default=default).model.name == 'basic'
  assert parse('--config.seed=5', default=default).seed == 5
  assert parse(SMOKE, default=default).model.name == 'single_conv'
  with pytest.raises(errors.UserError, match='does not exist'):
    parse(default='configs/none.py')


def test_flags_may_come_from_a_file(parse, monkeypatch, tmp_path):
  path = tmp_path / 'flags'
  path.write_text(f'{SMOKE}\n--config.optim.lr=0.5\n--workdir=a b\n')
  assert parse(f'--flagfile={path}').optim.lr == 0.5
  command = absl_flags.command('mnist_jax.main')
  assert command == (
    f"python -m mnist_jax.main {SMOKE} --config.optim.lr=0.5 '--workdir=a b'"
  )
  of_config = absl_flags.command('mnist_jax.main', of_config=True)
  assert of_config == f'python -m mnist_jax.main {SMOKE} --config.optim.lr=0.5'


def test_the_name_of_a_config_is_that_of_its_file_and_mode():
  assert absl_flags.config_name('configs/improved.py') == 'improved'
  assert absl_flags.config_name('my recipes/a.py:smoke') == 'a-smoke'


@pytest.mark.parametrize('content', [None, b'\xff'])
def test_a_flag_file_that_cannot_be_read_is_one_line(tmp_path, content):
  path = tmp_path / 'flags'
  if content is not None:
    path.write_bytes(content)
  done = run('-m', 'mnist_jax.main', f'--flagfile={path}')
  assert done.returncode == 2
  assert done.stderr.startswith('mnist_jax: --flagfile is wrong')
  assert done.stderr.count('\n') == 1


def test_a_command_without_a_config_says_what_to_give():
  done = run('-m', 'mnist_jax.main')
  assert done.returncode == 2
  assert done.stderr == (
    'mnist_jax: no config is given; try --config=configs/improved.py\n'
  )


def test_help_lists_the_flags_without_importing_jax():
  done = run('-X', 'importtime', '-m', 'mnist_jax.main', '--help')
  assert done.returncode == 0
  assert '--config' in done.stdout
  # Of the list of imports; each level is indented further.
  assert re.search(r'\| +absl$', done.stderr, re.MULTILINE)
  assert not re.search(r'\| +jax$', done.stderr, re.MULTILINE)
