"""The command explains a sweep, or compares several."""

import json

import numpy as np
import pytest
import sweep_samples

from mnist_jax import errors
from mnist_jax.analysis import __main__
from mnist_jax.analysis.sweep import load, report

FAILED = {'seed': 10, 'overrides': {}, 'reason': 'diverged at step 210'}


@pytest.fixture
def sweep(tmp_path):
  """The folder of ten seeds, of which one more failed."""
  content = sweep_samples.make_seeds(sweep_samples.draw_errors(10))
  content['failed'] = [FAILED]
  rows = [sweep_samples.make_rows(range(1, 4))] * 10
  return sweep_samples.write(tmp_path / 'fast', content, rows)


def analyse(capsys, *args):
  code = __main__.main([str(arg) for arg in args])
  captured = capsys.readouterr()
  return code, captured.out, captured.err


def names_in(folder):
  return sorted(path.name for path in (folder / 'figures').iterdir())


def test_a_sweep_gets_its_table_and_figures(sweep, capsys):
  code, out, err = analyse(capsys, sweep)
  assert (code, err) == (0, '')
  assert '10 of 11 trials finished, seeds 0 to 9' in out
  assert 'seed 10: diverged at step 210' in out
  assert 'The intervals cover the choice of seeds only' in out
  assert '1.5 s per seed, 15.0 s in all' in out
  assert names_in(sweep) == ['curves.png', 'seeds.png']
  assert out.splitlines()[-2:] == [
    str(sweep / f'figures/{name}.png') for name in ('seeds', 'curves')
  ]


def test_what_is_printed_is_what_describe_returns(sweep, capsys):
  said = report.describe(json.loads((sweep / 'sweep.json').read_text()))
  assert said in analyse(capsys, sweep)[1]


def test_a_lone_file_is_drawn_without_curves(sweep, tmp_path, capsys):
  lone = tmp_path / 'fast-seeds.json'
  lone.write_bytes((sweep / 'sweep.json').read_bytes())
  assert analyse(capsys, lone)[0] == 0
  assert names_in(tmp_path / 'fast-seeds-analysis') == ['seeds.png']
  assert analyse(capsys, lone, '--out', tmp_path / 'out')[0] == 0
  assert names_in(tmp_path / 'out') == ['seeds.png']


def make_settings(valid_errors=70):
  return sweep_samples.make_sweep(
    sweep_samples.make_result(seed, 90 + seed, valid_errors, {'optim.lr': lr})
    for lr in (0.01, 0.1)
    for seed in (0, 1)
  )


def test_settings_are_listed_and_the_best_is_named(tmp_path, capsys):
  content = make_settings()
  content['seeds'][2]['valid'] = sweep_samples.make_scores(50, 6_087)
  folder = sweep_samples.write(tmp_path / 'lr', content)
  out = analyse(capsys, folder)[1]
  assert 'best by validation: lr 0.1.' in out and '\nlr 0.01  ' in out
  assert 'on these same 6,087 validation images' in out
  assert names_in(folder) == ['hyperparameters.png', 'seeds.png']


def test_settings_without_validation_are_not_ranked(tmp_path, capsys):
  folder = sweep_samples.write(tmp_path / 'lr', make_settings(None))
  out = analyse(capsys, folder)[1]
  assert 'the test split must not' in out and 'best' not in out


def test_figures_of_an_earlier_sweep_do_not_stay(tmp_path):
  folder = sweep_samples.write(tmp_path / 'a', make_settings())
  report.analyse(folder)
  sweep_samples.write(folder, sweep_samples.make_seeds([90, 91]))
  assert [p.name for p in report.analyse(folder)[1]] == ['seeds.png']
  assert names_in(folder) == ['seeds.png']


def test_a_sweep_of_which_all_failed_says_why_and_draws_nothing(tmp_path):
  content = sweep_samples.make_sweep([], [FAILED])
  folder = sweep_samples.write(tmp_path / 'a', content)
  said, paths = report.analyse(folder)
  assert paths == []
  assert '0 of 1 trials finished' in said and 'diverged' in said


def test_two_sweeps_are_tested_and_the_verdict_is_printed(
  sweep, tmp_path, capsys
):
  worse = sweep_samples.make_seeds(sweep_samples.draw_errors(10, 140, rng=1))
  other = sweep_samples.write(tmp_path / 'worse', worse)
  out_folder = tmp_path / 'out'
  code, out, err = analyse(
    capsys, sweep, other / 'sweep.json', '--out', out_folder
  )
  assert (code, err) == (0, '')
  assert 'verdict     fast is better, shown at 5%' in out
  assert 'paired t test' in out and 'in 80% of cases' in out
  assert 'failed      1 of fast' in out and 'other images (Wilson)' in out
  assert names_in(out_folder) == ['differences.png', 'seeds.png']
  stored = json.loads((out_folder / 'sweep_comparison.json').read_text())
  assert stored['b']['name'] == 'worse' and stored['p'] < 1e-4


def test_of_many_sweeps_the_first_is_the_baseline(sweep, tmp_path, capsys):
  others = make_settings(), sweep_samples.make_seeds([80])
  folders = [sweep] + [
    sweep_samples.write(tmp_path / f'v{i}', other)
    for i, other in enumerate(others)
  ]
  code, out, _ = analyse(capsys, *folders, '--out', tmp_path / 'out')
  assert code == 0 and 'against fast, the first' in out
  assert '\nv0 (lr 0.01)  ' in out and '\nv1  ' in out
  stored = json.loads((tmp_path / 'out/sweep_comparison.json').read_text())
  assert [row['n'] for row in stored['variants']] == [2, 1]


