"""MNIST is downloaded from a mirror that has it, or the way out is said."""

import http.server
import pathlib

import fake_mnist
import pytest

from mnist_jax import errors
from mnist_jax.data import mirrors


def test_mnist_without_network_and_files_names_the_three_ways(load):
  with pytest.raises(errors.UserError) as error:
    load(manual_dir='')
  fake_mnist.assert_one_line(
    error, '127.0.0.1', 'network', 'data.manual_dir', 'data.data_dir'
  )


def test_auto_without_network_and_files_is_uci_digits_and_says_why(
  load, tmp_path
):
  dataset = load(name='auto', manual_dir='')
  assert dataset.name == 'uci_digits'
  assert 'Connection refused' in dataset.notice
  assert not (tmp_path / 'data').exists()


def test_a_mirror_that_does_not_answer_is_given_up_within_seconds(
  load, monkeypatch
):
  monkeypatch.setattr(mirrors, 'PROBE_SECONDS', 0.1)
  with http.server.HTTPServer(('127.0.0.1', 0), None) as mute:
    fake_mnist.set_mirrors(monkeypatch, f'http://127.0.0.1:{mute.server_port}/')
    with pytest.raises(errors.UserError, match='no answer'):
      load(manual_dir='')


def test_the_second_mirror_serves_when_the_first_is_dead(
  load, fake, manual_dir, monkeypatch, serve, capfd
):
  fake_mnist.set_mirrors(monkeypatch, fake_mnist.NOBODY, serve(manual_dir))
  fake_mnist.assert_is(load(name='auto', manual_dir=''), fake)
  fake_mnist.assert_says_one_line(capfd)


@pytest.mark.parametrize('damage', [fake_mnist.write_html, pathlib.Path.unlink])
@pytest.mark.parametrize('name', ['t10k-labels-idx1', 'train-images-idx3'])
def test_the_second_mirror_serves_when_the_first_has_bad_files(
  load, fake, manual_dir, monkeypatch, tmp_path, serve, damage, name
):
  bad = tmp_path / 'bad'
  bad.mkdir()
  for path in manual_dir.iterdir():
    (bad / path.name).write_bytes(path.read_bytes())
  damage(bad / f'{name}-ubyte.gz')
  fake_mnist.set_mirrors(monkeypatch, serve(bad), serve(manual_dir))
  fake_mnist.assert_is(load(manual_dir=''), fake)
