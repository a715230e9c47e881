"""The benchmark: equal models, correct arithmetic, readable results."""

import dataclasses
import importlib
import importlib.util
import io
import json
import math
import sys

import numpy as np
import pytest
from PIL import Image

from experiments.benchmark import (
  available,
  measure,
  report,
  rounds,
  stability,
  summary,
)
from experiments.benchmark.peers import work, worker
from mnist_jax import errors

# Steps per second of each contender in three rounds: the medians are 40, 10,
# 8, 16 (the best of PyTorch), 12, 4, 20, 32 (the best of all peers), 5, 25
# (the best of Keras), 50 and 32; with oneDNN we have 48.
SPEEDS = {
  'ours': (40, 36, 44),
  'ours_onednn': (48, 48, 49),
  'stock_flax': (10, 10, 11),
  'pytorch_contiguous': (8, 8, 8),
  'pytorch_channels_last': (1, 16, 17),
  'pytorch_contiguous_passive': (12, 12, 12),
  'pytorch_channels_last_passive': (4, 4, 4),
  'torch_compile': (20, 20, 20),
  'tensorflow': (32, 32, 31),
  'keras': (5, 5, 5),
  'keras_no_jit': (25, 25, 25),
  'ours_alone': (50, 50, 50),
  'ours_augmented': (32, 32, 30),
}
RUN = {'seed': 1000, 'num_params': 100}
MOVING = ['pytorch_channels_last']  # Whose median the last rounds moved.


def measured(without=()):
  return {
    name: {
      'num_params': 391_370,
      'peak_mb': 100.4 + len(name),
      'runs_on': '2 x cpu (a name, 2 cores)',
      'blocks': [
        {'steps': 2 * speed, 'seconds': 2.0, 'loss': 0.5} for speed in speeds
      ],
    }
    for name, speeds in SPEEDS.items()
    if name not in without
  }


def race_runs(train_seconds, accuracies):
  return [
    RUN | {'train_seconds': s, 'total_seconds': s + 3, 'test_accuracy': a}
    for s, a in zip(train_seconds, accuracies, strict=True)
  ]


def race():
  return summary.race(
    {
      'ours': race_runs((1.0, 1.1, 5.0), (0.99, 0.99, 0.993)),
      'pytorch_contiguous': race_runs((9.0, 9.0, 9.0), (0.99, 0.99, 0.99)),
      'pytorch_channels_last': race_runs((4.4, 4.4, 4.4), (0.99, 0.98, 0.97)),
    }
  )


def make_results(row):
  rows = {'improved': row, 'basic': row | {'vs_pytorch': 10.0}}
  return {
    'date': '2026-01-02T03:04:05+00:00',
    'plan': dataclasses.asdict(measure.QUICK),
    'throughput': rows,
    'geometric_mean': summary.geometric_means(rows),
    'augmentation': summary.augmentation(row),
    'time_to_99': race(),
    'machine': measure.machine(rows, (0.25, 0.5, 0.75)),
    'left_out': [],
    'versions': dict.fromkeys(('python', 'jax', 'flax', 'torch'), '1.2.3'),
  }


@pytest.fixture
def results():
  return make_results(summary.throughput(measured(), batch_size=128))


def test_throughput_is_medians_of_rounds_and_ratios_of_medians():
  row = summary.throughput(measured(), batch_size=128)
  assert row['ours'] == 128 * 40
  assert row['stock_flax'] == 128 * 10
  assert row['pytorch'] == 128 * 16
  assert row['setups']['pytorch'] == 'pytorch_channels_last'
  assert row['vs_stock_flax'] == 4
  assert row['vs_pytorch'] == 2.5
  assert row['step_in_loop'] == 1.25  # Slower in the loop: 40 instead of 50.
  assert row['images']['ours'] == 128 * 2 * (40 + 36 + 44)
  assert row['spread'] == 1  # Of PyTorch: from 1 to 17 around 16.


def test_augmentation_costs_the_time_that_it_adds_to_a_step():
  row = summary.throughput(measured(), batch_size=128)
  cost = summary.augmentation(row)['cost']
  assert cost == pytest.approx((1 / 32 - 1 / 40) / (1 / 40))
  assert summary.augmentation(None) == {}


