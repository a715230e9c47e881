"""A finished run becomes figures, tables and one page."""

import base64
import dataclasses
import html.parser
import json
import pathlib
import re

import numpy as np
import pytest
import run_samples
import sweep_samples

from mnist_jax import errors
from mnist_jax.analysis import figure_style, html_page
from mnist_jax.analysis.run import load, report

FIGURES = (
  *('training_curves', 'per_class', 'confusion_matrix', 'misclassified'),
  *('reliability', 'confidence', 'coverage'),
  *('sample_digits', 'predictions', 'filters', 'saliency'),
)


def write(workdir, dataset):
  report.write_all(workdir, load.load_run(workdir), dataset)
  return read_page(workdir)


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
  paths = report.write_all(workdir, load.load_run(workdir), dataset)
  names = [str(path.relative_to(workdir)) for path in paths]
  figures = [f'figures/{name}.png' for name in FIGURES]
  assert names == [*figures, 'analysis.json', 'report.html']
  found = {str(path.relative_to(workdir)) for path in workdir.rglob('*.png')}
  assert found == set(figures)
  assert not list(workdir.rglob('*.tmp'))


def test_a_run_in_memory_gives_the_files_of_the_same_run_read_back(
  written, dataset, tmp_path
):
  labels = dataset.test.labels
  run = load.Run(
    config=json.loads((written / 'config.json').read_text()),
    rows=run_samples.make_rows(),
    result=run_samples.make_result(20, len(labels)),
    test=load.Predictions(*run_samples.make_predictions(labels).values()),
    valid=None,
    explanations=load.Explanations(**run_samples.make_explanations()),
  )
  for path in report.write_all(tmp_path, run, dataset):
    same = written / path.relative_to(tmp_path)
    assert path.read_bytes() == same.read_bytes(), path.name


def test_a_run_without_explanations_has_no_figures_of_them(workdir, dataset):
  (workdir / 'explanations.npz').unlink()
  page = write(workdir, dataset)
  assert 'Saliency' not in page.said and page.tags.count('img') == 9


def test_analysis_json_holds_the_tables_and_the_run(written, dataset):
  stored = json.loads((written / 'analysis.json').read_text())
  run = load.load_run(written)
  expected = report.describe(run, dataset.name)
  assert {k: stored[k] for k in expected} == expected
  assert stored['num_errors'] == 20 and stored['dataset'] == 'uci_digits'
  assert [len(row) for row in stored['confusion_matrix']] == [10] * 10


def test_page_needs_nothing_from_outside_and_runs_nothing(written):
  read = read_page(written)
  assert not {'script', 'link', 'iframe', 'object'} & set(read.tags)
  inside = [link[1:] for link in read.links if link.startswith('#')]
  inline = [link for link in read.links if link.startswith('data:image/png')]
  assert len(inside) + len(inline) == len(read.links)
  assert inside == read.ids  # The contents name every section, in order.
  pngs = {base64.b64decode(link.split(',')[1]) for link in inline}
  assert pngs == {path.read_bytes() for path in written.rglob('*.png')}


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


def test_page_shows_a_hostile_name_as_text(written):
  said = read_page(written).said
  assert run_samples.HOSTILE in said and 'python -m x --y="<b>"' in said


def test_page_says_what_was_measured_on_what(written):
  said = read_page(written).said
  for words in (
    *('This is not MNIST.', 'MNIST cannot be had here (no network).'),
    *('20 of 497', '95.98%', '93.87\N{EN DASH}97.38%', '391,370', 'c0ffee'),
    *('0.10.2', '95.0 s', '1 h 2 min', 'the network of epoch 2'),
  ):
    assert words in said, words
  assert 'The stored files disagree' not in said


def test_page_calibrates_where_there_is_validation(written, workdir, dataset):
  assert 'no validation split, so no temperature' in read_page(written).said
  test = load.load_run(workdir).test
  valid = {'valid_logits': test.logits, 'valid_labels': test.labels}
  run_samples.change_arrays(workdir / 'predictions.npz', **valid)
  said = write(workdir, dataset).said
  stored = json.loads((workdir / 'analysis.json').read_text())['calibration']
  assert f'{stored["temperature"]:.3f}' in said
  assert f'{stored["after"]["nll"]:.4f}' in said


@pytest.fixture
def without_figures(monkeypatch):
  """Leaves the figures of a report empty, which take seconds."""
  monkeypatch.setattr(report, '_draw', lambda *unused: dict.fromkeys(FIGURES))
  monkeypatch.setattr(figure_style, 'to_png', lambda unused: b'')


@pytest.mark.parametrize(('count', 'fitted'), [(99, False), (100, True)])
@pytest.mark.usefixtures('without_figures')
def test_page_says_where_validation_is_too_little_for_a_temperature(
  workdir, dataset, count, fitted
):
  test = load.load_run(workdir).test
  run_samples.change_arrays(
    workdir / 'predictions.npz',
    valid_logits=test.logits[:count],
    valid_labels=test.labels[:count],
  )
  said = write(workdir, dataset).said
  assert ('has no error, or fewer than 100 images' in said) != fitted
  assert ('minimises the NLL' in said) == fitted
  assert 'had no validation split' not in said


@pytest.mark.usefixtures('without_figures')
def test_seconds_are_those_of_all_steps_whichever_network_was_kept(
  workdir, dataset
):
  said = write(workdir, dataset).said  # Of the network of epoch 2.
  assert 'all training steps alone. The network that was kept is that' in said
  run_samples.change_result(workdir, selected='last', best_epoch=None)
  said = write(workdir, dataset).said
  assert 'training steps alone: 300 steps, 3 epochs.' in said


@pytest.mark.usefixtures('without_figures')
def test_a_command_that_is_no_utf_8_is_written_with_escapes(workdir, dataset):
  run = load.load_run(workdir)
  result = run.result | {'command': 'x --workdir=a\udcff'}
  report.write_all(workdir, dataclasses.replace(run, result=result), dataset)
  assert r'--workdir=a\udcff' in read_page(workdir).said


def test_what_is_known_of_mnist_alone_is_not_said_of_other_data(written):
  stored = json.loads((written / 'analysis.json').read_text())
  assert stored['halves'] is stored['label_review'] is None
  said = read_page(written).said
  assert 'Human-reviewed' not in said and 'two halves' not in said


def test_page_warns_where_the_stored_files_disagree(workdir, dataset):
  scores = sweep_samples.make_scores(21, 497)
  run_samples.change_result(workdir, test=scores)
  assert 'The stored files disagree' in write(workdir, dataset).said


def test_a_flawless_run_on_mnist_gets_a_page_without_alarm(workdir, dataset):
  labels = dataset.test.labels
  changes = {'selected': 'last', 'best_epoch': None, 'notice': ''}
  run_samples.write(workdir, labels, 0, dataset='mnist', **changes)
  said = write(workdir, dataset).said
  assert 'Every test image was read right.' in said
  assert 'not MNIST' not in said and 'after the last step' in said


def test_other_test_images_than_the_runs_are_refused(workdir, dataset):
  run_samples.write(workdir, dataset.test.labels[::-1])
  with pytest.raises(errors.UserError, match='load the data set that it was'):
    report.write_all(workdir, load.load_run(workdir), dataset)
