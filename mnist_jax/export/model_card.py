"""The model card of trained weights, written from their numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

from mnist_jax import config as config_lib
from mnist_jax.models import layers

# What to install for each example.
_NEEDS = {
  'serve_numpy.py': '`numpy` and `safetensors`',
  'serve_onnx.py': '`numpy` and `onnxruntime`',
  'serve_stablehlo.py': '`jax` and `flatbuffers`',
}


def render(
  about: dict[str, Any],
  files: Mapping[str, str],
  operations: Sequence[layers.Operation],
  *,
  examples: Mapping[str, str] | None = None,
  photos: Mapping[str, Mapping[str, dict]] | None = None,
  ours: bool = True,
) -> str:
  """Returns the card as Markdown, a short form of Mitchell et al. 2019.

  Args:
    about: from `facts`.
    files: what each file holds, by name; the first one holds the arrays.
    operations: from `operations.list_operations`; none where a layer does not
      say what it computes.
    examples: Python that serves the files, by name; none for a card that is
      part of this package.
    photos: {way of reading: {set: scores}}, the scores with 'accuracy' in
      [0, 1], 'num_errors' and 'count'.
    ours: whether the weights come with this package.
  """
  environment = jinja2.Environment(
    loader=jinja2.PackageLoader('mnist_jax.export', ''),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
  )
  environment.filters |= {'count': '{:,}'.format, 'percent': '{:.2%}'.format}
  photos = photos or {}
  rows = {name: way[name] for way in photos.values() for name in way}
  trained = 'train' in about
  return environment.get_template('card.md').render(
    about=about,
    files=files,
    arrays_file=next(iter(files)),
    operations=[' '.join(map(str, operation)) for operation in operations],
    used={name for name, *_ in operations},
    examples=examples or {},
    needs=_NEEDS,
    photos=photos if rows else {},
    rows=rows,
    ours=ours,
    trained=trained,
    classes=about.get('class_names', []),
    **(_describe_training(about) if trained else _UNKNOWN_TRAINING),
  )


_UNKNOWN_TRAINING = {'on_mnist': False, 'non_digits': False}


def _describe_training(about: dict[str, Any]) -> dict[str, Any]:
  config = about['config']
  return {
    'titles': {'train': 'training', 'valid': 'validation', 'test': 'test'},
    'versions': ', '.join(f'{k} {v}' for k, v in about['versions'].items()),
    'distortions': list_distortions(config.get('augment', {})),
    'on_mnist': about['dataset'] == 'mnist',
    'non_digits': bool(config.get('data', {}).get('non_digits')),
  }


def list_distortions(augment: dict) -> str:
  """Returns those that are on, with their strengths; 'none' without any."""
  if not augment.get('enabled'):
    return 'none'
  # Without the fields of earlier versions, which were off.
  known = config_lib.default().augment
  unused = {'enabled'}
  if not augment.get('erase_probability'):
    unused.add('erase_area')
  fading = 'final_strength'  # To 0 is much, to 1 is not at all.
  if augment.get(fading) == 1:
    unused.add(fading)
  return ', '.join(
    f'{name} {value:g}' if isinstance(value, float) else f'{name} {value}'
    for name, value in augment.items()
    if name in known and name not in unused and (value or name == fading)
  )
