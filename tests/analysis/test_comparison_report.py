"""Several workdirs become one comparison; what cannot be compared, one line."""

import json
import os

import pytest
import run_samples

from mnist_jax.analysis import __main__


@pytest.fixture
def workdirs(dataset, tmp_path):
  """Three finished runs; the first 10 images are misread by all."""
  names = {run_samples.HOSTILE.replace('/', '_'): 10, 'b': 30, 'c': 90}
  return [
    run_samples.write(tmp_path / name, dataset.test.labels, num_errors)
    for name, num_errors in names.items()
  ]


@pytest.fixture
def analyse(capsys, monkeypatch, tmp_path):
  """Runs the command in the folder of the workdirs."""
  monkeypatch.chdir(tmp_path)

  def analyse(*args):
    code = __main__.main([str(arg) for arg in args])
    return code, *capsys.readouterr()

  return analyse


def test_a_comparison_is_written_beside_the_workdirs_and_printed(
  workdirs, analyse, tmp_path
):
  before = sorted(tmp_path.rglob('*'))
  code, out, err = analyse(*workdirs)
  assert (code, err) == (0, '')
  written = sorted(set(tmp_path.rglob('*')) - set(before))
  files = [str(p.relative_to(tmp_path)) for p in written if p.is_file()]
  assert files == sorted(out.splitlines()[-5:])
  folders = {'/'.join(path.split('/')[:2]) for path in files}
  (name,) = folders
  assert name.startswith('comparisons/') and name.endswith('-b-c')
  assert 'b against c' in out and '97.99%' in out
  page = (tmp_path / name / 'comparison.html').read_text()
  assert page.count('data:image/png;base64,') == 3 == page.count('<img src')
  assert '<script' not in page and '&lt;script&gt;alert' in page
  assert 'This is not MNIST.' in page and '="http' not in page
  stored = json.loads((tmp_path / name / 'comparison.json').read_text())
  assert len(stored['everyone_wrong']) == 10
  assert [row['num_errors'] for row in stored['runs']] == [10, 30, 90]


def test_a_run_in_a_folder_that_is_no_utf_8_is_compared(
  workdirs, dataset, analyse, tmp_path
):
  name = os.fsdecode(b'a\xff')
  try:
    odd = run_samples.write(tmp_path / name, dataset.test.labels)
  except OSError:
    pytest.skip('this file system takes no such name')
  code, _, err = analyse(odd, workdirs[1], '--out=compared')
  assert (code, err) == (0, '')
  page = (tmp_path / 'compared/comparison.html').read_text()
  assert r'a\udcff' in page


def test_a_comparison_of_long_names_has_a_folder_of_its_own(
  dataset, analyse, tmp_path
):
  paths = [
    run_samples.write(tmp_path / (str(i) * 90), dataset.test.labels, i)
    for i in range(3)
  ]
  for others in (paths[:2], paths[::2]):
    assert analyse(*others)[0] == 0
  folders = list((tmp_path / 'comparisons').iterdir())
  assert len(folders) == 2
  assert all(len(folder.name) == 100 for folder in folders)


def test_two_runs_without_a_shared_error_replace_an_earlier_comparison(
  workdirs, dataset, analyse, tmp_path
):
  flawless = run_samples.write(tmp_path / 'd', dataset.test.labels, 0)
  figures = tmp_path / 'comparison/figures'
  analyse(*workdirs, '--out=comparison')
  assert len(list(figures.iterdir())) == 3
  code, _, err = analyse(workdirs[1], flawless, '--out=comparison')
  assert (code, err) == (0, '')
  assert [path.name for path in figures.iterdir()] == ['accuracies.png']
  page = (tmp_path / 'comparison/comparison.html').read_text()
  assert page.count('<img ') == 1
  assert 'read right by at least one run' in page


def test_what_cannot_be_compared_is_one_line(workdirs, analyse, tmp_path):
  (tmp_path / 'file').write_text('not a folder')
  a, b, c = workdirs
  (c / 'result.json').unlink()
  for args, words in (
    ([], 'give the workdir of a run, or several'),
    ([a, '--out', 'x'], '--out is for several workdirs'),
    ([a, b, '--outt', 'x'], 'unrecognized arguments: --outt'),
    ([a, b, a], 'is given 2 times'),
    ([a, c], 'holds an unfinished run'),
    ([a, tmp_path / 'nowhere'], 'nowhere'),
    ([a, b, '--out', 'file'], 'cannot be written'),
  ):
    code, _, err = analyse(*args)
    assert code == 2 and err.count('\n') == 1 and words in err, args
