"""Runs the examples of serving where some packages cannot be imported."""

import os
import subprocess
import sys

import numpy as np

NOT_THERE = ['flax', 'mnist_jax', 'optax', 'orbax', 'ml_collections']
WITHOUT_JAX = [*NOT_THERE, 'jax', 'onnx']
RUN = (
  'import runpy, sys; sys.argv.pop(0); '
  'sys.modules.update(dict.fromkeys({missing})); '
  "runpy.run_path(sys.argv[0], run_name='__main__')"
)


def run(script, images, missing):
  """Runs an example in a process of its own, in another folder.

  Returns:
    The digits and the confidences that it printed.
  """
  elsewhere = script.parent.parent
  np.save(elsewhere / 'images.npy', images)
  kept = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
  done = subprocess.run(
    [sys.executable, '-P', '-c', RUN.format(missing=missing)]
    + [str(script), 'images.npy'],
    cwd=elsewhere,
    env=kept | {'JAX_PLATFORMS': 'cpu'},
    capture_output=True,
    text=True,
    timeout=120,
  )
  assert done.returncode == 0, done.stderr
  rows = np.array([line.split() for line in done.stdout.splitlines()], float)
  return rows[:, 0], rows[:, 1]
