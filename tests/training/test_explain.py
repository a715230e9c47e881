"""Explanations: true gradients, of the right images."""

import os
import pathlib
import subprocess
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mnist_jax.analysis.run import classification, load
from mnist_jax.models import cnn, saliency
from mnist_jax.training import explain

REPOSITORY = pathlib.Path(__file__).parents[2]


def create(name, seed=0):
  model = cnn.create_model(
    types.SimpleNamespace(name=name, dropout=0.5, initializer='he')
  )
  init = jax.jit(model.init)
  variables = init(jax.random.key(seed), jnp.zeros((1, 28, 28, 1)))
  return model, {'batch_stats': {}} | variables


def noise(count):
  """Pixels without ties: max pooling has no slope where two are equal."""
  shape = (count, 28, 28)
  return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def explain_noise(name, count=6, num_errors=3):
  model, variables = create(name)
  images = noise(count)
  logits = apply(model, variables, images / 255)
  predicted = logits.argmax(axis=1)
  labels = (predicted + (np.arange(count) < num_errors)) % 10
  explained = explain.explain(model, variables, images, labels, logits)
  return model, variables, images, labels, logits, explained


def apply(model, variables, pixels):
  pixels = jnp.asarray(pixels, jnp.float32)[..., None]
  return np.asarray(jax.jit(model.apply)(variables, pixels))


@pytest.mark.parametrize('name', ['fast', 'improved', 'wide_conv'])
def test_saliency_is_the_slope_that_finite_differences_give(name):
  model, variables, images, labels, logits, explained = explain_noise(name)
  chosen = explained.saliency_indices
  saliency = explained.saliency.reshape(len(chosen), 784)
  # The strongest pixel, which is the unit, and a dozen others at random.
  random = np.random.default_rng(1).choice(784, 12, replace=False)
  pixels = [[strongest, *random] for strongest in saliency.argmax(axis=1)]
  bumps = 5e-4 * np.eye(784)[pixels] * np.array([1, -1])[:, None, None, None]
  moved = images[chosen].reshape(-1, 1, 784) / 255 + bumps
  moved = apply(model, variables, moved.reshape(-1, 28, 28))
  moved = moved.reshape(*bumps.shape[:-1], 10)
  for place, i in enumerate(chosen):
    _, second, first = np.argsort(logits[i])[-3:]
    other = second if labels[i] == first else labels[i]
    up, down = moved[:, place, :, first] - moved[:, place, :, other]
    expected = abs(up - down) / abs(up - down)[0]
    found = saliency[place, pixels[place]]
    np.testing.assert_allclose(found, expected, atol=0.03, rtol=0.03)


def test_the_strongest_pixel_of_each_image_is_one():
  *_, explained = explain_noise('fast')
  saliency = explained.saliency
  assert saliency.shape == (6, 28, 28) and saliency.dtype == np.float32
  assert saliency.min() >= 0
  np.testing.assert_array_equal(saliency.max(axis=(1, 2)), 1)


def test_pixels_that_are_cut_away_are_without_saliency():
  *_, explained = explain_noise('fast')
  border = np.ones((28, 28), bool)
  border[2:-2, 2:-2] = False
  assert not explained.saliency[:, border].any()
  assert explained.saliency[:, ~border].any()


def test_a_blank_model_is_explained_by_zeros_and_not_by_nan():
  model, variables = create('basic')
  variables = jax.tree.map(jnp.zeros_like, variables)
  explained = explain.explain(
    model, variables, noise(3), np.arange(3), np.zeros((3, 10), np.float32)
  )
  assert not explained.saliency.any()
  assert not explained.filters.any()


def test_a_slope_that_is_not_finite_counts_as_none():
  slopes = np.zeros((1, 28, 28), np.float32)
  slopes[0, 0, :3] = np.nan, np.inf, -2.0
  found = saliency.strengths(slopes)
  assert found[0, 0, :3].tolist() == [0, 0, 1]


def test_the_surest_errors_come_first_then_the_least_sure_right_answers():
  labels = np.zeros(40, int)
  predicted = np.where(np.arange(40) < 5, 7, 0)
  sureness = np.random.default_rng(0).permutation(40).astype(np.float32)
  logits = np.float32(np.eye(10)[predicted]) * sureness[:, None] / 10 + 0.5
  chosen = explain.choose(logits, labels)
  assert chosen.dtype == np.int32 and len(chosen) == 16
  probabilities = classification.softmax(logits)
  wrong = classification.errors_by_confidence(probabilities, labels)
  assert list(chosen[: len(wrong)]) == list(wrong)
  rest = sureness[chosen[len(wrong) :]]
  left_out = np.setdiff1d(np.arange(40), chosen)
  assert list(rest) == sorted(rest) and max(rest) < min(sureness[left_out])


@pytest.mark.parametrize('count', [1, 15, 16, 30])
def test_no_more_images_are_chosen_than_there_are_or_than_sixteen(count):
  logits = np.random.default_rng(0).normal(size=(count, 10))
  chosen = explain.choose(logits, logits.argmax(axis=1))
  assert len(set(chosen)) == len(chosen) == min(count, 16)


@pytest.mark.parametrize('name', cnn.MODELS)
def test_filters_are_the_kernel_of_the_first_convolution(name):
  model, variables = create(name)
  filters = saliency.first_filters(variables['params'])
  first = next(
    layer
    for layer, *_ in cnn.trace_layers(model)
    if layer.name.startswith('ConvBlock')
  )
  kernel = variables['params'][first.name]['conv']['kernel']
  assert filters.shape == (first.kernel_size,) * 2 + (first.features,)
  np.testing.assert_array_equal(filters, kernel[:, :, 0])


def test_kernels_that_are_not_square_are_not_shown():
  kernels = [np.zeros((1, 7, 1, 4)), np.zeros((5, 1, 1, 4))]
  assert saliency.first_filters(kernels) is None
  found = saliency.first_filters([*kernels, np.ones((3, 3, 1, 2))])
  assert found.shape == (3, 3, 2)


def test_a_finished_run_holds_explanations_that_can_be_read(tmp_path):
  subprocess.run(
    [
      *(sys.executable, '-m', 'mnist_jax.main', f'--workdir={tmp_path}'),
      *('--config=configs/fast.py:smoke', '--config.data.name=uci_digits'),
    ],
    cwd=REPOSITORY,
    env=os.environ | {'JAX_NUM_CPU_DEVICES': '2'},
    check=True,
    timeout=120,
  )
  run = load.load_run(tmp_path)
  explained = run.explanations
  assert explained.filters.shape == (5, 5, 16)
  chosen = explain.choose(run.test.logits, run.test.labels)
  np.testing.assert_array_equal(explained.saliency_indices, chosen)
  assert (explained.saliency.max(axis=(1, 2)) == 1).all()