def test_the_race_is_medians_of_seconds_and_means_of_accuracy():
  row = race()
  assert row['ours']['train_seconds'] == 1.1
  assert row['ours']['test_accuracy'] == pytest.approx(0.991)
  assert row['pytorch_recipe']['best'] == 'pytorch_channels_last'
  assert row['pytorch_recipe']['test_accuracy'] == pytest.approx(0.98)
  assert row['train_ratio'] == pytest.approx(0.25)
  assert row['total_ratio'] == pytest.approx(4.1 / 7.4)


def test_the_geometric_mean_is_over_the_models(results):
  assert results['geometric_mean']['vs_pytorch'] == pytest.approx(5)


def test_benchmark_json_has_every_key_that_is_promised(results, tmp_path):
  measure.keep(results, tmp_path)
  kept = json.loads((tmp_path / 'benchmark.json').read_text())
  assert kept == results
  for row in kept['throughput'].values():
    wanted = {'ours', 'stock_flax', 'pytorch', 'vs_stock_flax', 'vs_pytorch'}
    assert wanted <= row.keys()
  wanted = {'ours', 'pytorch_recipe', 'train_ratio', 'total_ratio'}
  assert wanted <= kept['time_to_99'].keys()
  assert kept['machine']['device'] == 'cpu (a name, 2 cores)'


def test_a_row_is_won_only_against_the_best_of_all_peers():
  row = summary.throughput(measured(), batch_size=128)
  assert row['best_peer'] == 'tensorflow'
  assert row['vs_best'] == 1.25
  assert row['keras'] == 128 * 25 and row['setups']['keras'] == 'keras_no_jit'
  fewer = summary.throughput(measured(without=worker.TENSORFLOW), 128)
  assert (fewer['best_peer'], fewer['vs_best']) == ('torch_compile', 2)
  assert not {'tensorflow', 'keras'} & fewer.keys()


def test_every_peer_has_a_name_in_the_table():
  assert report.PEER_NAMES.keys() == worker.PEERS.keys()
  assert set(worker.TENSORFLOW) <= set(worker.NAMES)


def is_a_table(text):
  lines = [line for line in text.split('\n') if line.startswith('|')]
  return len({line.count('|') for line in lines}) <= 1


def test_the_table_shows_every_model_and_all_comparisons(results):
  text = report.table(results)
  assert (
    '| `improved` | 128 | 5,120 (104 MB) | 6,144 (111 MB) | '
    'TensorFlow, 4,096 (110 MB) | **1.25 x** | 1.50 x |'
  ) in text
  assert (
    '| `improved` | 1,280 (110 MB) | 2,048 (121 MB) | 2,560 (113 MB) | '
    '4,096 (110 MB) | 3,200 (112 MB) | 4.00 x | 2.50 x |'
  ) in text
  assert '| geometric mean | | | | | **1.25 x** | 1.50 x |' in text
  assert '| geometric mean | | | | | | 4.00 x | 5.00 x |' in text
  assert '| `fast` | 1.10 s | 4.10 s | 99.10% | 3 |' in text
  assert '| ratio | **0.25** | **0.55** | | |' in text
  assert 'Augmentation adds 25.0% to' in text
  assert 'medians of 3 interleaved rounds' in text
  assert all(is_a_table(block) for block in text.split('\n\n'))


def test_a_peer_that_was_not_measured_is_a_dash_in_the_table():
  without = ('ours_onednn', 'torch_compile', *worker.TENSORFLOW)
  row = summary.throughput(measured(without), batch_size=128)
  text = report.throughput_table({'basic': row})
  assert '| - | PyTorch, 2,048 (121 MB) | **2.50 x** | - |' in text
  assert '| - | - | - | 4.00 x | 2.50 x |' in text
  assert all(is_a_table(block) for block in text.split('\n\n'))
  assert '- was not measured' in report.table(make_results(row))


def test_the_table_says_which_medians_are_not_stable(results):
  row = results['throughput']['basic']
  assert (row['stable'], row['unstable']) == (False, MOVING)
  assert f'`basic` ({", ".join(MOVING)})' in report.table(results)
  for row in results['throughput'].values():
    row |= {'stable': True, 'unstable': []}
  assert 'Not stable' not in report.table(results)