def test_the_command_says_in_one_line_what_is_wrong(sweep, tmp_path, capsys):
  points = sweep_samples.write(tmp_path / 'points', make_settings(None))
  (tmp_path / 'run').mkdir()
  (tmp_path / 'other.json').write_text('{"throughput": {}}')
  (tmp_path / 'file').write_text('')
  other = sweep_samples.make_seeds([9, 8], count=797)
  smaller = sweep_samples.write(tmp_path / 'smaller', other)
  for args, words in (
    ([sweep, tmp_path / 'run'], 'is a sweep and'),
    ([tmp_path / 'nowhere', sweep], 'nowhere is none'),
    ([sweep, sweep / 'sweep.json'], 'given 2 times'),
    ([sweep, points], 'no validation to choose by'),
    ([sweep, smaller], 'one has 10000 and the other 797 test images'),
    ([tmp_path / 'other.json'], 'is no sweep'),
    ([sweep, '--out', tmp_path / 'file'], 'cannot be written'),
    ([tmp_path / 'run', '--out', 'x'], '--out is for several workdirs'),
  ):
    code, out, err = analyse(capsys, *args)
    assert code == 2 and words in err and err.count('\n') == 1, args
    assert 'verdict' not in out


@pytest.mark.parametrize(
  'line',
  [
    '{"step": {}, "epoch": 1}',
    '{"step": "b", "epoch": 1}',
    '{"step": 1e999, "epoch": 1}',
    '{"step": 2, "epoch": 1' + 400 * '0' + '}',
    '[' * 100_000,
    '3',
  ],
)
def test_damaged_metrics_are_one_line(line, sweep, capsys):
  path = sweep / 'seed3/metrics.jsonl'
  path.write_text(f'{line}\n{path.read_text()}')
  code, _, err = analyse(capsys, sweep)
  assert code == 2 and err.count('\n') == 1
  assert 'metrics.jsonl, line 1' in err


def test_what_is_no_number_leaves_a_gap_in_a_curve(sweep):
  rows = sweep_samples.make_rows(range(1, 4))
  rows[1] |= {'train/loss': 'high', 'valid/loss': None, 'valid/accuracy': True}
  lines = '\n'.join(json.dumps(row) for row in rows)
  (sweep / 'seed0/metrics.jsonl').write_text(lines)
  read, *_ = load.load_rows(sweep, load.load(sweep)['seeds'])
  assert [row.get('train/loss') for row in read] == [0.5, None, 0.25]
  assert 'valid/loss' not in read[1] and 'valid/accuracy' not in read[1]


def test_workdirs_that_are_gone_are_left_out_of_the_curves(sweep):
  for i in range(1, 10):
    (sweep / f'seed{i}/metrics.jsonl').unlink()
  assert len(list(load.load_rows(sweep, load.load(sweep)['seeds']))) == 1
  (sweep / 'seed0/metrics.jsonl').unlink()
  assert [p.name for p in report.analyse(sweep)[1]] == ['seeds.png']
  assert np.all([not path.exists() for path in sweep.glob('figures/c*')])


def test_without_the_test_set_validation_is_described_and_compared(
  tmp_path, capsys
):
  """As sweeps with evaluate_test=False are, which choose."""
  one = sweep_samples.write(
    tmp_path / 'one', sweep_samples.make_choosing([40, 44, 42])
  )
  other = sweep_samples.write(
    tmp_path / 'other', sweep_samples.make_choosing([60, 66, 64])
  )
  _, out, _ = analyse(capsys, one)
  assert 'these same 6,087 validation images' in out
  assert 'test accuracy' not in out
  _, out, _ = analyse(capsys, one, other, '--out', tmp_path / 'both')
  assert 'on 6,087 validation images of mnist' in out
  assert '(+21.3 errors)' in out and 'one is better' in out
  tested = sweep_samples.write(
    tmp_path / 'tested', sweep_samples.make_seeds([90, 91, 92], valid_errors=42)
  )
  _, out, _ = analyse(capsys, one, tested, '--out', tmp_path / 'mixed')
  assert 'on 6,087 validation images of mnist' in out


def test_settings_without_the_test_set_are_listed_by_validation(
  tmp_path, capsys
):
  rows = [{'optim.lr': 0.01}, {'optim.lr': 0.02}]
  results = [
    sweep_samples.make_result(seed, None, 50 - 5 * i + seed, row)
    for i, row in enumerate(rows)
    for seed in range(2)
  ]
  folder = sweep_samples.write(
    tmp_path / 'grid', sweep_samples.make_sweep(results)
  )
  code, out, _ = analyse(capsys, folder)
  assert code == 0 and 'best by validation: lr 0.02' in out
  assert 'hyperparameters.png' in names_in(folder)


def test_a_sweep_that_evaluated_nothing_or_not_all_alike_is_refused(tmp_path):
  for results, words in (
    ([sweep_samples.make_result(0, None, None)], 'neither test nor validation'),
    (
      [sweep_samples.make_result(0, None), sweep_samples.make_result(1, 90)],
      'mixes numbers of test images',
    ),
  ):
    with pytest.raises(errors.UserError, match=words):
      load.check(sweep_samples.make_sweep(results))
