"""What the README and the documentation say is what the results say."""

import json
import statistics
import textwrap

import pytest

import experiments
from experiments import originals, recipe_table, tables
from experiments.ablations import variants
from experiments.publish import pretrained
from mnist_jax.predict import weights

TEXTS = {path.name: path.read_text() for path in tables.DOCUMENTS}
PLACES = [
  (place, name)
  for place, text in TEXTS.items()
  for name in tables.parts_of(text)
]
TRAINED = [name for name in recipe_table.RECIPES if recipe_table.read(name)]


@pytest.mark.parametrize(('place', 'name'), PLACES)
def test_a_table_in_a_document_is_made_from_the_results(place, name):
  _, between, _ = tables.split(TEXTS[place], name)
  assert between.strip() == tables.PARTS[name]()


def test_every_table_is_in_a_document():
  assert {name for _, name in PLACES} == tables.PARTS.keys()


@pytest.mark.parametrize('name', weights.pretrained_names())
def test_a_model_card_is_made_from_the_weights_facts_and_the_results(name):
  path = weights.PRETRAINED / f'{name}.safetensors'
  card = pretrained.make_card(path, photos=pretrained.read_photos(name))
  assert path.with_suffix('.md').read_text() == card


@pytest.mark.parametrize('recipe', TRAINED)
def test_a_row_is_of_whole_runs_on_all_of_mnists_test_images(recipe):
  sweep = recipe_table.read(recipe)
  assert sweep['git_commit'] and not sweep.get('failed')
  for trial in sweep['seeds']:
    assert trial['dataset'] == 'mnist'
    assert trial['config_name'] == recipe.replace(':', '-')
    assert trial['test']['count'] == 10_000
    assert trial['git_commit'] == sweep['git_commit']


@pytest.mark.parametrize('recipe', TRAINED)
def test_a_recipes_header_says_what_its_results_say(recipe):
  trials = recipe_table.read(recipe)['seeds']
  accuracy = statistics.fmean(trial['test']['accuracy'] for trial in trials)
  name, _, _ = recipe.partition(':')
  header = (experiments.ROOT / f'configs/{name}.py').read_text()
  assert f'{100 * accuracy:.2f} %' in header
  assert f'experiments/results/{name}' in header


def test_the_header_of_improved_says_what_its_ingredients_are_worth():
  found = tables.read(tables.ABLATIONS)
  header = (experiments.ROOT / 'configs/improved.py').read_text()
  assert textwrap.indent(variants.as_text(found), '  ') in header


def test_the_epochs_beside_a_projects_are_means_over_the_seeds(
  tmp_path, monkeypatch
):
  monkeypatch.setattr(experiments, 'RESULTS', tmp_path)
  epochs = originals.EPOCHS['simple']
  rows = [
    {'seed': seed, 'step': epoch, 'epoch': float(epoch)}
    | {name: (10 * seed + epoch) / 100 for name in epochs[epoch]}
    for seed in (0, 1, 4)
    for epoch in epochs
  ]
  lines = ''.join(json.dumps(row) + '\n' for row in rows)
  (tmp_path / 'simple-seeds.jsonl').write_text(lines)
  # At epoch 2 the seeds have 0.02, 0.12 and 0.42.
  second = recipe_table.epochs().splitlines()[3]
  assert '| 0.1867 |' in second and '| 18.67 % |' in second


def test_every_recipe_of_a_project_has_a_row_in_the_table():
  assert originals.RESULTS.keys() <= set(TRAINED)