def test_the_table_says_how_many_rounds_each_model_took(results):
  results['throughput']['basic']['num_rounds'] = 9
  assert 'medians of 3 to 9 interleaved rounds' in report.table(results)


@pytest.mark.parametrize('with_race', [True, False])
def test_the_figure_is_a_page_wide_with_and_without_the_race(
  results, with_race
):
  if not with_race:
    results['time_to_99'] = {}
  image = Image.open(io.BytesIO(report.draw(results)))
  assert image.width == 1050
  assert len(image.convert('RGB').getcolors(10**6)) > 10


def test_without_the_race_its_table_is_left_out(results):
  text = report.table(results | {'time_to_99': {}})
  assert 'to 99 %' not in text


def test_only_a_complete_run_on_mnist_is_kept_by_default(results):
  plan = results['plan'] | {'data': 'mnist', 'rounds': 5, 'seeds': 5}
  whole = dict.fromkeys(work.WORKS)
  complete = {'plan': plan, 'throughput': whole, 'left_out': []}
  assert measure.is_complete(complete)
  for fewer in ({'rounds': 4}, {'seeds': 4}, {'data': 'uci_digits'}):
    assert not measure.is_complete(complete | {'plan': plan | fewer})
  assert not measure.is_complete(complete | {'throughput': {'basic': 0}})
  assert not measure.is_complete(complete | {'left_out': ['Keras']})


def test_without_pytorch_one_line_names_the_way_out(monkeypatch):
  monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
  with pytest.raises(errors.UserError, match='requirements-bench'):
    measure.check(measure.QUICK)


@pytest.mark.parametrize(
  ('change', 'words'),
  [
    ({'models': []}, 'single_conv'),
    ({'models': ['basic', 'fast']}, 'basic,fast'),
    ({'rounds': 0}, 'rounds 0'),
    ({'seconds': math.nan}, 'seconds nan'),
    ({'seconds': math.inf}, 'seconds inf'),
    ({'seeds': -1}, 'seeds -1'),
  ],
)
def test_a_plan_that_breaks_a_rule_is_refused(monkeypatch, change, words):
  monkeypatch.setattr(importlib.util, 'find_spec', lambda name: True)
  with pytest.raises(errors.UserError, match=words):
    measure.check(dataclasses.replace(measure.QUICK, **change))


def draw_rates(seed, count):
  return list(np.random.default_rng(seed).uniform(10, 20, count))


@pytest.mark.parametrize('seed', range(20))
def test_whether_a_median_is_settled_does_not_depend_on_the_unit(seed):
  rates = draw_rates(seed, 3 + seed)
  in_another = [1000 * rate for rate in rates]
  assert stability.is_settled(rates) == stability.is_settled(in_another)


@pytest.mark.parametrize('seed', range(20))
def test_equal_last_rounds_at_the_median_never_unsettle_it(seed):
  rates = draw_rates(seed, 1 + 2 * seed)
  at_median = float(np.median(rates))
  assert stability.is_settled(rates + [at_median] * stability.LAST)


@pytest.mark.parametrize('seed', range(20))
@pytest.mark.parametrize('factor', [0.9, 1.1])
def test_a_median_that_moved_by_more_than_the_tolerance_is_unsettled(
  seed, factor
):
  rates = [1 + seed] * stability.LAST
  moved = [factor * rate for rate in rates]
  assert not stability.is_settled([rates[0], *moved])
  assert stability.is_settled(rates + rates)


@pytest.mark.parametrize('count', range(stability.LAST + 1))
def test_a_few_rounds_are_never_settled(count):
  assert not stability.is_settled([1.0] * count)


@pytest.mark.parametrize('planned', [1, 3, 5])
def test_rounds_end_between_the_planned_ones_and_three_times_as_many(planned):
  for count in range(1, 4 * planned):
    steady = {'ours': [1.0] * count}
    growing = steady | {'keras': [2.0**i for i in range(count)]}
    enough = max(planned, min(stability.LAST + 1, 3 * planned))
    assert stability.is_over(steady, planned) == (count >= enough)
    assert stability.is_over(growing, planned) == (count >= 3 * planned)


