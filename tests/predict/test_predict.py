"""The digits in pictures, from the command line."""

import csv
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys

import drawings
import numpy as np
import pytest
from PIL import Image

from mnist_jax import errors
from mnist_jax.cli import argparse_args
from mnist_jax.distributed import devices
from mnist_jax.photos import pipeline
from mnist_jax.predict import __main__ as predict
from mnist_jax.predict import classifier, digit_reader, image_files, weights

REPOSITORY = pathlib.Path(__file__).parents[2]


def run_python(*argv):
  return subprocess.run(
    [sys.executable, *map(str, argv)],
    cwd=REPOSITORY,
    capture_output=True,
    text=True,
    timeout=120,
  )


@pytest.fixture(scope='module')
def network():
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(classifier, 'BATCH_SIZES', (4,))  # Compiled once.
    yield classifier.Classifier(weights.load_weights('robust'))


@pytest.fixture
def run(monkeypatch, capsys, network):
  """Runs the command in this process; returns its code, lines and stderr."""
  # Other tests share the compilation cache and the devices of this process.
  monkeypatch.setattr(devices, 'configure_reading', lambda: None)
  monkeypatch.setattr(classifier, 'Classifier', lambda unused: network)

  def run(*argv):
    code = argparse_args.run(predict.main, [str(word) for word in argv])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err

  return run


@pytest.fixture
def folder(tmp_path):
  """Two pictures of one digit, one of three, a broken one, and a note."""
  below = tmp_path / 'below'
  below.mkdir()
  (tmp_path / 'b.png').write_bytes(
    drawings.picture(drawings.STROKES[7], form='PNG')
  )
  (tmp_path / 'a.JPEG').write_bytes(
    drawings.picture(drawings.STROKES[3], form='JPEG')
  )
  (tmp_path / 'broken.png').write_bytes(b'\x89PNG\r\n\x1a\n')
  (tmp_path / 'note.txt').write_text('7')
  (below / 'row.png').write_bytes(drawings.row(7, 1, 3))
  return tmp_path


def test_the_command_reads_a_folder_into_json_and_a_figure(folder):
  figure = folder / 'out' / 'seen.png'
  done = run_python(
    '-m', 'mnist_jax.predict', '--json', f'--figure={figure}', folder
  )
  assert done.returncode == 0, done.stderr
  found = json.loads(done.stdout)
  places = ['a.JPEG', 'b.png', 'broken.png', 'below/row.png']
  assert [each['file'] for each in found] == [str(folder / p) for p in places]
  read = [[digit['digit'] for digit in each['digits']] for each in found]
  assert read == [[3], [7], [], [7, 1, 3]]
  assert found[2]['note']
  for each in found:
    assert each.keys() == {'file', 'digits', 'note'}
    for digit in each['digits']:
      assert digit.keys() == {
        *('digit', 'confidence', 'runner_up', 'sure', 'verdict', 'box'),
        'touching',
      }
      assert digit['sure'] == (digit['confidence'] >= digit_reader.THRESHOLD)
      assert digit['verdict'] == digit_reader.judge(digit['confidence'])
      assert digit['touching'] is False
      assert 0.1 <= digit['confidence'] <= 1
      assert digit['runner_up'] != digit['digit']
      x0, y0, x1, y1 = digit['box']
      assert 0 <= x0 < x1 <= 320
      assert 0 <= y0 < y1 <= 240
  boxes = [digit['box'][0] for digit in found[3]['digits']]
  assert boxes == sorted(boxes)
  with Image.open(figure) as image:
    assert image.width == 1050


def test_each_digit_is_a_line_on_stdout_and_each_bad_file_one_on_stderr(
  run, folder
):
  code, lines, error = run(folder, folder / 'none.png')
  assert code == 0
  assert [line.split(' -> ')[0] for line in lines[:2]] == [
    str(folder / 'a.JPEG'),
    str(folder / 'b.png'),
  ]
  assert [line.split(' -> ')[-1][:13] for line in lines if 'row' in line] == [
    '7 (confidence',
    '1 (confidence',
    '3 (confidence',
  ]
  assert len(lines) == 5
  broken, missing = error.splitlines()
  assert broken.startswith(f'mnist_jax: {folder / "broken.png"} ')
  assert missing.startswith(f'mnist_jax: cannot read {folder / "none.png"}: ')


def test_an_empty_page_has_no_digit_and_is_no_error(run, tmp_path):
  path = tmp_path / 'empty.png'
  path.write_bytes(drawings.picture())
  code, lines, _ = run(path)
  assert code == 0
  assert lines == [f'{path} -> no digit found']
  code, lines, error = run(path, f'--figure={tmp_path}/figure.png')
  assert code == 2
  assert 'no digit was found' in error
  assert not (tmp_path / 'figure.png').exists()


