"""The benchmark: equal models, correct arithmetic, readable results."""

import dataclasses
import importlib
import importlib.util
import io
import json
import math

import pytest
from PIL import Image

from experiments.benchmark import measure, report, rounds, summary
from experiments.benchmark.peers import work, worker
from mnist_jax import errors

# Steps per second of each contender in three rounds: the medians are 40, 10,
# 8, 16 (the best of PyTorch), 12, 4, 50 and 32.
SPEEDS = {
  'ours': (40, 36, 44),
  'stock_flax': (10, 10, 11),
  'pytorch_contiguous': (8, 8, 8),
  'pytorch_channels_last': (1, 16, 17),
  'pytorch_contiguous_passive': (12, 12, 12),
  'pytorch_channels_last_passive': (4, 4, 4),
  'ours_alone': (50, 50, 50),
  'ours_augmented': (32, 32, 30),
}
RUN = {'seed': 1000, 'num_params': 100}


def measured():
  return {
    name: {
      'num_params': 391_370,
      'runs_on': '2 x cpu (a name, 2 cores)',
      'blocks': [
        {'steps': 2 * speed, 'seconds': 2.0, 'loss': 0.5} for speed in speeds
      ],
    }
    for name, speeds in SPEEDS.items()
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


@pytest.fixture
def results():
  row = summary.throughput(measured(), batch_size=128)
  rows = {'improved': row, 'basic': row | {'vs_pytorch': 10.0}}
  return {
    'date': '2026-01-02T03:04:05+00:00',
    'plan': dataclasses.asdict(measure.QUICK),
    'throughput': rows,
    'geometric_mean': summary.geometric_means(rows),
    'augmentation': summary.augmentation(row),
    'time_to_99': race(),
    'machine': measure.machine(rows, (0.25, 0.5, 0.75)),
    'versions': dict.fromkeys(('python', 'jax', 'flax', 'torch'), '1.2.3'),
  }


def test_throughput_is_medians_of_rounds_and_ratios_of_medians():
  row = summary.throughput(measured(), batch_size=128)
  assert row['ours'] == 128 * 40
  assert row['stock_flax'] == 128 * 10
  assert row['pytorch'] == 128 * 16
  assert row['pytorch_best'] == 'pytorch_channels_last'
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


def test_the_table_shows_every_model_and_both_comparisons(results):
  text = report.table(results)
  row = '| `improved` | 128 | 5,120 | 1,280 | 2,048 | 4.00 x | **2.50 x** |'
  assert row in text
  assert '| geometric mean | | | | | 4.00 x | **5.00 x** |' in text
  assert '| `fast` | 1.10 s | 4.10 s | 99.10% | 3 |' in text
  assert '| ratio | **0.25** | **0.55** | | |' in text
  assert 'Augmentation adds 25.0% to' in text
  for block in text.split('\n\n'):
    lines = [line for line in block.split('\n') if line.startswith('|')]
    assert len({line.count('|') for line in lines}) <= 1


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
  assert measure.is_complete({'plan': plan, 'throughput': whole})
  for fewer in ({'rounds': 4}, {'seeds': 4}, {'data': 'uci_digits'}):
    run = {'plan': plan | fewer, 'throughput': whole}
    assert not measure.is_complete(run)
  assert not measure.is_complete({'plan': plan, 'throughput': {'basic': 0}})


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


def test_each_contender_begins_a_round_as_often_as_any_other():
  orders = rounds.rotations(worker.NAMES, len(worker.NAMES))
  assert {order[0] for order in orders} == set(worker.NAMES)
  assert all(sorted(order) == sorted(worker.NAMES) for order in orders)


def test_models_of_different_sizes_are_refused():
  sizes = {'ours': {'num_params': 10}, 'stock_flax': {'num_params': 11}}
  with pytest.raises(errors.UserError, match="'stock_flax': 11"):
    rounds.check_sizes('basic', sizes)
