"""Metrics are sums: they merge, and they mask."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from mnist_jax.training.metrics import Metrics


@pytest.fixture
def batch():
  random = np.random.default_rng(0)
  logits = random.normal(size=(50, 10)).astype(np.float32)
  return jnp.asarray(logits), jnp.asarray(random.integers(0, 10, 50))


def test_they_agree_with_scikit_learn(batch):
  logits, labels = batch
  computed = Metrics.from_logits(logits, labels).compute()
  probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
  loss = sklearn_metrics.log_loss(labels, probabilities, labels=range(10))
  accuracy = sklearn_metrics.accuracy_score(labels, logits.argmax(1))
  np.testing.assert_allclose(computed['loss'], loss, rtol=1e-5)
  assert computed['accuracy'] == accuracy
  assert computed['num_errors'] == round(50 * (1 - accuracy))
  assert computed['count'] == 50


def test_parts_in_any_order_merge_to_the_whole(batch):
  logits, labels = batch
  parts = [
    Metrics.from_logits(logits[part], labels[part])
    for part in (slice(0, 7), slice(7, 30), slice(30, 50))
  ]
  whole = Metrics.from_logits(logits, labels).compute()
  for order in ((0, 1, 2), (2, 0, 1)):
    merged = Metrics.empty()
    for i in order:
      merged = merged.merge(parts[i])
    merged = merged.compute()
    assert merged['num_errors'] == whole['num_errors']
    np.testing.assert_allclose(merged['loss'], whole['loss'], rtol=1e-6)


def test_no_example_comes_to_zero():
  assert set(Metrics.empty().compute().values()) == {0}


def test_a_masked_example_counts_for_nothing(batch):
  logits, labels = batch
  mask = jnp.arange(50) < 20
  masked = Metrics.from_logits(logits.at[20:].set(jnp.nan), labels, mask)
  alone = Metrics.from_logits(logits[:20], labels[:20])
  assert masked.compute() == alone.compute()
