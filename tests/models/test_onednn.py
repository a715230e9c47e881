"""oneDNN is an extra that one command builds and that training then uses."""

import functools
import importlib.metadata
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import PartitionSpec as P

from mnist_jax import errors
from mnist_jax.models import conv_block, conv_lax, onednn

pytestmark = pytest.mark.usefixtures('optimized')

TRAIN = (
  'import jax; from mnist_jax.models import conv_block as c;'
  'one = jax.numpy.ones; args = one((2, 9, 9, 3)), one((3, 3, 3, 4)), one(4);'
  'step = jax.jit(lambda *args: c.conv_block(*args, train=True)[0]);'
  "print('mnist_jax_forward' in step.lower(*args).as_text(), step(*args).max())"
)


def draw(*shape, seed=0):
  draws = np.random.default_rng(seed).normal(size=shape)
  return jnp.asarray(draws, jnp.float32)


def assert_near(ours, theirs, tolerance):
  for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
    assert jnp.abs(a - b).max() <= tolerance * jnp.abs(b).max()


def run(*arguments, cache):
  return subprocess.run(
    [sys.executable, *arguments],
    env=os.environ | {'XDG_CACHE_HOME': str(cache)},
    capture_output=True,
    text=True,
    timeout=300,
  )


@pytest.mark.usefixtures('onednn_built')
@pytest.mark.parametrize('padding', ['SAME', 'VALID'])
@pytest.mark.parametrize('size', [3, 5])
@pytest.mark.parametrize(
  ('channels', 'features'),
  [(1, 20), (20, 5), (64, 32), (64, 128)],
)
def test_it_is_lax_in_value_and_gradient(padding, size, channels, features):
  x, kernel = draw(3, 13, 10, channels), draw(size, size, channels, features)
  pad = size // 2 if padding == 'SAME' else 0

  def all_of(convolve):
    y, back = jax.vjp(lambda x, kernel: convolve(x, kernel, pad), x, kernel)
    return y, back(draw(*y.shape, seed=1))

  assert_near(all_of(onednn.convolve), all_of(conv_lax.convolve), 1e-5)


@pytest.mark.usefixtures('onednn_built')
@pytest.mark.skipif(jax.device_count() < 2, reason='needs two devices')
@pytest.mark.parametrize('check_vma', [False, True])
def test_devices_call_it_at_once_in_a_loop(check_vma):
  x, kernel = draw(16, 11, 13, 32), draw(3, 3, 32, 32)

  def descend(convolve, x, kernel, axis=None):
    def loss(kernel):
      y = convolve(x, conv_lax.like(x, kernel), 1)
      value = (jnp.sin(y) * y).mean()
      return lax.pmean(value, axis) if axis else value

    def step(kernel, _):
      grad = jax.grad(loss)(kernel)
      if axis and not check_vma:
        grad = lax.pmean(grad, axis)
      return kernel - 0.1 * grad, None

    return lax.scan(step, kernel, None, length=10)[0]

  mesh = jax.make_mesh((2,), ('d',), axis_types=(jax.sharding.AxisType.Auto,))
  split = jax.shard_map(
    functools.partial(descend, onednn.convolve, axis='d'),
    mesh=mesh,
    in_specs=(P('d'), P()),
    out_specs=P(),
    check_vma=check_vma,
  )
  plain = jax.jit(functools.partial(descend, conv_lax.convolve))(x, kernel)
  first, *others = [jax.jit(split)(x, kernel) for _ in range(10)]
  assert_near(first, plain, 1e-5)
  assert all(jnp.array_equal(first, other) for other in others)


def test_only_training_uses_it(monkeypatch):
  monkeypatch.setattr(onednn, 'is_built', lambda: True)
  args = draw(2, 9, 9, 3), draw(3, 3, 3, 4), draw(4)
  for train in (True, False):
    block = functools.partial(conv_block.conv_block, backend='cpu', train=train)
    assert ('ffi_call' in str(jax.make_jaxpr(block)(*args))) == train


@pytest.mark.usefixtures('onednn_built')  # Skips where it cannot be built.
def test_one_command_builds_what_later_processes_use(tmp_path):
  assert run('-c', TRAIN, cache=tmp_path).stdout == 'False 28.0\n'
  built = run('-m', 'mnist_jax.models.onednn', cache=tmp_path)
  assert built.returncode == 0, built.stderr
  # The second of them takes the compiled program from JAX's cache.
  for _ in range(2):
    done = run('-c', TRAIN, cache=tmp_path)
    assert done.stdout == 'True 28.0\n', done.stderr


@pytest.fixture
def on_linux(monkeypatch):
  """Lets this machine say that it is one for which oneDNN can be built."""
  monkeypatch.setattr(sys, 'platform', 'linux')
  monkeypatch.setattr(onednn.platform, 'machine', lambda: 'x86_64')


@pytest.mark.usefixtures('on_linux')
@pytest.mark.parametrize('what', ['oneDNN', 'g++'])
def test_what_is_missing_is_named_in_one_line(what, monkeypatch, tmp_path):
  def find_nothing(name):
    raise importlib.metadata.PackageNotFoundError(name)

  if what == 'oneDNN':
    monkeypatch.setattr(importlib.metadata, 'files', find_nothing)
  else:
    monkeypatch.setattr(onednn, '_find_onednn', lambda: tmp_path)
    monkeypatch.setenv('PATH', '')
  with pytest.raises(errors.UserError, match=r'is not installed; .*install'):
    onednn.build()


def test_another_machine_is_not_told_to_install_what_it_cannot(monkeypatch):
  monkeypatch.setattr(sys, 'platform', 'darwin')
  with pytest.raises(errors.UserError, match=r'not for darwin .*without it'):
    onednn.build()


@pytest.mark.usefixtures('on_linux')
def test_a_failed_build_is_one_line_and_leaves_nothing(monkeypatch, tmp_path):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  monkeypatch.setattr(onednn, '_find_onednn', lambda: tmp_path)
  monkeypatch.setattr(onednn.shutil, 'which', lambda name: name)
  failed = subprocess.CompletedProcess([], 1, stderr='x.cc:1: error: no\nmore')
  monkeypatch.setattr(onednn.subprocess, 'run', lambda *a, **k: failed)
  with pytest.raises(errors.UserError, match=r'cannot build .*: error: no$'):
    onednn.build()
  assert not any((tmp_path / 'mnist_jax/onednn').iterdir())


def test_it_takes_no_arguments(capsys):
  assert onednn.main(['x']) == 2
  (line,) = capsys.readouterr().err.splitlines()
  assert line == 'mnist_jax: this command takes no arguments'


def test_a_run_without_it_names_no_version(monkeypatch):
  monkeypatch.setattr(onednn, 'is_built', lambda: True)
  assert onednn.versions('tpu') == {}
  monkeypatch.setattr(onednn, 'is_built', lambda: False)
  assert onednn.versions('cpu') == {}


@pytest.mark.parametrize(('value', 'used'), [('0', 'False'), ('1', 'True')])
def test_an_environment_variable_says_whether_it_is_used(
  onednn_built, value, used
):
  cache = onednn_built.parents[2]
  done = subprocess.run(
    [
      *(sys.executable, '-c'),
      'from mnist_jax.models import onednn; print(onednn.is_built())',
    ],
    capture_output=True,
    text=True,
    env=os.environ | {'XDG_CACHE_HOME': str(cache), 'MNIST_JAX_ONEDNN': value},
  )
  assert done.stdout.strip() == used, done.stderr
