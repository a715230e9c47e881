"""Models of a user's own, registered by a recipe and trained by the command."""

import os
import pathlib
import subprocess
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).parents[2]
RECIPE = '''
from flax import linen as nn

from configs import basic
from mnist_jax.models import cnn


class Plain(nn.Module):
  """A layer as Flax's own guide writes it, without `kernel_uses`."""

  @nn.compact
  def __call__(self, x, *, train):
    return nn.max_pool(nn.relu(nn.Conv(4, (3, 3))(x)), (4, 4), (4, 4))


class Normed(nn.Module):
  """Batch norm without `axis_name`."""

  @nn.compact
  def __call__(self, x, *, train):
    return nn.BatchNorm(use_running_average=not train)(x)


class Mlp(cnn.Cnn):
  def stack(self):
    return [self.dense(16), self.logits()]


class WithPlain(cnn.Cnn):
  def stack(self):
    return [Plain(), self.logits()]


class WithNormed(cnn.Cnn):
  def stack(self):
    return [self.dense(16), Normed(), self.logits()]


cnn.MODELS.update(mlp=Mlp, with_plain=WithPlain, with_normed=WithNormed)


def get_config(mode='full'):
  config = basic.get_config(mode)
  config.model.name = 'mlp'
  config.data.name = 'uci_digits'
  config.total_epochs = 1.0
  return config
'''


@pytest.fixture(scope='module')
def train(tmp_path_factory):
  """Returns a function that trains a model, and what it printed."""
  folder = tmp_path_factory.mktemp('own')
  (folder / 'own.py').write_text(RECIPE)

  def run(model, *flags):
    return subprocess.run(
      [
        *(sys.executable, '-m', 'mnist_jax.main'),
        *(f'--config={folder}/own.py:smoke', f'--config.model.name={model}'),
        *(f'--workdir={folder / model}', *flags),
      ],
      cwd=REPOSITORY,
      env=os.environ | {'JAX_NUM_CPU_DEVICES': '2'},
      capture_output=True,
      text=True,
      timeout=200,
    ), folder / model

  return run


def test_a_model_without_a_convolution_has_all_but_the_figure_of_filters(train):
  done, workdir = train('mlp')
  assert done.returncode == 0, done.stderr
  assert not (workdir / 'figures/filters.png').exists()
  assert (workdir / 'figures/saliency.png').exists()
  assert 'first convolution' not in (workdir / 'report.html').read_text()
  again = subprocess.run(
    [sys.executable, '-m', 'mnist_jax.analysis', str(workdir)],
    cwd=REPOSITORY,
    capture_output=True,
    text=True,
    timeout=100,
  )
  assert again.returncode == 0, again.stderr


def test_what_a_layer_costs_may_be_unknown_and_a_plain_nn_conv_is_named(train):
  done, _ = train('with_plain')
  assert done.returncode == 0, done.stderr
  rows = {line.split()[0]: line for line in done.stdout.splitlines() if line}
  assert rows['Plain_0'].split()[-1] == rows['total'].split()[-1] == 'unknown'
  assert 'Plain_0/Conv_0: nn.Conv' in rows['note']
  assert 'ConvBlock' in rows['note']


def test_devices_that_come_apart_are_one_line_before_anything_is_saved(train):
  done, workdir = train('with_normed')
  assert done.returncode == 2, done.stderr
  assert done.stderr.count('\n') == 1, done.stderr
  assert 'batch_stats/Normed_0/BatchNorm_0/mean' in done.stderr
  assert 'axis_name' in done.stderr and 'num_devices=1' in done.stderr
  assert not any(p.name.isdigit() for p in (workdir / 'checkpoints').iterdir())
  done, _ = train('with_normed', '--config.num_devices=1')
  assert done.returncode == 0, done.stderr
