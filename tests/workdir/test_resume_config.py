"""Which configs may go on with a run that a workdir holds."""

import json

import numpy as np
import pytest

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.data import datasets
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


def make_dataset(name, seed=0):
  rng = np.random.default_rng(seed)
  splits = [
    datasets.Split(
      rng.integers(0, 256, (4, 28, 28), np.uint8),
      np.arange(4, dtype=np.int32),
      np.arange(4, dtype=np.int32),
    )
    for _ in range(3)
  ]
  return datasets.Dataset(name, *splits)


def test_a_run_never_goes_on_with_other_images_of_ones_own(tmp_path):
  workdir_lib.check_images(tmp_path, make_dataset('mine'))
  workdir_lib.check_images(tmp_path, make_dataset('mine'))
  with pytest.raises(errors.UserError, match="other images of 'mine'"):
    workdir_lib.check_images(tmp_path, make_dataset('mine', seed=1))


def test_images_that_are_always_the_same_leave_no_file(tmp_path):
  workdir_lib.check_images(tmp_path, make_dataset('mnist'))
  assert not any(tmp_path.iterdir())


@pytest.mark.parametrize('field', ['manual_dir', 'data_dir'])
def test_another_folder_is_another_run_only_for_images_of_ones_own(
  tmp_path, field
):
  for name in ('mine', 'mnist'):
    store(tmp_path, data={'name': name, 'valid': 'random', field: 'here'})
    config = config_lib.default()
    config.data.update({'name': name, 'valid': 'random', field: 'there'})
    if name == 'mnist':
      assert workdir_lib.resume_config(tmp_path, config) == config
      continue
    with pytest.raises(errors.UserError, match=rf'data\.{field}'):
      workdir_lib.resume_config(tmp_path, config)
