"""What to try next, by fixed rules on a run's numbers; each says which it read.

No rule reads the test split except to say what its errors are; what to train
next is judged by training and validation.
"""

from mnist_jax.analysis.run import load
from mnist_jax.data import registry
from mnist_jax.workdir import best_epoch


def advise(run: load.Run, described: dict) -> list[str]:
  """List what a run and its tables, from `report.describe`, suggest.

  Returns:
    One sentence or more, the most important first.
  """
  said = (
    _judge_fit(run.result['train'], run.result['valid'], run.result['dataset']),
    _judge_length(run.rows),
    _judge_temperature(**described['calibration']),
    _judge_labels(described),
  )
  return [text for text in said if text] or [
    'None of these rules has a suggestion. Train with other seeds, to learn '
    'how much of this result is luck.'
  ]


def _judge_fit(train: dict, valid: dict | None, dataset: str) -> str:
  if valid is None:
    known = registry.find(dataset).writers is not None
    way = 'writer_disjoint' if known else 'random'
    return (
      'There was no validation split, so nothing here can choose between '
      f'settings; set data.valid={way} while you try some.'
    )
  shares = f'{train["accuracy"]:.2%} of training and {valid["accuracy"]:.2%}'
  gap = train['accuracy'] - valid['accuracy']
  if gap > 0.5 * (1 - valid['accuracy']) and gap > 0.002:
    return (
      f'The network reads {shares} of validation images right: it has learnt '
      'the training images by heart. Augment more (augment.*), drop more units '
      '(model.dropout), or stop earlier.'
    )
  return (
    f'The network reads {shares} of validation images right: it does not '
    'overfit. A larger network, or more epochs, may gain something.'
  )


def _judge_length(rows: list[dict]) -> str:
  best = best_epoch.find(rows)
  if best is None or len(rows) < 3 or best < rows[-1]['epoch']:
    return ''
  return (
    f'The last epoch ({best:g}) was the best on validation: training may have '
    'ended too early. Raise total_epochs.'
  )


def _judge_temperature(
  temperature: float | None, before: dict, after: dict | None, **_
) -> str:
  if temperature is None or after is None or 0.9 <= temperature <= 1.1:
    return ''
  how = 'too high' if temperature > 1 else 'too low'
  return (
    f'Its confidence is {how}: divide the logits by {temperature:.2f}, which '
    f'changes the calibration error from {before["ece"]:.2%} to '
    f'{after["ece"]:.2%}.'
  )


def _judge_labels(described: dict) -> str:
  review = described['label_review']
  if not review or not review['disputed_errors']:
    return ''
  return (
    f'{review["disputed_errors"]} of the {described["num_errors"]} errors are '
    'on labels that five people disputed (†). Do not train a network to get '
    'those right.'
  )
