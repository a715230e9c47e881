"""Calibration says what scikit-learn, scipy and hand-made cases say."""

import numpy as np
import pytest
import sklearn.metrics
from scipy import optimize

from mnist_jax.analysis.run import calibration, classification


@pytest.fixture(scope='module')
def answers():
  """Logits that are 3 times too large, and labels drawn from them."""
  rng = np.random.default_rng(0)
  logits = rng.normal(0, 2, (4000, 10))
  draws = rng.random((4000, 1))
  labels = (classification.softmax(logits).cumsum(axis=1) < draws).sum(axis=1)
  return (3 * logits).astype(np.float32), labels.astype(np.int32)


def test_nll_is_scikit_learns(answers):
  logits, labels = answers
  expected = sklearn.metrics.log_loss(labels, classification.softmax(logits))
  np.testing.assert_allclose(calibration.nll(logits, labels), expected)


def test_nll_of_a_hopeless_answer_is_finite():
  logits = np.zeros((1, 10), np.float32)
  logits[0, 3] = 2000
  assert calibration.nll(logits, np.array([4])) == 2000


def test_brier_is_the_sum_of_scikit_learns_over_the_digits(answers):
  logits, labels = answers
  probabilities = classification.softmax(logits)
  expected = sum(
    sklearn.metrics.brier_score_loss(labels == d, probabilities[:, d])
    for d in range(10)
  )
  measured = calibration.measure(logits, labels)['brier']
  np.testing.assert_allclose(measured, expected)


def test_ece_of_a_case_by_hand():
  # Two bins: 0.95 sure and half right; 0.55 sure and right.
  wanted = np.array([[0.95, 0.05], [0.95, 0.05], [0.55, 0.45], [0.55, 0.45]])
  logits = np.full((4, 10), -50.0)
  logits[:, :2] = np.log(wanted)
  measured = calibration.measure(logits, np.array([0, 1, 0, 0]))
  np.testing.assert_allclose(measured['ece'], (0.45 + 0.45) / 2)
  assert [b['count'] for b in measured['bins'] if b['count']] == [2, 2]


@pytest.mark.parametrize('edges', [calibration.EQUAL, calibration.NINES])
def test_every_image_is_in_the_bin_of_its_confidence(edges):
  assert edges[0] == 0 and edges[-1] == 1 and (np.diff(edges) > 0).all()
  confidence = np.array([0.1, 1 / 15, 2 / 15, 0.5, 0.9, 0.99999, 1.0])
  bins = calibration.bin_confidence(confidence, np.ones(7, bool), edges)
  assert sum(b['count'] for b in bins) == 7
  for b in bins:
    if b['count']:
      assert b['low'] < b['confidence'] <= b['high']
      assert b['accuracy'] == 1.0
    else:
      assert b['confidence'] is b['accuracy'] is None


def test_the_temperature_undoes_a_known_scale_and_is_the_minimum(answers):
  temperature = calibration.fit_temperature(*answers)
  assert 2.7 < temperature < 3.3
  best = optimize.minimize(
    lambda t: calibration.nll(answers[0] / t[0], answers[1]), [1.0], tol=1e-8
  )
  np.testing.assert_allclose(temperature, best.x[0], rtol=1e-3)


@pytest.mark.parametrize(
  ('count', 'num_errors', 'fitted'),
  [(99, 9, False), (100, 0, False), (100, 1, True), (4000, 0, False)],
)
def test_few_images_or_no_error_tell_nothing_of_the_temperature(
  count, num_errors, fitted
):
  rng = np.random.default_rng(0)
  labels = rng.integers(0, 10, count)
  logits = rng.normal(size=(count, 10)) + 9 * np.eye(10)[labels]
  wrong = labels.copy()
  wrong[:num_errors] = (wrong[:num_errors] + 1) % 10
  temperature = calibration.fit_temperature(logits, wrong)
  assert (temperature != 1) == fitted
  described = calibration.describe(logits, wrong, temperature)
  assert (described['after'] is not None) == fitted


def test_scaling_helps_and_changes_no_answer(answers):
  logits, labels = answers
  temperature = calibration.fit_temperature(logits, labels)
  described = calibration.describe(logits, labels, temperature)
  for name in ('ece', 'nll', 'brier'):
    assert described['after'][name] < described['before'][name]
  scaled = (logits / described['temperature']).argmax(axis=1)
  np.testing.assert_array_equal(scaled, logits.argmax(axis=1))


def test_without_validation_there_is_no_temperature(answers):
  described = calibration.describe(*answers, None)
  assert described['temperature'] is described['after'] is None


def test_coverage_answers_the_surest_first():
  logits = np.zeros((1000, 10))
  logits[:, 0] = np.linspace(1, 9, 1000)  # The last is the surest.
  labels = np.zeros(1000, int)
  labels[:20] = 1  # The 20 least sure are wrong.
  points = {
    p['coverage']: p
    for p in calibration.describe(logits, labels, None)['coverage']
  }
  assert points[1.0]['num_errors'] == 20 and points[1.0]['accuracy'] == 0.98
  assert points[0.99]['num_errors'] == 10
  assert points[0.98]['num_errors'] == 0
  thresholds = [p['threshold'] for p in points.values()]
  assert thresholds == sorted(thresholds)
