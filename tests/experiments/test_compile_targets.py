"""Programs for chips that are not here: compiled, counted and scaled."""

import importlib.util
import json
import subprocess
import sys

import pytest

import experiments
from experiments.compile_targets import hlo, scaling, table, targets
from mnist_jax import errors

PUBLISHED = experiments.RESULTS / 'compile_targets.json'
KEYS = {
  'temporary_bytes',
  'flops_per_step',
  'bytes_per_step',
  'collective_bytes_per_step',
  'compile_seconds',
  'images_per_second_bound',
}
HLO = """HloModule run

%body.1 (x: f32[4]) -> f32[4] {
  %a = (f32[32]{0:T(128)S(1)}, bf16[2,3]{1,0:T(8,128)}) all-reduce(%x, %y)
  ROOT %b = f32[]{:T(128)} all-reduce-start(%z), channel_id=1
}

ENTRY %main (x: f32[4]) -> f32[4] {
  %w = f32[4]{0} while(%x), condition=%cond.1, body=%body.1
  ROOT %c = s32[100]{0} all-reduce(%w)
}
"""


def run(*flags):
  return subprocess.run(
    [sys.executable, '-m', 'experiments.compile_targets', *flags],
    cwd=experiments.ROOT,
    capture_output=True,
    text=True,
    timeout=250,
  )


def test_only_what_is_summed_inside_the_loop_counts_for_a_step():
  found = hlo.collectives_per_step(HLO)
  assert [one.operation for one in found] == ['all-reduce', 'all-reduce']
  assert [one.num_bytes for one in found] == [4 * 32 + 2 * 6, 4]


@pytest.mark.parametrize('name', ['v9:2x2', 'v5e', 'h100:2x2', ''])
def test_an_unknown_target_is_refused(name):
  with pytest.raises(errors.UserError, match='target'):
    targets.parse(name)


@pytest.mark.parametrize(
  ('flags', 'words'),
  [
    (['--targets=v9:2x2'], 'unknown'),
    (['--configs=improve'], "'improved'"),
    (['--targets='], 'no target'),
  ],
)
def test_a_wrong_flag_is_one_line(flags, words):
  done = run(*flags)
  assert done.returncode == 2, done.stderr
  assert done.stderr.count('\n') == 1, done.stderr
  assert words in done.stderr


def test_a_target_whose_compiler_is_missing_is_left_out_with_the_way_out(
  monkeypatch,
):
  monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
  for name in ('v5e:2x2', 'h100'):
    assert 'requirements-tpu.txt' in targets.why_not(name)


@pytest.mark.skipif(
  importlib.util.find_spec('libtpu') is None, reason='needs libtpu'
)
def test_a_small_recipe_compiles_for_four_chips_that_are_not_here(tmp_path):
  out = tmp_path / 'found.json'
  done = run('--targets=v5e:2x2', '--configs=single_conv', f'--out={out}')
  assert done.returncode == 0, done.stderr
  (programs,) = json.loads(out.read_text())['targets'].values()
  assert programs['single_conv'].keys() == KEYS
  # At least the gradients of 434,258 weights; the sweep's trials share nothing.
  assert programs['single_conv']['collective_bytes_per_step'] >= 4 * 434_258
  assert programs['single_conv-sweep']['collective_bytes_per_step'] == 0
  assert programs['single_conv']['images_per_second_bound'] > 0


def test_a_trial_of_a_sweep_is_the_same_work_on_any_number_of_chips():
  found = json.loads(PUBLISHED.read_text())['targets']
  for name in ('improved-sweep', 'fast-sweep'):
    one, many = (found[f'v5e:{chips}'][name] for chips in ('1x1', '16x16'))
    for key in ('flops_per_step', 'temporary_bytes'):
      assert many[key] == pytest.approx(one[key], rel=0.1), key


def test_the_published_file_has_all_that_the_table_shows():
  found = json.loads(PUBLISHED.read_text())
  assert found.keys() == {'targets'}
  for target, programs in found['targets'].items():
    assert targets.parse(target)
    assert {'improved', 'fast'} <= programs.keys()
    assert all(numbers.keys() == KEYS for numbers in programs.values())
  assert table.as_markdown(found).count('\n') > len(found['targets'])


def test_more_chips_take_no_less_time_for_a_batch_that_is_all_fixed_cost():
  model = scaling.Model(fixed=1e7, per_image=1e6, summed=2e6)
  assert model.seconds(256, 64) > model.seconds(4, 64)
  size = model.smallest_batch(256)
  assert model.seconds(256, size) <= 0.9 * model.seconds(128, size)
  assert model.seconds(256, size / 2) > 0.9 * model.seconds(128, size / 2)
