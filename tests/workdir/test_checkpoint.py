"""Checkpoints: real orbax folders, damaged and moved on purpose."""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from mnist_jax import errors
from mnist_jax.distributed import multihost
from mnist_jax.workdir import checkpoint


def make_state(value, devices=1):
  mesh = jax.make_mesh((devices,), ('data',), devices=jax.devices()[:devices])
  state = {
    'kernel': jnp.full((100, 100), value),
    'step': jnp.int32(value),
    'rng': jax.random.key(7),
    'empty': {},
    'none': (),
  }
  return jax.device_put(state, NamedSharding(mesh, P()))


def abstract(state):
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), state
  )


def save(path, best_steps):
  """Saves steps 1, 2, ...; each is told the best step so far."""
  with checkpoint.Checkpoints(path) as checkpoints:
    for step, best_step in enumerate(best_steps, start=1):
      progress = {'epochs': step, 'seconds': {'train': 0.1 * step}}
      checkpoints.keep(best_step)
      checkpoints.save(step, make_state(step), progress, evaluated=True)


def saved_steps(path):
  return sorted(
    int(p.name) for p in (path / 'checkpoints').iterdir() if p.name.isdigit()
  )


def data_files(path, step):
  """Lists the files of a checkpoint that hold the arrays."""
  files = [p for p in (path / f'checkpoints/{step}').rglob('*') if p.is_file()]
  return [p for p in files if p.parent.name == 'd']


def test_what_is_saved_comes_back_bit_for_bit(tmp_path):
  save(tmp_path, [1])
  with checkpoint.Checkpoints(tmp_path) as checkpoints:
    state, progress, damaged = checkpoints.restore_newest(
      abstract(make_state(0))
    )
  expected = make_state(1)
  assert jax.random.key_data(state['rng']).tolist() == [0, 7]
  np.testing.assert_array_equal(state['kernel'], expected['kernel'])
  assert jax.tree.structure(state) == jax.tree.structure(expected)
  assert progress == {'epochs': 1, 'seconds': {'train': 0.1}}
  assert damaged == []


def test_a_new_folder_has_nothing_to_restore(tmp_path):
  with checkpoint.Checkpoints(tmp_path) as checkpoints:
    assert checkpoints.restore_newest(abstract(make_state(0))) is None


def test_the_newest_two_and_the_best_are_kept(tmp_path):
  save(tmp_path, [1, 2, 2, 2, 2, 2])
  assert saved_steps(tmp_path) == [2, 5, 6]
  with checkpoint.Checkpoints(tmp_path) as checkpoints:
    best = checkpoints.restore_best(2, abstract(make_state(0)))
    newest, _, _ = checkpoints.restore_newest(abstract(make_state(0)))
  assert (best['step'], newest['step']) == (2, 6)


def test_the_best_of_the_checkpoint_before_is_kept_too(tmp_path):
  save(tmp_path, [1, 1, 1, 1, 5])
  assert saved_steps(tmp_path) == [1, 4, 5]


def test_a_best_checkpoint_that_is_damaged_or_gone_is_one_line(tmp_path):
  save(tmp_path, [1, 1, 1])
  for path in data_files(tmp_path, 1):
    flip_one_bit(path)
  with checkpoint.Checkpoints(tmp_path) as checkpoints:
    with pytest.raises(
      errors.UserError, match=r'checkpoint 1 .* by validation'
    ):
      checkpoints.restore_best(1, abstract(make_state(0)))
    with pytest.raises(
      errors.UserError, match=r'checkpoint 9 .* by validation'
    ):
      checkpoints.restore_best(9, abstract(make_state(0)))


def test_progress_that_was_changed_counts_as_damage(tmp_path):
  save(tmp_path, [1, 1])
  (path,) = (tmp_path / 'checkpoints/2/progress').glob('*metadata')
  text = path.read_text()
  assert '"epochs": 2' in text
  path.write_text(text.replace('"epochs": 2', '"epochs": 7'))
  with checkpoint.Checkpoints(tmp_path) as checkpoints:
    restored = checkpoints.restore_newest(abstract(make_state(0)))
  assert restored.progress['epochs'] == 1
  assert 'checkpoint 2 is damaged' in restored.damaged[0]


def test_an_evaluated_checkpoint_replaces_one_saved_by_a_signal(tmp_path):
  with checkpoint.Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(1, make_state(1), {'epochs': 0}, evaluated=False)
    checkpoints.save(1, make_state(1), {'epochs': 1}, evaluated=True)
    checkpoints.save(1, make_state(1), {'epochs': 9}, evaluated=False)
    restored = checkpoints.restore_newest(abstract(make_state(0)))
  assert restored.progress == {'epochs': 1}


