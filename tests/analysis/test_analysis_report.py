"""A finished workdir becomes one page; a bad one becomes one line."""

import base64
import html.parser
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import types

import numpy as np
import pytest

from mnist_jax import errors
from mnist_jax.analysis import figure_style, html_page
from mnist_jax.analysis.run import load, report
from mnist_jax.data import datasets

FIGURES = (
  *('training_curves', 'per_class', 'confusion_matrix', 'misclassified'),
  *('reliability', 'confidence', 'coverage'),
  *('sample_digits', 'predictions'),
)
HOSTILE = '<script>alert("$1$")</script><img src=http://example.org/x>'


@pytest.fixture(scope='module')
def dataset():
  data = {'name': 'uci_digits', 'valid': 'none', 'manual_dir': ''}
  return datasets.load_dataset(types.SimpleNamespace(data_dir='', **data))


def score(num_errors, count):
  accuracy = 1 - num_errors / count
  counts = {'num_errors': num_errors, 'count': count}
  return {'loss': 0.125, 'accuracy': accuracy} | counts


def make_result(num_errors, count):
  return {
    **{'dataset': 'uci_digits', 'config_name': HOSTILE, 'seed': 3},
    **{'num_params': 391370, 'steps': 300, 'epochs': 3.0},
    **{'selected': 'best_valid', 'best_epoch': 2.0},
    **{
      'train': score(2, 1300),
      'valid': None,
      'test': score(num_errors, count),
    },
    **{'train_seconds': 95.04, 'compile_seconds': 2.0, 'total_seconds': 3725.0},
    **{'device': 'cpu', 'num_devices': 1, 'git_commit': 'c0ffee'},
    **{'versions': {'jax': '0.10.2'}, 'command': 'python -m x --y="<b>"'},
    'notice': 'MNIST cannot be had here (no network).',
  }


@pytest.fixture
def workdir(dataset, tmp_path):
  """A run with 20 test errors, as the training loop leaves it."""
  labels = dataset.test.labels
  rng = np.random.default_rng(0)
  logits = rng.normal(size=(len(labels), 10)).astype(np.float32)
  logits[np.arange(len(labels)), labels] += 20
  logits[np.arange(20), (labels[:20] + 1) % 10] += 40
  write_json(tmp_path / 'config.json', {'data': {'name': 'auto'}, 'seed': 3})
  rows = [
    {'step': 100 * epoch, 'epoch': epoch, 'seconds': 1.0}
    | {f'{split}/loss': 1 / epoch for split in ('train', 'valid')}
    | {f'{split}/accuracy': 1 - 0.1 / epoch for split in ('train', 'valid')}
    for epoch in (1.0, 2.0, 3.0)
  ]
  lines = ''.join(json.dumps(row) + '\n' for row in rows)
  (tmp_path / 'metrics.jsonl').write_text(lines)
  write_json(tmp_path / 'result.json', make_result(20, len(labels)))
  save_predictions(tmp_path, logits, labels)
  return tmp_path


def write_json(path, content):
  path.write_text(json.dumps(content))


def save_predictions(workdir, logits, labels):
  np.savez(workdir / 'predictions.npz', test_logits=logits, test_labels=labels)


def change_predictions(workdir, change):
  with np.load(workdir / 'predictions.npz') as arrays:
    save_predictions(workdir, *change(*arrays.values()))


def add_valid(workdir, **arrays):
  with np.load(workdir / 'predictions.npz') as test:
    np.savez(workdir / 'predictions.npz', **test, **arrays)


def change_result(workdir, **changes):
  result = json.loads((workdir / 'result.json').read_text())
  write_json(workdir / 'result.json', result | changes)


class Page(html.parser.HTMLParser):
  """Notes tags, references and text; fails where tags do not match."""

  def __init__(self, text):
    super().__init__()
    self.tags, self.links, self.ids, self.open = [], [], [], []
    self.said = ''
    self.feed(text)
    assert not self.open

  def handle_starttag(self, tag, attrs):
    self.tags.append(tag)
    self.links += [v for k, v in attrs if k in ('src', 'href')]
    self.ids += [v for k, v in attrs if k == 'id']
    if tag not in ('meta', 'img'):
      self.open.append(tag)

  def handle_endtag(self, tag):
    assert self.open.pop() == tag

  def handle_data(self, data):
    self.said += data


def read_page(workdir):
  return Page((workdir / 'report.html').read_text())


def test_all_outputs_appear_and_no_temporary_file_stays(workdir, dataset):
  paths = report.write_all(workdir, dataset)
  names = [str(path.relative_to(workdir)) for path in paths]
  figures = [f'figures/{name}.png' for name in FIGURES]
  assert names == [*figures, 'analysis.json', 'report.html']
  assert sorted(p.name for p in workdir.rglob('*.png')) == sorted(
    f'{name}.png' for name in FIGURES
  )
  assert not list(workdir.rglob('*.tmp'))