class FakeProcess:
  """Answers at once; `speed` is that of its next block."""

  factor, started = 1.0, ()

  def __init__(self, contender, model, data_name, python):
    FakeProcess.started = (*FakeProcess.started, (contender, python))
    self.speed = 1.0

  def answer(self):
    return {'num_params': 1, 'runs_on': ''}

  def block(self, seconds):
    self.speed *= self.factor
    return {'steps': self.speed, 'seconds': 1.0, 'loss': 0.0}

  def peak_mb(self):
    return 7.0

  def close(self):
    pass


@pytest.mark.parametrize(('factor', 'count'), [(1.0, 4), (1.1, 12)])
def test_more_rounds_are_timed_while_a_median_moves(monkeypatch, factor, count):
  monkeypatch.setattr(rounds, 'Process', FakeProcess)
  monkeypatch.setattr(FakeProcess, 'factor', factor)
  monkeypatch.setattr(FakeProcess, 'started', ())
  interpreters = {'ours': 'python', 'keras': 'another'}
  found = rounds.measure('basic', 'mnist', 4, 1.0, interpreters)
  assert FakeProcess.started == tuple(interpreters.items())
  assert {len(its['blocks']) for its in found.values()} == {count}
  assert {its['peak_mb'] for its in found.values()} == {7.0}


def test_what_is_left_out_is_one_line_with_the_way_to_have_it(monkeypatch):
  why = 'RuntimeError: no compiler'
  monkeypatch.setattr(available, 'why_not_compiled', lambda: why)
  monkeypatch.setattr(available.onednn, 'is_built', lambda: False)
  found = available.find('')
  without = {'ours_onednn', 'torch_compile', *worker.TENSORFLOW}
  assert found.interpreters.keys() == set(worker.NAMES) - without
  assert set(found.interpreters.values()) == {sys.executable}
  assert [line.count('\n') for line in found.left_out] == [0, 0, 0]
  text = ' '.join(found.left_out)
  assert why in text and '--tensorflow_python' in text
  assert 'requirements-bench-tensorflow.txt' in text
  assert 'python -m mnist_jax.models.onednn' in text


def make_interpreter(path, lines):
  path.write_text('#!/bin/sh\n' + lines)
  path.chmod(0o755)
  return str(path)


def test_tensorflow_and_keras_run_in_the_interpreter_that_has_them(
  monkeypatch, tmp_path
):
  monkeypatch.setattr(available, 'why_not_compiled', lambda: '')
  monkeypatch.setattr(available.onednn, 'is_built', lambda: True)
  answer = '{"tensorflow": "2.3", "keras": "4.5"}'
  python = make_interpreter(tmp_path / 'python', f"echo '{answer}'")
  found = available.find(python)
  assert found.versions == json.loads(answer)
  assert found.left_out == []
  others = {name for name, its in found.interpreters.items() if its == python}
  assert others == set(worker.TENSORFLOW)


TRACEBACK = """
echo 'Traceback (most recent call last):' >&2
echo '  File "<string>", line 2, in <module>' >&2
echo "ModuleNotFoundError: No module named 'keras'" >&2
exit 1
"""


def test_an_interpreter_without_tensorflow_is_refused_in_one_line(tmp_path):
  without = make_interpreter(tmp_path / 'python', TRACEBACK)
  with pytest.raises(errors.UserError, match="No module named 'keras'"):
    available.tensorflow_versions(without)
  with pytest.raises(errors.UserError, match='requirements-bench-tensorflow'):
    available.tensorflow_versions(str(tmp_path / 'nothing'))


def test_each_contender_begins_a_round_as_often_as_any_other():
  orders = rounds.rotations(worker.NAMES, len(worker.NAMES))
  assert {order[0] for order in orders} == set(worker.NAMES)
  assert all(sorted(order) == sorted(worker.NAMES) for order in orders)


def test_models_of_different_sizes_are_refused():
  sizes = {'ours': {'num_params': 10}, 'stock_flax': {'num_params': 11}}
  with pytest.raises(errors.UserError, match="'stock_flax': 11"):
    rounds.check_sizes('basic', sizes)
