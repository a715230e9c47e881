"""Several runs are compared on the same images; others are refused."""

import dataclasses
import itertools

import numpy as np
import pytest

from mnist_jax import errors
from mnist_jax.analysis import figure_style
from mnist_jax.analysis.compare import comparison, figures, report
from mnist_jax.analysis.run import label_review, load


def make_run(logits, labels, dataset='uci_digits'):
  about = {'config_name': 'basic', 'seed': 3, 'num_params': 122_570}
  about |= {'dataset': dataset, 'train_seconds': 95.0, 'command': 'python -m x'}
  about |= {'device': 'cpu', 'num_devices': 1, 'git_commit': 'c0ffee'}
  logits, labels = np.asarray(logits, np.float32), np.asarray(labels)
  test = load.Predictions(logits, labels)
  return load.Run({}, [], about, test, None, None)


def make_reader(read, labels, **kwargs):
  """Make a run that reads these digits."""
  return make_run(9 * np.eye(10)[read], labels, **kwargs)


def make_readers(num_runs, count=500, error_rate=0.2):
  """Make runs that err independently, and their names."""
  rng = np.random.default_rng(0)
  labels = np.arange(count) % 10
  finished = [
    make_reader((labels + (rng.random(count) < error_rate)) % 10, labels)
    for _ in range(num_runs)
  ]
  return finished, [f'a-recipe-of-some-length-seed{i}' for i in range(num_runs)]


def test_every_image_of_a_pair_is_counted_once_and_in_its_place():
  labels = [0, 0, 0, 0, 0, 0]
  a = make_reader([0, 0, 0, 1, 1, 1], labels)
  b = make_reader([0, 2, 2, 0, 1, 2], labels)
  (pair,) = comparison.compare([a, b], ['a', 'b'])['pairs']
  counts = ('both_right', 'only_a', 'only_b', 'both_wrong')
  assert [pair[key] for key in counts] == [1, 2, 1, 2]
  assert pair['agreement'] == 2 / 6


def test_pairs_come_in_the_order_of_combinations():
  finished, names = make_readers(4)
  pairs = comparison.compare(finished, names)['pairs']
  assert [(pair['a'], pair['b']) for pair in pairs] == list(
    itertools.combinations(names, 2)
  )


def test_swapped_runs_swap_their_counts_and_nothing_else():
  labels = np.zeros(100, int)
  a = make_reader((np.arange(100) < 5).astype(int), labels)
  b = make_reader((np.arange(100) >= 61).astype(int), labels)
  there = comparison.compare([a, b], ['a', 'b'])
  back = comparison.compare([b, a], ['b', 'a'])
  (pair,), (swapped,) = there['pairs'], back['pairs']
  assert (pair['only_a'], pair['only_b']) == (39, 5)
  turned = {'a': 'b', 'b': 'a', 'only_a': 5, 'only_b': 39}
  assert swapped == pair | turned
  assert pair['verdict'] == 'a is better, shown at 5%'
  assert there['ensemble'] == back['ensemble']


def test_equal_runs_show_no_difference_however_many_images():
  finished, names = make_readers(1)
  (pair,) = comparison.compare(finished * 2, names + ['b'])['pairs']
  assert pair['p_value'] == pair['p_adjusted'] == pair['agreement'] == 1
  assert pair['verdict'] == 'no difference shown at 5%'


def test_an_ensemble_averages_outputs_and_not_accuracies():
  labels = [0, 0, 0]
  finished = [make_reader(np.eye(3, dtype=int)[i], labels) for i in range(3)]
  ensemble = comparison.compare(finished, 'abc')['ensemble']
  assert (ensemble['accuracy'], ensemble['num_errors']) == (1, 0)
  assert ensemble['mean_accuracy'] == pytest.approx(2 / 3)


def test_an_ensemble_averages_probabilities_and_not_logits():
  loud = 100 * np.eye(10)[[1]]
  modest = 3 * np.eye(10)[[0]]
  finished = [make_run(logits, [0]) for logits in (loud, modest, modest)]
  assert np.mean([run.test.logits for run in finished], axis=0).argmax() == 1
  assert comparison.compare(finished, 'abc')['ensemble']['num_errors'] == 0


def test_only_images_that_every_run_misreads_are_listed():
  finished = [
    make_reader(read, [0, 0, 0, 5]) for read in ([1, 1, 0, 2], [1, 0, 1, 3])
  ]
  listed = comparison.compare(finished, 'ab')['everyone_wrong']
  assert listed == [
    {'index': 0, 'true': 0, 'predicted': [1, 1], 'disputed': False},
    {'index': 3, 'true': 5, 'predicted': [2, 3], 'disputed': False},
  ]