def test_analysis_json_holds_the_tables_and_the_run(workdir, dataset):
  report.write_all(workdir, dataset)
  stored = json.loads((workdir / 'analysis.json').read_text())
  run = load.load_run(workdir)
  expected = report.describe(run, dataset.name)
  assert {k: stored[k] for k in expected} == expected
  assert stored['num_errors'] == 20 and stored['dataset'] == 'uci_digits'
  assert [len(row) for row in stored['confusion_matrix']] == [10] * 10


def test_page_needs_nothing_from_outside_and_runs_nothing(workdir, dataset):
  report.write_all(workdir, dataset)
  read = read_page(workdir)
  assert not {'script', 'link', 'iframe', 'object'} & set(read.tags)
  inside = [link[1:] for link in read.links if link.startswith('#')]
  inline = [link for link in read.links if link.startswith('data:image/png')]
  assert len(inside) + len(inline) == len(read.links)
  assert inside == read.ids  # The contents name every section, in order.
  pngs = {base64.b64decode(link.split(',')[1]) for link in inline}
  assert pngs == {path.read_bytes() for path in workdir.rglob('*.png')}


def luminance(colour):
  """Relative luminance of '#rgb' or '#rrggbb', as WCAG 2 defines it."""
  digits = colour.lstrip('#')
  digits = digits if len(digits) == 6 else ''.join(2 * d for d in digits)
  shares = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
  linear = [
    s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares
  ]
  return np.dot(linear, (0.2126, 0.7152, 0.0722))


def contrast(one, other):
  darker, lighter = sorted((luminance(one), luminance(other)))
  return (lighter + 0.05) / (darker + 0.05)


def test_text_has_the_contrast_of_wcag_aa_in_light_and_dark():
  assert round(contrast('#fff', '#767676'), 2) == 4.54  # A published case.
  template = pathlib.Path(html_page.__file__).with_name('page.html').read_text()
  themes = re.findall(r':root \{(.*?)\}', template)
  assert len(themes) == 2
  for theme in themes:
    colours = dict(re.findall(r'--([\w-]+): (#\w+);', theme))
    for ink in ('ink', 'soft', 'link'):
      for paper in ('page', 'tint'):
        assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
    assert contrast(colours['alarm'], colours['alarm-page']) >= 4.5
  for ink in (figure_style.INK, figure_style.GREY, figure_style.BLUE):
    assert contrast(ink, '#fff') >= 4.5


def test_page_shows_a_hostile_name_as_text(workdir, dataset):
  report.write_all(workdir, dataset)
  assert HOSTILE in read_page(workdir).said
  assert 'python -m x --y="<b>"' in read_page(workdir).said


def test_page_says_what_was_measured_on_what(workdir, dataset):
  report.write_all(workdir, dataset)
  said = read_page(workdir).said
  for words in (
    *('This is not MNIST.', 'MNIST cannot be had here (no network).'),
    *(
      '20 of 497',
      '95.98%',
      '93.87\N{EN DASH}97.38%',
      '391,370',
      'c0ffee',
      '0.10.2',
    ),
    *('95.0 s', '1 h 2 min', 'the network of epoch 2'),
  ):
    assert words in said, words
  assert 'The stored files disagree' not in said


def test_page_calibrates_where_there_is_validation(workdir, dataset):
  report.write_all(workdir, dataset)
  assert 'no validation split, so no temperature' in read_page(workdir).said
  run = load.load_run(workdir)
  add_valid(workdir, valid_logits=run.test_logits, valid_labels=run.test_labels)
  report.write_all(workdir, dataset)
  stored = json.loads((workdir / 'analysis.json').read_text())['calibration']
  assert f'{stored["temperature"]:.3f}' in read_page(workdir).said
  assert f'{stored["after"]["nll"]:.4f}' in read_page(workdir).said


def test_what_is_known_of_mnist_alone_is_not_said_of_other_data(
  workdir, dataset
):
  report.write_all(workdir, dataset)
  stored = json.loads((workdir / 'analysis.json').read_text())
  assert stored['halves'] is stored['label_review'] is None
  said = read_page(workdir).said
  assert 'Human-reviewed' not in said and 'two halves' not in said


def test_page_warns_where_the_stored_files_disagree(workdir, dataset):
  change_result(workdir, test=score(21, 497))
  report.write_all(workdir, dataset)
  assert 'The stored files disagree' in read_page(workdir).said


def test_a_flawless_run_on_mnist_gets_a_page_without_alarm(workdir, dataset):
  change_predictions(workdir, lambda _, y: (np.eye(10, dtype=np.float32)[y], y))
  changes = {'dataset': 'mnist', 'notice': '', 'test': score(0, 497)}
  change_result(workdir, selected='last', best_epoch=None, **changes)
  report.write_all(workdir, dataset)
  said = read_page(workdir).said
  assert 'Every test image was read right.' in said
  assert 'not MNIST' not in said and 'after the last step' in said


def test_other_test_images_than_the_runs_are_refused(workdir, dataset):
  change_predictions(workdir, lambda z, y: (z[::-1], y[::-1]))
  with pytest.raises(errors.UserError, match='load the data set that it was'):
    report.write_all(workdir, dataset)


