"""What to try next: rules on a run's numbers, each saying which it read."""

from mnist_jax.analysis.run import load


def advise(run: load.Run, described: dict) -> list[str]:
  """List what the numbers of a run suggest.

  No rule reads the test split but to say where its errors lie; what to train
  next is judged by training and validation.

  Args:
    run: the finished run.
    described: from `outputs.describe`.

  Returns:
    Sentences in the order of their weight, at least one.
  """
  rules = (_fit, _length, _temperature, _labels)
  found = [text for rule in rules if (text := rule(run, described))]
  return found or [
    'No rule of this page has anything to suggest. Train other seeds, to learn '
    'how much of this result is luck.'
  ]


def _fit(run: load.Run, described: dict) -> str:
  train, valid = run.result['train'], run.result['valid']
  if valid is None:
    return (
      'There was no validation split, so nothing here can choose between '
      'settings; set data.valid=writer_disjoint while you try some.'
    )
  shares = f'{train["accuracy"]:.2%} of training and {valid["accuracy"]:.2%}'
  gap = train['accuracy'] - valid['accuracy']
  if gap > 0.5 * (1 - valid['accuracy']) and gap > 0.002:
    return (
      f'The network reads {shares} of validation images right: it knows the '
      'training images better than digits. Augment more (augment.*), drop '
      'more units (model.dropout), or stop earlier.'
    )
  return (
    f'The network reads {shares} of validation images right: it does not '
    'overfit. A larger network, or more epochs, may gain something.'
  )


def _length(run: load.Run, described: dict) -> str:
  scored = [r for r in run.rows if r.get('valid/accuracy') is not None]
  if len(scored) < 3:
    return ''
  best = max(scored, key=lambda row: row['valid/accuracy'])
  if best['epoch'] < scored[-1]['epoch']:
    return ''
  return (
    f'The last epoch ({best["epoch"]:g}) was the best on validation: the run '
    'may not have been over. Raise total_epochs.'
  )


def _temperature(run: load.Run, described: dict) -> str:
  calibration = described['calibration']
  temperature = calibration['temperature']
  if temperature is None or 0.9 <= temperature <= 1.1:
    return ''
  how = 'too sure' if temperature > 1 else 'not sure enough'
  return (
    f'Its confidence is {how}: divide the logits by {temperature:.2f}, which '
    f'takes the calibration error from {calibration["before"]["ece"]:.2%} to '
    f'{calibration["after"]["ece"]:.2%}.'
  )


def _labels(run: load.Run, described: dict) -> str:
  review = described['label_review']
  if not review or not described['num_errors']:
    return ''
  return (
    f'{review["disputed_errors"]} of the {described["num_errors"]} errors are '
    'on labels that five people did not uphold (†). No network should be '
    'trained to get those right.'
  )