def test_the_exit_code_is_2_when_no_file_can_be_read(run, tmp_path):
  code, lines, error = run('--json', tmp_path / 'none.png')
  assert code == 2
  (found,) = json.loads('\n'.join(lines))
  assert found['digits'] == []
  assert 'none.png' in found['note']
  assert error == f'mnist_jax: {found["note"]}\n'


def test_below_the_threshold_both_candidates_are_named(run, folder):
  _, (line,), _ = run('--threshold=1', folder / 'b.png')
  assert ' -> not sure: 7 or ' in line
  _, (line,), _ = run('--threshold=0', folder / 'b.png')
  assert ' -> 7 (confidence ' in line


class Shrugging:
  """A network that finds all digits about as likely as one another."""

  name = 'shrugging'

  def probabilities(self, images):
    row = np.linspace(0.09, 0.11, 10, dtype=np.float32)
    return np.tile(row, (len(images), 1))


@pytest.fixture
def run_shrugging(monkeypatch, run):
  monkeypatch.setattr(classifier, 'Classifier', lambda unused: Shrugging())
  return run


def test_what_gives_no_digit_a_chance_is_not_called_a_digit(
  run_shrugging, folder
):
  for threshold in ('0', '0.8'):
    _, (line,), _ = run_shrugging(folder / 'b.png', f'--threshold={threshold}')
    assert line.endswith(' -> not a digit (best guess 9, 11 %)')
  _, lines, _ = run_shrugging(folder / 'b.png', '--json')
  ((found,),) = [each['digits'] for each in json.loads('\n'.join(lines))]
  assert (found['sure'], found['verdict']) == (False, 'no digit')


def test_what_is_called_no_digit_does_not_count_as_one(run_shrugging, folder):
  write_labels(folder, ('b.png', 9))
  _, lines, _ = run_shrugging(folder)
  assert '0 of 1 labelled pictures read right' in lines[2]
  assert 'not exactly one digit found in 1' in lines[3]


def test_the_figure_says_what_the_command_says(
  run_shrugging, folder, drawn, monkeypatch
):
  figure = f'--figure={folder}/out.png'
  assert run_shrugging(folder / 'b.png', figure)[0] == 0
  texts = [word.get_text() for word in drawn]
  assert 'not a digit (best guess 9, 11%)' in texts
  monkeypatch.setattr(digit_reader, 'NO_DIGIT_CONFIDENCE', 0)
  assert run_shrugging(folder / 'b.png', figure)[0] == 0
  texts = [word.get_text() for word in drawn]
  assert 'not sure: 9 or 8, 11.0%' in texts


def test_a_digit_cut_from_its_neighbour_is_marked_everywhere(
  run, folder, drawn, monkeypatch
):
  find = pipeline.read_picture

  def read_touching(source):
    picture = find(source)
    digits = [dataclasses.replace(d, touching=True) for d in picture.digits]
    return dataclasses.replace(picture, digits=tuple(digits))

  monkeypatch.setattr(pipeline, 'read_picture', read_touching)
  _, (line,), _ = run(folder / 'b.png', f'--figure={folder}/out.png')
  assert line.endswith(', touches its neighbour')
  # Of many cuts the best was chosen, so that no piece is ever sure.
  assert any(word.get_text().startswith('not sure') for word in drawn)
  assert any(word.get_text().endswith('touching') for word in drawn)
  _, lines, _ = run(folder / 'b.png', '--json')
  assert json.loads('\n'.join(lines))[0]['digits'][0]['touching'] is True


def test_help_lists_the_flags_without_importing_jax():
  done = run_python('-X', 'importtime', '-m', 'mnist_jax.predict', '--help')
  assert done.returncode == 0
  assert '--figure' in done.stdout
  # Of the list of imports; each level is indented further.
  assert re.search(r'\| +argparse$', done.stderr, re.MULTILINE)
  assert not re.search(r'\| +jax$', done.stderr, re.MULTILINE)


@pytest.mark.parametrize(
  ('argv', 'words'),
  [
    ([], ['image file or a folder']),
    (['--threshold=2', 'a.png'], ['--threshold 2', '0 to 1']),
    (['--threshold=high', 'a.png'], ['--threshold', 'high']),
    (['--figure=out.pdf', 'a.png'], ['out.pdf', '.png']),
    (['--figure_rows=0', 'a.png'], ['--figure_rows 0', '1 to 50']),
    (['--weight=robust', '--jsn', 'a.png'], ['--jsn']),
    (['--weights=robst', 'a.png'], ['robst', "'robust'"]),
    (['--weights=', 'a.png'], ["''", 'robust']),
    (['--config=robst', 'a.png'], ['config robst', "'robust'"]),
    (['--config=wrong.py', 'a.png'], ['wrong.py, line 1: ZeroDivisionError']),
    ([f'--weights={"a" * 5000}', 'a.png'], ['aaa', 'robust']),
    ([''], ["''", 'write . for']),
    (['a.png', ''], ["''", 'write . for']),
    (['a' * 5000], ['File name too long']),
  ],
)
def test_a_wrong_command_line_is_one_line(
  run, monkeypatch, workdir, argv, words
):
  monkeypatch.chdir(workdir)  # An empty path is not this folder.
  code, lines, error = run(*argv)
  assert code == 2
  assert lines == []
  assert error.count('\n') == 1
  for word in words:
    assert word in error


