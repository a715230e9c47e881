"""The console scripts: `mnist-jax` is `python -m mnist_jax.main`, and so on."""

import runpy


def train() -> None:
  """Runs `mnist_jax.main`."""
  _run('mnist_jax.main')


def predict() -> None:
  """Runs `mnist_jax.predict`."""
  _run('mnist_jax.predict')


def analyse() -> None:
  """Runs `mnist_jax.analysis`."""
  _run('mnist_jax.analysis')


def demo() -> None:
  """Runs `mnist_jax.demo`."""
  _run('mnist_jax.demo')


def export() -> None:
  """Runs `mnist_jax.export`."""
  _run('mnist_jax.export')


def _run(module: str) -> None:
  runpy.run_module(module, run_name='__main__', alter_sys=True)
