"""Reads digits with ONNX Runtime: python serve_onnx.py IMAGES.npy

IMAGES.npy holds [N, 28, 28] uint8, from 0 (background) to 255 (ink).
"""

import pathlib
import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(
  pathlib.Path(__file__).with_name('model.onnx'),
  providers=['CPUExecutionProvider'],
)
about = session.get_modelmeta().custom_metadata_map
(logits,) = session.run(['logits'], {'images': np.load(sys.argv[1])})
x = logits / np.float32(about['temperature'])
p = np.exp(x - x.max(axis=1, keepdims=True))
for row in p / p.sum(axis=1, keepdims=True):
  print(row.argmax(), f'{row.max():.4f}')
