"""Convolution by Intel's oneDNN, which makes training on a CPU faster.

pip install -r requirements-onednn.txt && python -m mnist_jax.models.onednn

builds onednn.cc with g++. From then on every run trains with it; results are
the same within float32 rounding.
"""

import ctypes
import functools
import hashlib
import importlib.metadata
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

import jax
import jaxlib
import numpy as np

from mnist_jax import errors
from mnist_jax.distributed import devices

SOURCE = pathlib.Path(__file__).with_name('onednn.cc')
HEADERS, BINARIES = 'onednn-devel-cpu-gomp', 'onednn-cpu-gomp'  # On PyPI.


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def convolve(x: jax.Array, kernel: jax.Array, pad: int) -> jax.Array:
  """Convolves x [B, H, W, C], padded by `pad`, with kernel [k, k, C, F], odd k.

  The kernel must vary over the mapped axes that x does (`conv_lax.like`).
  """
  height, width = (n + 2 * pad - len(kernel) + 1 for n in x.shape[1:3])
  shape = len(x), height, width, kernel.shape[3]
  return _call('mnist_jax_forward', shape, x, kernel, pad)


def _convolve_fwd(x, kernel, pad):
  return convolve(x, kernel, pad), (x, kernel)


def _convolve_bwd(pad, residuals, g):
  x, kernel = residuals
  dx = _call('mnist_jax_input_grad', x.shape, g, kernel, pad)
  return dx, _call('mnist_jax_kernel_grad', kernel.shape, x, g, pad)


convolve.defvjp(_convolve_fwd, _convolve_bwd)


def _call(name, shape, a, b, pad):
  """Calls a function of onednn.cc; all its arrays have four axes."""
  out = jax.typeof(a).update(shape=shape)  # Varies over a's mapped axes, too.
  function = jax.ffi.ffi_call(name, out, vmap_method='sequential')
  return function(a, b, pad=np.int64(pad))


@functools.cache
def is_built() -> bool:
  """Returns whether `convolve` works on CPU, as found at the first call.

  The environment variable MNIST_JAX_ONEDNN=0 says no.
  """
  if os.environ.get('MNIST_JAX_ONEDNN') == '0':
    return False
  try:
    library = ctypes.CDLL(str(_library()))
  except OSError:  # Not built, or oneDNN was removed since.
    return False
  for name in ('forward', 'input_grad', 'kernel_grad'):
    name = f'mnist_jax_{name}'
    function = jax.ffi.pycapsule(getattr(library, name))
    jax.ffi.register_ffi_target(name, function, platform='cpu')
  return True


def versions(platform: str) -> dict[str, str]:
  """Returns {'onednn': version} if training on `platform` uses it, else {}."""
  if platform != 'cpu' or not is_built():
    return {}
  return {'onednn': importlib.metadata.version(BINARIES)}


def build() -> pathlib.Path:
  """Compiles onednn.cc, and returns the library's path.

  Raises:
    errors.UserError: on other machines than Linux on x86-64, when oneDNN or
      g++ is missing, or g++ fails.
  """
  if (sys.platform, platform.machine()) != ('linux', 'x86_64'):
    raise errors.UserError(
      f'oneDNN is for Linux on x86_64, not for {sys.platform} on '
      f'{platform.machine()}; training works without it'
    )
  prefix, path = _find_onednn(), _library()
  if not shutil.which('g++'):
    raise errors.UserError(
      'g++ is not installed; install it, as with apt-get install g++'
    )
  path.parent.mkdir(parents=True, exist_ok=True)
  with tempfile.TemporaryDirectory(dir=path.parent) as folder:
    new = pathlib.Path(folder) / path.name
    _compile(prefix, new)
    os.replace(new, path)
  return path


def _find_onednn() -> pathlib.Path:
  """Returns the folder that holds oneDNN's include/ and lib/."""
  try:
    files = importlib.metadata.files(HEADERS) or []
  except importlib.metadata.PackageNotFoundError:
    files = []
  for file in files:
    if file.match('include/oneapi/dnnl/dnnl.hpp'):
      return pathlib.Path(str(file.locate())).resolve().parents[3]
  raise errors.UserError(
    'oneDNN is not installed; pip install -r requirements-onednn.txt'
  )


def _compile(prefix: pathlib.Path, path: pathlib.Path) -> None:
  lib = prefix / 'lib'
  command = [
    *('g++', '-std=c++17', '-O2', '-fopenmp', '-shared', '-fPIC', '-w'),
    *(f'-I{prefix / "include"}', f'-I{jax.ffi.include_dir()}'),
    *(str(SOURCE), '-o', str(path)),
    *(f'-L{lib}', '-ldnnl', f'-Wl,-rpath,{lib}'),
  ]
  done = subprocess.run(command, capture_output=True, text=True)
  if done.returncode:
    lines = [line for line in done.stderr.splitlines() if 'error' in line]
    raise errors.UserError(
      f'g++ cannot build {SOURCE}: {lines[0] if lines else done.stderr}'
    )


def _library() -> pathlib.Path:
  """Returns the path for this source, this JAX and this environment."""
  key = SOURCE.read_bytes() + f'{jaxlib.__version__} {sys.prefix}'.encode()
  name = f'{hashlib.sha256(key).hexdigest()[:16]}.so'
  return devices.cache_folder() / 'onednn' / name


def main(argv: list[str]) -> int:
  """Builds the library, and returns the exit code."""
  try:
    if argv:
      raise errors.UserError('this command takes no arguments')
    print(f'built {build()}')
  except (errors.UserError, OSError) as error:
    print(f'mnist_jax: {error}', file=sys.stderr)
    return 2
  return 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