@pytest.fixture
def workdir(tmp_path):
  """A folder with weights and a picture."""
  for path in weights.PRETRAINED.glob('robust.*'):
    (tmp_path / path.name).write_bytes(path.read_bytes())
  (tmp_path / 'picture.png').write_bytes(drawings.picture())
  (tmp_path / 'wrong.py').write_text('1 / 0')
  return tmp_path


def test_a_figure_may_be_in_the_home_of_the_user(run, tmp_path, monkeypatch):
  monkeypatch.setenv('HOME', str(tmp_path))
  (tmp_path / 'seven.png').write_bytes(drawings.row(7))
  assert run(tmp_path / 'seven.png', '--figure=~/out.png')[0] == 0
  assert (tmp_path / 'out.png').is_file()


def test_a_file_name_may_hold_bytes_that_are_not_text(run, tmp_path):
  path = pathlib.Path(os.fsdecode(os.fsencode(tmp_path) + b'/\xff.png'))
  try:
    path.write_bytes(drawings.row(7))
  except OSError:
    pytest.skip('this file system takes no such name')
  figure = tmp_path / 'out.png'
  code, (line,), _ = run(path, f'--figure={figure}')
  assert code == 0
  assert line.startswith(f'{tmp_path}/\\udcff.png -> 7 (confidence')
  assert figure.is_file()


def test_a_file_name_cannot_change_what_a_terminal_shows(run, tmp_path, drawn):
  for name in ('a\n\x1b[31m.png', 'b\n\x1b[31m.png', '数字.png'):
    (tmp_path / name).write_bytes(drawings.row(7))
  (tmp_path / 'b\n\x1b[31m.png').write_text('no picture')
  code, lines, error = run(tmp_path, f'--figure={tmp_path}/out.png')
  assert code == 0
  assert len(lines) == 2
  assert lines[0].startswith(f'{tmp_path}/a\\n\\x1b[31m.png -> 7 ')
  assert lines[1].startswith(f'{tmp_path}/数字.png -> 7 ')
  assert error.count('\n') == 1
  assert error.startswith(f'mnist_jax: {tmp_path}/b\\n\\x1b[31m.png is not ')
  names = [word.get_text() for word in drawn]
  assert {'a\\n\\x1b[31m.png', '数字.png'} <= set(names)


def test_only_regular_files_are_opened(run, tmp_path):
  os.mkfifo(tmp_path / 'pipe.png')
  (tmp_path / 'zero.png').symlink_to('/dev/zero')
  (tmp_path / 'seven.png').write_bytes(drawings.row(7))
  code, (line,), error = run(tmp_path)  # A pipe without a writer would wait.
  assert code == 0
  assert 'seven.png -> 7' in line
  for found, name in zip(
    error.splitlines(), ('pipe.png', 'zero.png'), strict=True
  ):
    assert found.startswith(f'mnist_jax: {tmp_path / name} is a pipe or a ')


def test_hidden_files_of_a_folder_are_left_out(tmp_path):
  for name in ('seven.png', '._seven.png'):  # As macOS leaves them.
    (tmp_path / name).touch()
  assert image_files.list_images(tmp_path) == [tmp_path / 'seven.png']


def write_labels(folder, *rows, header=('path', 'label')):
  with (folder / 'labels.csv').open('w', newline='') as file:
    csv.writer(file).writerows([header, *rows])


def test_a_folder_with_labels_is_scored(run, folder):
  write_labels(
    folder, ('b.png', 7), ('a.JPEG', 8), ('below/row.png', 7), ('broken.png', 1)
  )
  code, lines, _ = run(folder)
  assert code == 0
  summary = '\n'.join(lines[-4:])
  assert '1 of 4 labelled pictures read right: 25.00%' in summary
  assert 'not exactly one digit found in 2' in summary
  assert '8 read as 3 (1 x)' in summary
  _, lines, _ = run(folder, '--threshold=1')
  assert 'not sure of 2; of the other 0 0 right' in lines[-2]


def test_labels_determine_the_pictures_and_their_order(folder):
  write_labels(folder, ('b.png', 7), ('a.JPEG', 3))
  chosen = image_files.expand([str(folder), str(folder / 'b.png')])
  assert chosen.files == [folder / 'b.png', folder / 'a.JPEG']
  assert list(chosen.labels.values()) == [7, 3]