def test_a_checkpoint_restores_on_another_number_of_devices(tmp_path):
  save(tmp_path, [1])
  like = abstract(make_state(0, devices=4))
  with checkpoint.Checkpoints(tmp_path) as checkpoints:
    state, _, _ = checkpoints.restore_newest(like)
  assert state['kernel'].sharding.num_devices == 4
  np.testing.assert_array_equal(state['kernel'], 1.0)


def truncate(path):
  path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_one_bit(path):
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 1
  path.write_bytes(content)


def remove(path):
  path.unlink()


@pytest.mark.parametrize('damage', [truncate, flip_one_bit, remove])
def test_a_damaged_newest_falls_back_to_the_one_before(tmp_path, damage):
  save(tmp_path, [1, 2, 3])
  for path in data_files(tmp_path, 3):
    damage(path)
  with checkpoint.Checkpoints(tmp_path) as checkpoints:
    state, progress, lines = checkpoints.restore_newest(abstract(make_state(0)))
    assert (state['step'], progress['epochs']) == (2, 2)
    assert len(lines) == 1
    assert lines[0].startswith('checkpoint 3 is damaged')
    # The run comes by step 3 again and saves it anew.
    checkpoints.save(3, make_state(3), {}, evaluated=True)
    assert checkpoints.restore_newest(abstract(make_state(0)))[2] == []


def dtypes(state):
  return [leaf.dtype for leaf in jax.tree.leaves(state)]


def empty(path):
  path.write_bytes(b'')


@pytest.mark.parametrize('damage', [empty, truncate, flip_one_bit, remove])
def test_whatever_file_of_the_newest_is_damaged_an_older_one_is_read(
  tmp_path, damage
):
  save(tmp_path / 'whole', [1, 2, 3])
  newest = tmp_path / 'whole' / 'checkpoints/3'
  files = [p.relative_to(newest) for p in newest.rglob('*') if p.is_file()]
  assert len(files) > 5
  for i, file in enumerate(files):
    path = shutil.copytree(tmp_path / 'whole', tmp_path / str(i))
    damage(path / 'checkpoints/3' / file)
    with checkpoint.Checkpoints(path) as checkpoints:
      restored = checkpoints.restore_newest(abstract(make_state(0)))
    assert dtypes(restored.state) == dtypes(make_state(0)), file
    step = int(restored.state['step'])
    assert step in (2, 3), file
    assert restored.progress['epochs'] == step
    np.testing.assert_array_equal(restored.state['kernel'], step)


def test_a_broken_file_of_an_older_checkpoint_stops_neither_reading_nor_saving(
  tmp_path,
):
  save(tmp_path / 'whole', [1, 2, 3])
  older = tmp_path / 'whole' / 'checkpoints/2'
  files = [p.relative_to(older) for p in older.rglob('*') if p.is_file()]
  for i, file in enumerate(files):
    path = shutil.copytree(tmp_path / 'whole', tmp_path / str(i))
    empty(path / 'checkpoints/2' / file)
    with checkpoint.Checkpoints(path) as checkpoints:
      checkpoints.keep(3)
      restored = checkpoints.restore_newest(abstract(make_state(0)))
      assert (int(restored.state['step']), restored.damaged) == (3, []), file
      checkpoints.save(4, make_state(4), {'epochs': 4}, evaluated=True)
    assert {3, 4} <= set(saved_steps(path)), file


def test_a_save_that_fails_for_a_lost_process_is_not_blamed_on_the_disk(
  tmp_path, monkeypatch
):
  monkeypatch.setattr(multihost, 'count', lambda: 2)
  with checkpoint.Checkpoints(tmp_path) as checkpoints:

    def fail(*unused, **unused_too):
      raise ValueError('UNKNOWN: Gloo AllGather failed: closed by peer')

    monkeypatch.setattr(checkpoints._manager, 'save', fail)
    with pytest.raises(ValueError, match='Gloo'):
      checkpoints.save(1, make_state(1), {}, evaluated=True)


def test_nothing_readable_is_an_error_that_gives_each_reason(tmp_path):
  save(tmp_path, [1, 2])
  for path in data_files(tmp_path, 1) + data_files(tmp_path, 2):
    truncate(path)
  with (
    checkpoint.Checkpoints(tmp_path) as checkpoints,
    pytest.raises(errors.UserError, match=r'2: .*; 1: .*another --workdir'),
  ):
    checkpoints.restore_newest(abstract(make_state(0)))
  assert saved_steps(tmp_path) == [1, 2]
