"""Handwritten digits in JAX and Flax: train, compare, explain, read.

  import mnist_jax

  run = mnist_jax.train('fast')
  mnist_jax.load('robust').read('photo.jpg')

Importing this module alone is quick: JAX is imported when it is first needed.
"""

import importlib
from typing import Any

__version__ = '1.0.0'

_MODULES = {'load': 'mnist_jax.api.model', 'train': 'mnist_jax.api.train'}


def __getattr__(name: str) -> Any:
  if name in _MODULES:
    return getattr(importlib.import_module(_MODULES[name]), name)
  raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
  return sorted([*globals(), *_MODULES])
