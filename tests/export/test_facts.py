"""What is known about weights: from a run, or from who published them."""

import dataclasses
import functools
import json
import shlex

import numpy as np
import pytest
import weight_samples

from mnist_jax import errors
from mnist_jax.export import facts, model_card, operations
from mnist_jax.predict import weights
from mnist_jax.workdir import weights_file


def test_a_card_lists_only_distortions_that_are_on():
  fields = {'enabled': True, 'rotate': 12.0, 'elastic': 0.0}
  off = {'erase_probability': 0.0, 'erase_area': 0.2, 'final_strength': 1.0}
  assert model_card.list_distortions(fields | off) == 'rotate 12'
  on = {'erase_probability': 0.1, 'erase_area': 0.2, 'final_strength': 0.3}
  shown = 'rotate 12, erase_probability 0.1, erase_area 0.2, final_strength 0.3'
  assert model_card.list_distortions(fields | on) == shown
  assert model_card.list_distortions({'enabled': False} | on) == 'none'
  to_0 = fields | off | {'final_strength': 0.0}
  assert model_card.list_distortions(to_0) == 'rotate 12, final_strength 0'


@pytest.mark.parametrize(
  ('command', 'shown'),
  [
    ('python -m x --config=a --workdir=/secret', 'python -m x --config=a'),
    ("python -m x '--workdir=/secret b' --c=1", 'python -m x --c=1'),
    ('python -m x --config.data.manual_dir=/secret', 'python -m x'),
    ('python -m x -workdir=/secret --log_dir=/secret', 'python -m x'),
    (shlex.join(['x', "--workdir=/it's secret", '--c=1']), 'x --c=1'),
    ('python -m x --config=/a/secret/b.py:c', 'python -m x --config=b:c'),
    ("python -m x '-config=/my secret/b.py'", 'python -m x -config=b'),
    ('python -m x --config=b.py:c', 'python -m x --config=b.py:c'),
    ("python -m x --workdir=it's", ''),
    ("mnist_jax.train(..., workdir='/secret)')", 'mnist_jax.train(...)'),
  ],
)
def test_a_command_is_shown_without_private_folders(command, shown):
  assert facts._without_folders(command) == shown


def describe(drawn):
  content = weights_file.to_bytes(drawn.variables, drawn.temperature)
  return facts.describe(drawn, content)


@pytest.mark.parametrize('change', [{}, {'train': 5}, {'versions': [1]}])
@pytest.mark.parametrize('name', ['mine', 'weights'])  # A run has the second.
def test_facts_of_others_count_only_when_they_are_complete(
  tmp_path, change, name
):
  known = json.loads((weights.PRETRAINED / 'robust.json').read_text())
  (tmp_path / f'{name}.json').write_text(json.dumps(known | change))
  drawn = dataclasses.replace(
    weight_samples.draw_weights('robust'),
    path=tmp_path / f'{name}.safetensors',
  )
  about = describe(drawn)
  assert ('train' in about) == (not change)
  assert about['temperature'] == drawn.temperature  # Not that of the file.
  card = model_card.render(
    about, {'a': 'b'}, operations.list_operations(drawn.model), ours=False
  )
  assert ('## Numbers' in card) == (not change)
  assert 'MIT licence' not in card


def test_a_card_says_what_its_seconds_and_its_temperature_are():
  about = describe(weights.load_weights('robust'))
  card = functools.partial(model_card.render, files={'a': 'b'}, operations=[])
  assert ' steps, 776 s on ' in card(about)
  assert 'fits the validation split best' in card(about)
  best = card(about | {'selected': 'best_valid', 'temperature': 1.0})
  assert ' steps, of a run that trained for 776 s on ' in best
  assert 'too little\nto fit a temperature' in best


def test_a_damaged_file_of_facts_is_one_line(tmp_path):
  (tmp_path / 'mine.json').write_text('{')
  drawn = dataclasses.replace(
    weight_samples.draw_weights('robust'), path=tmp_path / 'mine.safetensors'
  )
  with pytest.raises(errors.UserError, match=r'mine\.json is damaged'):
    describe(drawn)


def test_weights_are_counted_and_their_moments_are_not():
  drawn = weight_samples.draw_weights('basic')
  assert describe(drawn)['num_params'] == 122_570
  moments = sum(
    np.size(x['norm']['mean']) for x in drawn.variables['batch_stats'].values()
  )
  assert moments == 64