def test_a_resumed_and_a_cut_off_row_are_read_as_they_should_be(workdir):
  with (workdir / 'metrics.jsonl').open('a') as file:
    file.write('{"step": 300, "epoch": 3.0, "train/loss": 9.0}\n{"step": 4')
  rows = load.load_metrics(workdir)
  assert [row['step'] for row in rows] == [100, 200, 300]
  assert rows[-1]['train/loss'] == 9.0


BAD = {
  'no folder': (shutil.rmtree, 'metrics.jsonl cannot be read'),
  'a result cut off': (
    lambda d: (d / 'result.json').write_text('{"seed": '),
    'is not JSON',
  ),
  'a result without its test': (
    lambda d: change_result(d, test={}),
    'lacks test.accuracy, test.count',
  ),
  'no predictions': (
    lambda d: (d / 'predictions.npz').unlink(),
    'does not give test_logits',
  ),
  'predictions cut off': (
    lambda d: os.truncate(d / 'predictions.npz', 2_000),
    'does not give test_logits',
  ),
  'a pickle in the predictions': (
    lambda d: change_predictions(d, lambda z, y: (z.astype(object), y)),
    'does not give test_logits',
  ),
  'nine classes': (
    lambda d: change_predictions(d, lambda z, y: (z[:, :9], y)),
    'must be [N, 10] and [N]',
  ),
  'a label too few': (
    lambda d: change_predictions(d, lambda z, y: (z, y[1:])),
    'must be [N, 10] and [N]',
  ),
  'labels that are no integers': (
    lambda d: change_predictions(d, lambda z, y: (z, y.astype(float))),
    'must be float32 and int32',
  ),
  'a logit that is not finite': (
    lambda d: change_predictions(d, lambda z, y: (z / (z != z[0, 0]), y)),
    '1 test_logits that are not finite',
  ),
  'a label out of range': (
    lambda d: change_predictions(d, lambda z, y: (z, y + 1)),
    'from 1 to 10',
  ),
  'validation logits without labels': (
    lambda d: add_valid(d, valid_logits=np.zeros((5, 10), np.float32)),
    'does not give valid_logits and valid_labels',
  ),
  'validation labels of other images': (
    lambda d: add_valid(
      d,
      valid_logits=np.zeros((5, 10), np.float32),
      valid_labels=np.zeros(4, np.int32),
    ),
    'valid_logits [5, 10] and valid_labels [4], which must',
  ),
  'a bad row': (
    lambda d: (d / 'metrics.jsonl').write_text('[]\n{"step": 1, "epoch": 1}'),
    'line 1 is no row',
  ),
  'no row yet': (
    lambda d: (d / 'metrics.jsonl').write_text(''),
    'holds no row yet',
  ),
  'a config without data': (
    lambda d: write_json(d / 'config.json', {}),
    'has no data.name',
  ),
}


@pytest.mark.filterwarnings('ignore:divide by zero')
@pytest.mark.parametrize('case', BAD)
def test_a_bad_workdir_is_refused_in_one_line_with_a_way_out(case, workdir):
  spoil, words = BAD[case]
  spoil(workdir)
  with pytest.raises(errors.UserError) as caught:
    load.load_run(workdir)
  message = str(caught.value)
  assert words in message and ';' in message and '\n' not in message


def analyse(*args):
  command = [sys.executable, '-m', 'mnist_jax.analysis', *map(str, args)]
  return subprocess.run(command, capture_output=True, text=True)


def test_command_prints_the_paths_that_it_wrote(workdir):
  done = analyse(workdir)
  assert (done.returncode, done.stderr) == (0, '')
  paths = done.stdout.splitlines()
  assert len(paths) == len(FIGURES) + 2 and all(map(os.path.exists, paths))


def test_command_draws_the_curves_of_an_unfinished_run(workdir):
  (workdir / 'result.json').unlink()
  done = analyse(workdir)
  assert done.returncode == 2
  assert done.stdout == f'{workdir / "figures/training_curves.png"}\n'
  assert 'unfinished run' in done.stderr and done.stderr.count('\n') == 1
  assert [path.name for path in workdir.rglob('*.png')] == [
    'training_curves.png'
  ]


def test_command_says_in_one_line_what_is_wrong(workdir):
  (workdir / 'figures').write_text('not a folder')
  for place in (workdir, workdir / 'nowhere'):
    done = analyse(place)
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr.count('\n') == 1 and str(place) in done.stderr


def test_help_does_not_wait_for_matplotlib():
  code = (
    'import sys\n'
    'from mnist_jax.analysis import __main__\n'
    'try:\n'
    '  __main__.main(["--help"])\n'
    'except SystemExit as end:\n'
    '  assert end.code == 0\n'
    'assert not {"matplotlib", "jinja2", "jax"} & set(sys.modules)\n'
  )
  subprocess.run([sys.executable, '-c', code], check=True, stdout=-1)
