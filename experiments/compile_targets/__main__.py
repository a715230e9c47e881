"""Compiles the training loop for chips that are not here.

  pip install -r requirements-tpu.txt
  python -m experiments.compile_targets

The real program, by the real compiler, for the real chip; it is not run. Each
recipe has three programs: the training loop, the evaluation of a batch, and a
sweep of some seeds a chip. Their memory, FLOP, bytes and what the chips say to
each other become experiments/results/compile_targets.json, or the file --out.
Targets whose compiler is not installed are left out with a line. Each program
is written when it is done, beside what the file holds of others.
"""

import importlib.util
import os
import pathlib

from absl import flags

import experiments
from mnist_jax import config as config_lib
from mnist_jax.cli import absl_flags
from mnist_jax.workdir import atomic_files, json_files

_TARGETS = flags.DEFINE_list(
  'targets',
  ['v5e:1x1', 'v5e:2x2', 'v5e:16x16', 'v6e:2x2', 'h100'],
  'h100, or TPUs with their topology.',
)
_CONFIGS = flags.DEFINE_list('configs', ['improved', 'fast'], 'Which recipes.')
_OUT = flags.DEFINE_string('out', '', 'File for the numbers.')


def main() -> None:
  """Compiles what the flags say, prints a table, and keeps the numbers.

  Raises:
    errors.UserError: for a wrong flag, or when no target is left.
  """
  # Before JAX is imported: it must not look for a chip, nor libtpu for a cloud.
  os.environ |= {
    'JAX_PLATFORMS': 'cpu',
    'TPU_SKIP_MDS_QUERY': '1',
    'TPU_ACCELERATOR_TYPE': 'v5litepod-1',
    'TPU_WORKER_HOSTNAMES': 'localhost',
    'ALLOW_MULTIPLE_LIBTPU_LOAD': '1',  # Nothing here uses a chip.
    'TF_CPP_MIN_LOG_LEVEL': '3',
  }
  if 'h100' in _TARGETS.value:
    os.environ['XLA_FLAGS'] = ' '.join(cuda_flags())
  from experiments.compile_targets import scaling, study, table

  configs = {name: config_lib.load(name) for name in _CONFIGS.value or ['']}
  names = study.available(_TARGETS.value)
  out = pathlib.Path(_OUT.value or experiments.RESULTS / 'compile_targets.json')
  found = json_files.read_object(
    out, dict[str, dict], way_out='choose another --out'
  )
  found = found or {'targets': {}}

  def keep(target: str, program: str, numbers: dict) -> None:
    found['targets'].setdefault(target, {})[program] = numbers
    atomic_files.write_json(out, found)

  study.measure_all(names, configs, keep)
  print(f'\n{table.as_markdown(found)}')
  if model := scaling.fit(found['targets'], 'improved', 64):
    print(f'\n{scaling.as_markdown(model, 64)}')
  print(f'\nwrote {out}')


def cuda_flags() -> list[str]:
  """Returns XLA's flags for compiling for NVIDIA's chips without one.

  There is nothing to try kernels on, and the assembler is a Python package.
  """
  flags = ['--xla_gpu_autotune_level=0', '--xla_gpu_enable_triton_gemm=false']
  spec = importlib.util.find_spec('nvidia')
  for folder in (spec and spec.submodule_search_locations) or []:
    if (pathlib.Path(folder) / 'cuda_nvcc').exists():
      flags.append(f'--xla_gpu_cuda_data_dir={folder}/cuda_nvcc')
  return flags


if __name__ == '__main__':
  absl_flags.run(main)
