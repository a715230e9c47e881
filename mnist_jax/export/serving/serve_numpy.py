"""Reads digits with numpy: python serve_numpy.py IMAGES.npy ([N, 28, 28])."""

import json
import pathlib
import sys

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view as cut
from safetensors.numpy import load_file

SUM = ((4, 5, 3), (0, 1, 2))  # The axes of windows and kernel that conv sums.
STEPS: dict = {
  'normalize': lambda x, m, s: ((x / np.float32(255) - m) / s)[..., None],
  'crop': lambda x, n: x[:, n:-n, n:-n],
  'pad': lambda x, n: np.pad(x, ((0, 0), (n, n), (n, n), (0, 0))),
  'conv': lambda x, w, b: np.tensordot(cut(x, w.shape[:2], (1, 2)), w, SUM) + b,
  'norm': lambda x, w, b, m, v, e: (x - m) / np.sqrt(v + e) * w + b,
  'relu': lambda x: np.maximum(x, 0),
  'pool': lambda x: cut(x, (2, 2), (1, 2))[:, ::2, ::2].max((4, 5)),
  'mean': lambda x: x.mean((1, 2)),
  'dense': lambda x, w, b: x.reshape(len(x), -1) @ w + b,
}
folder = pathlib.Path(__file__).parent
about = json.loads((folder / 'config.json').read_text())
x, arrays = np.load(sys.argv[1]), load_file(folder / 'model.safetensors')
for name, *arguments in about['operations']:
  x = STEPS[name](x, *(arrays.get(a, a) for a in arguments))
p = np.exp((x - x.max(axis=1, keepdims=True)) / about['temperature'])
for row in p / p.sum(axis=1, keepdims=True):
  print(row.argmax(), f'{row.max():.4f}')
