"""TensorBoard gets a run's numbers, figures and hyperparameters."""

import builtins
import struct

import pytest

import mnist_jax
from mnist_jax import errors
from mnist_jax.workdir import tensorboard

OVERRIDES = {'data.name': 'uci_digits', 'log.tensorboard': True}


def read_events(folder):
  """Returns the events of a folder's files, whose records have a length."""
  event_pb2 = pytest.importorskip('tensorboardX.proto.event_pb2')
  events = []
  for path in sorted(folder.glob('events.out.tfevents.*')):
    content = path.read_bytes()
    while content:
      (length,) = struct.unpack('<Q', content[:8])
      events.append(event_pb2.Event.FromString(content[12 : 12 + length]))
      content = content[12 + length + 4 :]
  return events


def values(events):
  return {value.tag: value for e in events for value in e.summary.value}


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  pytest.importorskip('tensorboardX')
  workdir = tmp_path_factory.mktemp('tensorboard') / 'run'
  return mnist_jax.train('fast:smoke', workdir=workdir, overrides=OVERRIDES)


def test_each_epochs_numbers_are_there(run):
  events = read_events(run.workdir)
  found = [
    (event.step, value.simple_value)
    for event in events
    for value in event.summary.value
    if value.tag == 'train/loss'
  ]
  rows = [(row['step'], row['train/loss']) for row in run.metrics]
  assert found == [(step, pytest.approx(loss)) for step, loss in rows]


def test_every_figure_is_there_as_a_picture(run):
  found = values(read_events(run.workdir))
  assert run.figures.keys() <= found.keys()
  for name in run.figures:
    assert found[name].image.width == 1050


def test_every_field_is_a_hyperparameter_beside_the_accuracies(run):
  events = read_events(run.workdir / 'hyperparameters')
  found = values(events)
  assert found['test/accuracy'].simple_value == pytest.approx(
    run.result['test']['accuracy']
  )
  text = str([value.metadata for value in found.values()])
  for field in ('optim.lr', 'model.name', 'augment.enabled'):
    assert field in text


def test_without_the_package_one_line_says_what_to_install(
  monkeypatch, tmp_path
):
  original = builtins.__import__

  def refuse(name, *args, **kwargs):
    if name == 'tensorboardX':
      raise ImportError(name)
    return original(name, *args, **kwargs)

  monkeypatch.setattr(builtins, '__import__', refuse)
  with pytest.raises(errors.UserError, match=r'requirements-tracking\.txt'):
    tensorboard.open_writer(tmp_path)
