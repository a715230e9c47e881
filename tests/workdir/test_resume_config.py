"""Which configs may go on with a run that a workdir holds."""

import json

import pytest

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.workdir import workdir as workdir_lib


def store(workdir, *, without=(), **fields):
  """Writes config.json as a version with other fields would have done."""
  stored = workdir_lib.as_json(config_lib.default())
  for section, name in without:
    del stored[section][name]
  for section, values in fields.items():
    stored.setdefault(section, {}).update(values)
  (workdir / 'config.json').write_text(json.dumps(stored))


def test_a_field_that_is_new_since_then_has_its_default(tmp_path):
  store(tmp_path, without=[('data', 'non_digits'), ('augment', 'custom')])
  config = config_lib.default()
  assert workdir_lib.resume_config(tmp_path, config) == config
  config.data.non_digits = 0.25
  with pytest.raises(errors.UserError, match=r'non_digits: 0\.0 -> 0\.25'):
    workdir_lib.resume_config(tmp_path, config)


def test_a_field_that_is_gone_counts_unless_it_was_off(tmp_path):
  config = config_lib.default()
  store(tmp_path, augment={'pens': 0.0, 'camera': False, 'paper': ''})
  assert workdir_lib.resume_config(tmp_path, config) == config
  store(tmp_path, augment={'pens': 0.5})
  with pytest.raises(errors.UserError, match=r'augment\.pens: 0\.5') as error:
    workdir_lib.resume_config(tmp_path, config)
  assert '\n' not in str(error.value)


@pytest.mark.parametrize(
  ('stored', 'asked'),
  [({'width': 8}, {'width': 9}), ({}, {'width': 0}), ({'width': 0}, {})],
)
def test_a_field_of_a_recipes_own_decides_which_run_it_is(
  tmp_path, stored, asked
):
  store(tmp_path, extra=stored)
  config = config_lib.default()
  config.extra.update(stored)
  assert workdir_lib.resume_config(tmp_path, config) == config
  config = config_lib.default()
  config.extra.update(asked)
  with pytest.raises(errors.UserError, match=r'extra\.width'):
    workdir_lib.resume_config(tmp_path, config)
