"""A run is as accurate as runs were when experiments/results/ was measured.

`python -m experiments.seed_sweep --config=improved:smoke --num_seeds=10
--config.seed=100 --config.data.name=uci_digits --publish_as=smoke-seeds`
measured them, in --mode=loop.
"""

import json

import experiments
import mnist_jax
from mnist_jax.analysis import statistics

MEASURED = json.loads((experiments.RESULTS / 'smoke-seeds.json').read_text())


def test_a_fresh_seed_errs_no_more_than_the_measured_seeds_allow(tmp_path):
  errors = [trial['test']['num_errors'] for trial in MEASURED['seeds']]
  described = statistics.describe(errors)
  run = mnist_jax.train(
    'improved:smoke',
    workdir=tmp_path / 'run',
    seed=1,  # None of the measured ones.
    overrides={'data.name': 'uci_digits'},
  )
  # Other CPUs round differently, which is like another seed; not 6 deviations.
  limit = described['mean'] + 6 * described['sd']
  assert run.result['test']['num_errors'] <= limit