@pytest.mark.parametrize('dataset, marked', [('mnist', True), ('uci', False)])
def test_disputed_labels_are_marked_on_mnist_alone(dataset, marked):
  labels = np.zeros(10_000, int)
  run = make_reader(labels + 1, labels, dataset=dataset)
  listed = comparison.compare([run, run], 'ab')['everyone_wrong']
  found = {image['index'] for image in listed if image['disputed']}
  reviews = label_review.load().items()
  assert found == {i for i, r in reviews if r.disputed and marked}


OTHERS = {
  'data set': (([0, 1], [0, 1], 'mnist'), 'one is of uci_digits and the other'),
  'count': (([0], [0]), 'one read 2 test images and the other 1'),
  'labels': (([0, 1], [0, 2]), 'differ at 1 test images, first at #1'),
}


@pytest.mark.parametrize('case', OTHERS)
def test_runs_on_other_images_are_refused_by_name(case):
  other, words = OTHERS[case]
  finished = [make_reader([0, 1], [0, 1])] * 2 + [make_reader(*other[:2])]
  finished[-1].result['dataset'] = (*other, 'uci_digits')[2]
  with pytest.raises(errors.UserError) as caught:
    comparison.compare(finished, ['one', 'two', 'three'])
  message = str(caught.value)
  assert words in message and 'one and three' in message


def test_workdirs_are_named_by_as_few_folders_as_tell_them_apart(tmp_path):
  assert comparison.name_workdirs(['runs/a', 'b']) == ['a', 'b']
  workdirs = [tmp_path / place for place in ('x/a', 'y/a', 'y/b')]
  assert comparison.name_workdirs(workdirs) == ['x/a', 'y/a', 'y/b']


def test_a_workdir_given_twice_is_refused_however_it_is_written():
  with pytest.raises(errors.UserError, match='given 2 times'):
    comparison.name_workdirs(['runs/a', 'b', 'runs/../runs/a'])


def test_more_than_fifty_runs_are_refused():
  assert len(comparison.name_workdirs(map_numbers(50))) == 50
  with pytest.raises(errors.UserError, match='at most 50'):
    comparison.name_workdirs(map_numbers(51))


def map_numbers(count):
  return [str(i) for i in range(count)]


def draw(name, compared):
  images = [np.zeros((compared['count'], 28, 28), np.uint8)]
  shown = images if name == 'everyone_wrong' else []
  return getattr(figures, name)(*shown, compared, 'MNIST · runs')


@pytest.mark.parametrize('num_runs', [2, 3, 12, 50])
@pytest.mark.parametrize(
  'name, error_rate',
  [
    *itertools.product(('accuracies', 'agreement'), (0, 0.7, 1)),
    ('everyone_wrong', 0.999),
    ('everyone_wrong', 1),
  ],
)
def test_no_word_overlaps_another(name, error_rate, num_runs, drawn):
  compared = comparison.compare(*make_readers(num_runs, error_rate=error_rate))
  fig = draw(name, compared)
  figure_style.to_png(fig)
  boxes = [word.get_window_extent() for word in drawn]
  assert len(boxes) >= 3
  for box in boxes:
    assert fig.bbox.containsx(box.x0) and fig.bbox.containsx(box.x1)
    assert fig.bbox.containsy(box.y0) and fig.bbox.containsy(box.y1)
  for a, b in itertools.combinations(boxes, 2):
    assert not a.overlaps(b)


def test_many_different_readings_of_a_digit_are_shortened(drawn):
  finished = [make_reader([digit], [0]) for digit in (4, 5, 6, 7, 7)]
  figure_style.to_png(
    draw('everyone_wrong', comparison.compare(finished, 'abcde'))
  )
  assert '0 → 7 4 5…' in [word.get_text() for word in drawn]


def test_the_best_run_stands_at_the_top_and_the_ensemble_beneath():
  labels = [0, 0]
  finished = [make_reader(read, labels) for read in ([1, 1], [0, 0], [0, 1])]
  compared = comparison.compare(finished, ['none', 'both', 'half'])
  (ax,) = figures.accuracies(compared, 'c').axes
  height = {t.get_text(): -t.get_position()[1] for t in ax.texts}
  assert height['both'] > height['half'] > height['none'] > height['ensemble']


def test_the_printed_tables_are_aligned_and_name_what_is_left_out():
  said = report.to_text(comparison.compare(*make_readers(8)))
  lines = said.splitlines()
  assert '8 more pairs: comparison.json' in said
  start = lines.index('') + 1
  ends = {line.rindex('%') for line in lines[start + 1 : start + 10]}
  assert len(ends) == 1 and max(map(len, lines)) < 160


def test_runs_on_other_images_of_ones_own_are_refused():
  a, b = (make_reader([0, 1], [0, 1], dataset='folders') for _ in range(2))
  a = dataclasses.replace(a, images={'test': 'x'})
  assert comparison.compare([a, a], ['a', 'a again'])['count'] == 2
  b = dataclasses.replace(b, images={'test': 'y'})
  with pytest.raises(errors.UserError, match='of other files'):
    comparison.compare([a, b], ['a', 'b'])
