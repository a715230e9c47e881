"""Reads digits with JAX alone: python serve_stablehlo.py IMAGES.npy

IMAGES.npy holds [N, 28, 28] uint8, from 0 (background) to 255 (ink).
"""

import json
import pathlib
import sys

import jax
import numpy as np
from jax import export

folder = pathlib.Path(__file__).parent
about = json.loads((folder / 'config.json').read_text())
model = export.deserialize(bytearray((folder / 'model.stablehlo').read_bytes()))
logits = model.call(np.load(sys.argv[1]))
for row in np.asarray(jax.nn.softmax(logits / about['temperature'])):
  print(row.argmax(), f'{row.max():.4f}')
