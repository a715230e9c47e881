"""Measures how sure networks are of what is no digit, and chooses a threshold.

  python -m experiments.non_digits --weights=robust,improved

The digits are MNIST's validation images, by writers that training never saw.
The non-digits are drawn: first kinds that training also sees, drawn anew, then
kinds and fonts that it never sees (`held_out.py`). All are framed by the photo
pipeline. The threshold is chosen on the latter. An image is called sure when
the confidence in its answer is at least the threshold.
"""

import types

import numpy as np
from absl import flags

from mnist_jax import errors
from mnist_jax.cli import absl_flags

_WEIGHTS = flags.DEFINE_list(
  'weights', ['robust', 'improved'], 'Names or folders of weights.'
)
_COUNT = flags.DEFINE_integer(
  'count', 200, 'How many to draw of each kind.', lower_bound=1
)
_SEED = flags.DEFINE_integer(
  'seed', 1, 'Of the drawings; training has 0.', lower_bound=0
)


def main() -> None:
  """Prints two tables and a threshold for each network.

  Raises:
    errors.UserError: when MNIST or the weights cannot be read.
  """
  if not _WEIGHTS.value:
    raise errors.UserError('no weights are given; try --weights=robust')
  # Imported here, so that --help and mistyped flags are answered at once.
  from mnist_jax.data import datasets
  from mnist_jax.distributed import devices
  from mnist_jax.predict import classifier, weights

  devices.configure_reading()
  networks = [
    classifier.Classifier(weights.load_weights(name)) for name in _WEIGHTS.value
  ]
  valid = datasets.load_dataset(
    types.SimpleNamespace(
      name='mnist', valid='writer_disjoint', manual_dir='', data_dir=''
    )
  ).valid
  seen, unseen = draw_all(valid)
  for network in networks:
    report(network, valid, seen, unseen)


def draw_all(valid) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
  """Draws {kind: images [count, 28, 28]}: kinds of training, and held-out ones.

  Halves, pairs and so on are made of the digits of `valid`, a `datasets.Split`.
  """
  from experiments.non_digits import held_out
  from mnist_jax.data import non_digits
  from mnist_jax.photos import normalize

  def draw(kinds):
    return {
      name: non_digits.draw(
        _COUNT.value,
        valid.images,
        valid.labels,
        seed=_SEED.value,
        kinds=[kind],
        frame=normalize.frame,
      )
      for name, kind in kinds.items()
    }

  return draw(non_digits.KINDS), draw(held_out.KINDS)


def report(network, valid, seen, unseen) -> None:
  """Prints what is measured of one network."""
  from experiments.non_digits import measure

  def confidence(images: np.ndarray) -> np.ndarray:
    return network.probabilities(images).max(axis=1)

  digits = confidence(valid.images)
  for title, drawings in (('of training', seen), ('held out', unseen)):
    others = {name: confidence(images) for name, images in drawings.items()}
    print(f'{network.name}: kinds {title}')
    print(measure.to_text(measure.measure(digits, others)) + '\n')
  # `others` are the held-out ones.
  together = np.concatenate(list(others.values()))
  threshold = measure.choose_threshold(digits, together)
  if threshold is None:
    print(
      f'{network.name}: no threshold calls less than 5 % of the held-out kinds '
      'sure and at least 97 % of the digits\n'
    )
    return
  print(
    f'{network.name}: threshold {threshold:.2f} calls '
    f'{np.mean(digits >= threshold):.1%} of the digits sure, and '
    f'{np.mean(together >= threshold):.1%} of the held-out kinds\n'
  )


if __name__ == '__main__':
  absl_flags.run(main)
