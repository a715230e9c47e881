"""Measures how well drawn pages with known digits are read.

  python -m experiments.pages

Draws pages of many kinds (experiments/pages/kinds.py) with digits of MNIST's
test set, reads them with the default weights, and writes
experiments/results/pages.json and a table in docs/photos.md. With --half=choose
other pages, with digits of MNIST's validation split, are read, and nothing is
written: to make choices on.
"""

from absl import flags

from mnist_jax import errors
from mnist_jax.cli import absl_flags

_HALF = flags.DEFINE_enum(
  'half',
  'report',
  ['choose', 'report'],
  'Pages to make choices on, or those whose numbers are reported.',
)
_COUNT = flags.DEFINE_integer(
  'count', 200, 'Pages of each kind; a tenth as many sheets of many digits.'
)
_ROWS = flags.DEFINE_list('rows', [], 'Kinds of pages; all when not given.')
_PEERS = flags.DEFINE_bool(
  'peers', False, 'Also read each page with RapidOCR and Tesseract.'
)
_WEIGHTS = flags.DEFINE_string(
  'weights', 'robust', 'Name or workdir of the weights.'
)
_SAVE = flags.DEFINE_string(
  'save', '', 'Folder for the pages that are read wrong, as PNG files.'
)


def main() -> None:
  """Reads pages of every kind, prints a table, and keeps the report.

  Raises:
    errors.UserError: for a wrong flag.
  """
  # Imported here, so that --help and mistyped flags are answered at once.
  from experiments.pages import kinds

  names = _ROWS.value or list(kinds.KINDS)
  check(names, list(kinds.KINDS))
  from experiments import photo_peers
  from experiments.pages import glyphs, report, score, table
  from mnist_jax.distributed import devices
  from mnist_jax.predict import classifier, weights

  devices.configure_reading()
  network = classifier.Classifier(weights.load_weights(_WEIGHTS.value))
  readers = {network.name: score.with_network(network)}
  if _PEERS.value:
    peers = photo_peers.load_installed()
    readers |= {name: score.with_peer(peer) for name, peer in peers.items()}
  found = report.measure(
    names,
    glyphs.load(_HALF.value),
    readers,
    half=_HALF.value,
    count=_COUNT.value,
    save=_SAVE.value,
  )
  print(table.as_text(found))
  if _HALF.value != 'report':
    return
  if found['dataset'] == 'mnist':
    report.publish(found)
  else:
    print(f'not kept: these are digits of {found["dataset"]}, not of mnist')


def check(names: list[str], known: list[str]) -> None:
  """Checks the flags.

  Raises:
    errors.UserError: when one cannot be followed.
  """
  for name in names:
    if name not in known:
      raise errors.UserError(
        f'row {name!r} is unknown; known are {", ".join(known)}'
      )
  if _COUNT.value < 1:
    raise errors.UserError(
      f'--count={_COUNT.value} must be at least 1; try 200'
    )
  if _ROWS.value and _HALF.value == 'report':
    raise errors.UserError(
      '--rows is for --half=choose; the report has all rows, so leave it out'
    )


if __name__ == '__main__':
  absl_flags.run(main)
