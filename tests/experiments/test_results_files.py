"""What the README says is what the results say."""

import json

import pytest

import experiments
from experiments import readme
from experiments.publish import model_card, pretrained
from mnist_jax.predict import weights

TEXT = readme.README.read_text()
RESULTS = sorted(experiments.RESULTS.glob('*.json'))
RECIPES = [path for path in RESULTS if path.stem in readme.ORIGINAL_RESULTS]


@pytest.mark.parametrize('name', readme.PARTS)
def test_a_table_in_the_readme_is_made_from_the_results(name):
  _, between, _ = readme.split(TEXT, name)
  assert between.strip() == readme.PARTS[name]()


@pytest.mark.parametrize('name', weights.pretrained_names())
def test_a_model_card_is_made_from_the_weights_facts_and_the_results(name):
  about = json.loads((weights.PRETRAINED / f'{name}.json').read_text())
  card = (weights.PRETRAINED / f'{name}.md').read_text()
  assert card == model_card.render(about, pretrained.read_photos(name))


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.stem)
def test_a_result_is_of_a_whole_run_on_all_of_mnists_test_images(path):
  result = json.loads(path.read_text())
  assert result['dataset'] == 'mnist'
  assert result['config_name'] == path.stem
  assert result['test']['count'] == 10_000
  assert f'configs/{path.stem}.py' in result['command']
  assert result['git_commit']


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.stem)
def test_a_recipes_header_says_what_its_result_says(path):
  test = json.loads(path.read_text())['test']
  header = (experiments.ROOT / f'configs/{path.stem}.py').read_text()
  assert f'{test["accuracy"]:.2%}'.replace('%', ' %') in header
  assert f'{test["num_errors"]} errors' in header
  assert f'experiments/results/{path.stem}.json' in header


def test_every_recipe_the_table_knows_has_a_result():
  assert {path.stem for path in RECIPES} == readme.ORIGINAL_RESULTS.keys()
