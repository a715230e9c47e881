"""Which contenders can run on this machine, and in which interpreter."""

import dataclasses
import json
import subprocess
import sys

from experiments.benchmark.peers import worker
from mnist_jax import errors
from mnist_jax.models import onednn

INSTALL_TENSORFLOW = (
  'python -m venv FOLDER && FOLDER/bin/pip install -r '
  'requirements-bench-tensorflow.txt, then --tensorflow_python='
  'FOLDER/bin/python'
)
BUILD_ONEDNN = (
  'pip install -r requirements-onednn.txt && python -m mnist_jax.models.onednn'
)
# Fails where no C++ compiler is, and for a Python that it does not know yet.
TRY_TORCH_COMPILE = """
import torch
x = torch.ones(8, requires_grad=True)
torch.compile(lambda x: (x.sin() + 1).sum())(x).backward()
"""
TRY_TENSORFLOW = """
import json, keras, ml_collections, tensorflow
found = {'tensorflow': tensorflow.__version__, 'keras': keras.__version__}
print(json.dumps(found))
"""
LIMIT = 300  # Seconds for trying one of them.


@dataclasses.dataclass(frozen=True)
class Available:
  """What can run here.

  Attributes:
    interpreters: the Python of each contender, by its name in `worker.NAMES`.
    versions: of the libraries that only another interpreter has.
    left_out: a line for each peer that cannot run, which says why.
  """

  interpreters: dict[str, str]
  versions: dict[str, str]
  left_out: list[str]


def find(tensorflow_python: str) -> Available:
  """Tries out what not every machine has.

  Args:
    tensorflow_python: the interpreter that has TensorFlow; '' for none.

  Raises:
    errors.UserError: that interpreter cannot import TensorFlow.
  """
  interpreters = dict.fromkeys(worker.NAMES, sys.executable)
  versions: dict[str, str] = {}
  left_out = []
  if tensorflow_python:
    versions = tensorflow_versions(tensorflow_python)
    interpreters |= dict.fromkeys(worker.TENSORFLOW, tensorflow_python)
  else:
    for name in worker.TENSORFLOW:
      del interpreters[name]
    left_out.append(
      f'TensorFlow and Keras are left out; to have them: {INSTALL_TENSORFLOW}'
    )
  if not onednn.is_built():
    del interpreters['ours_onednn']
    left_out.append(f'Ours with oneDNN is left out; to have it: {BUILD_ONEDNN}')
  if why := why_not_compiled():
    del interpreters['torch_compile']
    left_out.append(f'torch.compile is left out, as it fails here: {why}')
  return Available(interpreters, versions, left_out)


def why_not_compiled() -> str:
  """Returns why `torch.compile` does not work here; '' where it does."""
  done = _try(sys.executable, TRY_TORCH_COMPILE)
  return _reason(done) if done.returncode else ''


def tensorflow_versions(python: str) -> dict[str, str]:
  """Returns the versions of TensorFlow and Keras of an interpreter.

  Raises:
    errors.UserError: it has none, or is no interpreter.
  """
  try:
    done = _try(python, TRY_TENSORFLOW)
  except OSError as error:
    raise errors.UserError(
      f'--tensorflow_python {python} does not run ({error.strerror}); '
      f'{INSTALL_TENSORFLOW}'
    ) from error
  if done.returncode:
    raise errors.UserError(
      f'--tensorflow_python {python} cannot import TensorFlow '
      f'({_reason(done)}); {INSTALL_TENSORFLOW}'
    )
  return json.loads(done.stdout.splitlines()[-1])


def _try(python: str, code: str) -> subprocess.CompletedProcess:
  try:
    return subprocess.run(
      [python, '-c', code],
      capture_output=True,
      text=True,
      timeout=LIMIT,
      check=False,
    )
  except subprocess.TimeoutExpired as error:
    why = f'no answer in {LIMIT} seconds'
    return subprocess.CompletedProcess(error.cmd, 1, '', why)


def _reason(done: subprocess.CompletedProcess) -> str:
  """Returns the line of a traceback that names the exception."""
  lines = [line for line in done.stderr.splitlines() if line[:1].strip()]
  named = [line for line in lines if 'Error' in line.split(':')[0]]
  return (named or lines or [f'exit code {done.returncode}'])[-1]
