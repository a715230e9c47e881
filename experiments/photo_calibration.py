"""How far confidences can be trusted on other people's digits."""

import pathlib

import numpy as np

EDGES = np.array([0, 0.5, 0.9, 0.99, 0.999, 1])


def measure(sets: dict[str, dict[pathlib.Path, int]], network) -> dict:
  """Reads images of one digit each, and compares confidences with the truth.

  Args:
    sets: {name of a set: {file: digit}}, from `photos.find_sets`.
    network: a `classifier.Classifier`.

  Returns:
    `images`, how many there are; `found`, in how many exactly one digit was
    found: the rest is about these. `accuracy`, `confidence` (the mean) and, for
    the bins of EDGES, `bins` as `calibration.bin_confidence` returns them.
  """
  from mnist_jax.analysis.run import calibration
  from mnist_jax.predict import digit_reader

  images = [item for labels in sets.values() for item in labels.items()]
  confidences, right = [], []
  for path, label in images:
    _, digits = digit_reader.read(path, network)
    if len(digits) == 1:
      confidences.append(digits[0].confidence)
      right.append(digits[0].digit == label)
  confidence, is_right = np.array(confidences), np.array(right, bool)
  return {
    'images': len(images),
    'found': len(confidence),
    'accuracy': float(is_right.mean()),
    'confidence': float(confidence.mean()),
    'bins': calibration.bin_confidence(confidence, is_right, EDGES),
  }


def as_markdown(found: dict) -> str:
  """Returns the table of docs/photos.md: a row for each bin with digits."""
  lines = [
    '| confidence | digits | mean confidence | right |',
    '|---|--:|--:|--:|',
  ]
  for each in found['bins']:
    if each['count']:
      lines.append(
        f'| {each["low"]:.1%} to {each["high"]:.1%} | {each["count"]} | '
        f'{each["confidence"]:.1%} | {each["accuracy"]:.1%} |'
      )
  lines.append(
    f'| all | {found["found"]} | {found["confidence"]:.1%} | '
    f'{found["accuracy"]:.1%} |'
  )
  return '\n'.join(lines)