@pytest.mark.parametrize(
  ('row', 'words'),
  [
    (('../outside.png', 7), 'line 2.*not a file in this folder'),
    (('link.png', 7), 'line 2.*not a file in this folder'),
    (('circle.png', 7), 'line 2.*not a file in this folder'),
    (('pipe.png', 7), 'line 2.*not a file in this folder'),
    (('none.png', 7), 'line 2.*not a file in this folder'),
    (('', 7), 'line 2.*not a file in this folder'),
    (('a\0.png', 7), 'cannot be read'),
    (('b.png', 'seven'), "label 'seven' is not a digit"),
    (('b.png', 10), "label '10' is not a digit"),
    (('b.png',), 'label None is not a digit'),
  ],
)
def test_a_wrong_line_of_labels_is_refused(folder, row, words):
  outside = folder.parent / 'outside.png'
  outside.write_bytes(drawings.picture())
  (folder / 'link.png').symlink_to(outside)
  (folder / 'circle.png').symlink_to('circle.png')
  os.mkfifo(folder / 'pipe.png')
  write_labels(folder, row)
  with pytest.raises(errors.UserError, match=words):
    image_files.expand([str(folder)])


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig'])
@pytest.mark.parametrize('separator', [',', ';'])
def test_labels_that_a_spreadsheet_has_written_are_read(
  folder, encoding, separator
):
  lines = ('path,label', 'b.png,7', 'a.JPEG,3', '')
  table = '\r\n'.join(lines).replace(',', separator)
  (folder / 'labels.csv').write_bytes(table.encode(encoding))
  assert image_files.read_labels(folder) == {
    folder / 'b.png': 7,
    folder / 'a.JPEG': 3,
  }


def test_a_table_of_labels_over_the_limit_is_refused(folder, monkeypatch):
  monkeypatch.setattr(image_files, 'MAX_LABEL_BYTES', 10)
  write_labels(folder, ('b.png', 7))
  with pytest.raises(errors.UserError, match='larger than'):
    image_files.expand([str(folder)])


def test_too_many_files_are_refused(folder, monkeypatch):
  monkeypatch.setattr(image_files, 'MAX_FILES', 2)
  with pytest.raises(errors.UserError, match='above 2'):
    image_files.expand([str(folder)])


def test_a_folder_that_cannot_be_entered_is_one_line(no_entry):
  with pytest.raises(errors.UserError, match='cannot be read'):
    image_files.expand([str(no_entry)])


def test_a_folder_without_images_names_the_known_formats(tmp_path):
  with pytest.raises(errors.UserError, match=r'\.png'):
    image_files.expand([str(tmp_path)])


@pytest.mark.parametrize(
  ('confidence', 'verdict', 'line'),
  [
    (0.39, 'no digit', 'not a digit (best guess 3, 39 %)'),
    (0.48, 'unsure', 'not sure: 3 or 8 (48 %)'),
    # As in a row of which most are not sure.
    (0.994, 'unsure', 'not sure: 3 or 8 (99 %)'),
    (0.996, 'unsure', 'not sure: 3 or 8 (over 99 %)'),
    (1.0, 'unsure', 'not sure: 3 or 8 (over 99 %)'),
    (0.993, 'sure', '3 (confidence 99.3 %, second choice 8)'),
    (0.99999, 'sure', '3 (confidence over 99.9 %, second choice 8)'),
  ],
)
def test_no_prediction_is_called_certain(confidence, verdict, line):
  prediction = digit_reader.Prediction(
    digit=3,
    runner_up=8,
    confidence=confidence,
    verdict=verdict,
    box=(0, 0, 1, 1),
    probabilities=np.zeros(10, np.float32),
    image=np.zeros((28, 28), np.uint8),
  )
  assert predict.describe(prediction) == line


def test_the_help_agrees_with_the_modules_and_the_model_card(capsys):
  with pytest.raises(SystemExit):
    predict._parse(['--help'])
  limit = digit_reader.NO_DIGIT_CONFIDENCE
  assert f'Below {limit} it is always' in ' '.join(
    capsys.readouterr()[0].split()
  )
  given = predict._parse(['a.png'])
  assert given.threshold == digit_reader.THRESHOLD
  assert given.weights == weights.DEFAULT
  facts = json.loads((weights.PRETRAINED / 'robust.json').read_text())
  (row,) = (
    row
    for row in facts['calibration']['thresholds']
    if row['threshold'] == digit_reader.THRESHOLD
  )
  # "About 1 in 50 of MNIST's validation images, and about three in five of all
  # errors".
  assert 0.015 < row['unsure'] / row['count'] < 0.025
  errors_all = row['errors_unsure'] + row['errors_sure']
  assert 0.55 < row['errors_unsure'] / errors_all < 0.65
