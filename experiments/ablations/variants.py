"""The recipe without each of its ingredients, and how the results compare."""

import ml_collections
from matplotlib import figure

from mnist_jax import config as config_lib
from mnist_jax import errors
from mnist_jax.analysis.sweep import seed_figures, significance, text
from mnist_jax.analysis.sweep import summary as summary_lib

VARIANTS: dict[str, dict] = {
  'no distortions at all': {'augment.enabled': False},
  'no affine distortion': {
    'augment.rotate': 0.0,
    'augment.shear': 0.0,
    'augment.scale': 0.0,
    'augment.shift': 0.0,
  },
  'no elastic distortion': {'augment.elastic': 0.0},
  'distortions that do not fade': {'augment.final_strength': 1.0},
  'no dropout': {'model.dropout': 0.0},
  'no label smoothing': {'optim.label_smoothing': 0.0},
  'no averages of weights': {'optim.ema_decay': 0.0},
  'no schedule': {'optim.schedule': 'constant'},
  'no warm-up': {'optim.warmup_epochs': 0.0},
  'no weight decay': {'optim.weight_decay': 0.0},
  'no clipping': {'optim.clip_norm': 0.0},
  'the smaller network': {'model.name': 'basic'},
}


def that_differ(config: ml_collections.ConfigDict) -> dict[str, dict]:
  """Returns the variants that change a field of `config`."""
  fields = config_lib.flatten(config)
  return {
    name: overrides
    for name, overrides in VARIANTS.items()
    if any(fields[field] != value for field, value in overrides.items())
  }


def compare(found: dict) -> tuple[dict, figure.Figure, str]:
  """Compares each variant with the recipe itself, seed by seed.

  Args:
    found: what `sweep.run` returned for an empty row and rows of VARIANTS.

  Returns:
    `found` with `summary` and `ablations`, rows for each split ('test' and
    'valid') that all runs have; a figure; and a table of each split as text.

  Raises:
    errors.UserError: when no run of the recipe itself has finished, or none
      of any variant.
  """
  name, baseline = found['config_name'], own_part(found, {})
  if not baseline['seeds']:
    raise errors.UserError(
      f'no baseline: none of the runs of {name} itself has finished '
      f'({_first_reason(baseline)}); delete the folders of those runs and '
      'start the same command again'
    )
  others = [
    (variant, part)
    for variant, overrides in VARIANTS.items()
    if (part := own_part(found, overrides))['seeds']
  ]
  if not others:
    raise errors.UserError(
      f'nothing to compare with {name}: no run of a variant has finished '
      f'({_first_reason(found)})'
    )
  splits = [
    split
    for split in summary_lib.SPLITS
    if all(run[split] for run in found['seeds'])
  ]
  rows = {s: significance.ablate(baseline, others, s) for s in splits}
  tables = [
    f'{summary_lib.SPLITS[split]} accuracy '
    + text.describe_ablations(rows[split], name)
    for split in splits
  ]
  about = f'{found["dataset"]} · {name}'
  summary = summary_lib.summarize(found['seeds'])
  return (
    found | {'summary': summary, 'ablations': rows},
    seed_figures.ablations(baseline, others, about, splits[0]),
    '\n\n'.join(tables),
  )


def as_markdown(found: dict) -> str:
  """Returns how many more errors there are without each ingredient.

  Args:
    found: from `compare`.
  """
  splits = list(found['ablations'])
  titles = [f'{summary_lib.SPLITS[split]} errors' for split in splits]
  lines = [
    f'| `{found["config_name"]}` with | {" | ".join(titles)} |',
    f'|---|{"--:|" * len(splits)}',
  ]
  for rows in zip(*found['ablations'].values(), strict=True):
    cells = [
      _write_difference(row, found, split)
      for row, split in zip(rows, splits, strict=True)
    ]
    lines.append(f'| {rows[0]["name"]} | {" | ".join(cells)} |')
  return '\n'.join(lines)


def as_text(found: dict) -> str:
  """Returns the same without intervals, for the header of the recipe.

  Args:
    found: from `compare`.
  """
  titles = (f'{summary_lib.SPLITS[split]:>12}' for split in found['ablations'])
  lines = [f'{"more errors of":<30}{"".join(titles)}']
  for rows in zip(*found['ablations'].values(), strict=True):
    cells = (f'{row["difference_errors"]:>+12.1f}' for row in rows)
    lines.append(f'{rows[0]["name"]:<30}{"".join(cells)}')
  return '\n'.join(lines)


def as_sentence(found: dict) -> str:
  """Returns which ingredients can be told from chance, for the README.

  Args:
    found: from `compare`, of runs with a validation split.
  """
  rows = found['ablations']['valid']
  shown = [row for row in rows if row['differ']]
  parts = [
    f'{abs(row["difference_errors"]):.1f} '
    f'{"more" if row["difference_errors"] > 0 else "fewer"} with {row["name"]}'
    for row in sorted(shown, key=lambda row: -abs(row['difference_errors']))
  ]
  count = found['seeds'][0]['valid']['count']
  seeds = min(row['n'] for row in rows)
  recipe, others = f'`{found["config_name"]}`', len(rows) - len(shown)
  if not shown:
    return f'{seeds} seeds show no ingredient of {recipe} to be worth anything.'
  return (
    f'Of {count:,} validation images {recipe} misreads {", ".join(parts)}; '
    f'for its {others} other ingredients {seeds} seeds show no difference.'
  )


def _write_difference(row: dict, found: dict, split: str) -> str:
  count = found['seeds'][0][split]['count']
  text = f'{row["difference_errors"]:+.1f}'
  if row['ci95']:
    low, high = sorted(-count * end for end in row['ci95'])
    text += f' ({low:+.1f} to {high:+.1f})'
  return f'**{text}**' if row['differ'] else text


def own_part(found: dict, overrides: dict) -> dict:
  """Returns the sweep with the runs of one variant alone."""
  return found | {
    key: [run for run in found[key] if run['overrides'] == overrides]
    for key in ('seeds', 'failed')
  }


def _first_reason(part: dict) -> str:
  failed = part['failed']
  return failed[0]['reason'] if failed else 'there is no such run'
