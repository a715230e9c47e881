"""This project and its peers at the same work, in one run.

  pip install -r requirements-bench.txt
  python -m venv tf && tf/bin/pip install -r requirements-bench-tensorflow.txt
  python -m experiments.benchmark --tensorflow_python=tf/bin/python
  python -m experiments.benchmark --quick  # Only shows that all of it runs.

The peers are stock Flax, PyTorch, torch.compile, TensorFlow's graph and Keras.
TensorFlow and Keras are left out without --tensorflow_python, and torch.compile
where it does not work, as without a C++ compiler. Needs a quiet machine.

Measures three things: images per second of four models, with the same layers,
batch size, optimizer and images and without augmentation; the cost of our
augmentation and of our epoch loop; and the time to 99 %, `fast` against a known
PyTorch recipe, as whole processes. While the last rounds still move a median of
a model by more than 5 %, more rounds follow, up to three times as many. A
complete run on MNIST with all peers becomes experiments/results/benchmark.json;
any other is kept only with --out. Without a network, the environment variable
MNIST_JAX_MANUAL_DIR names the folder of MNIST's four .gz files.
"""

import pathlib

from absl import flags

import experiments
from experiments.benchmark.peers import work
from mnist_jax import errors
from mnist_jax.cli import absl_flags

_ROUNDS = flags.DEFINE_integer(
  'rounds', 5, 'Timed blocks of each contender; more until they are stable.'
)
_SECONDS = flags.DEFINE_float('seconds', 1.5, 'Approximate length of a block.')
_SEEDS = flags.DEFINE_integer('seeds', 5, 'Runs to 99 %; 0 leaves them out.')
_CONFIGS = flags.DEFINE_list('configs', list(work.WORKS), 'Which models.')
_QUICK = flags.DEFINE_bool('quick', False, 'A smoke test: times nothing well.')
_TENSORFLOW = flags.DEFINE_string(
  'tensorflow_python',
  '',
  'The Python of an environment with requirements-bench-tensorflow.txt.',
)
_OUT = flags.DEFINE_string('out', '', 'Folder for benchmark.json and .png.')


def main() -> None:
  """Measures what the flags say, prints it, and keeps a complete run."""
  # Imported here, so that --help answers at once.
  from experiments.benchmark import available, measure, report

  out = pathlib.Path(_OUT.value or experiments.RESULTS)
  if out.is_file():
    raise errors.UserError(f'--out {out} is a file; name a folder')
  plan = measure.Plan(
    models=_CONFIGS.value,
    data='mnist',
    rounds=_ROUNDS.value,
    seconds=_SECONDS.value,
    seeds=_SEEDS.value,
    mode='full',
  )
  measure.check(plan)
  found = available.find(_TENSORFLOW.value)
  results = measure.measure(measure.QUICK if _QUICK.value else plan, found)
  print(f'\n{report.table(results)}')
  if _OUT.value or measure.is_complete(results):
    measure.keep(results, out)


if __name__ == '__main__':
  absl_flags.run(main)
