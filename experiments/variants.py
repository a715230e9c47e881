"""`improved` without one of its ingredients each, and how they compare."""

from matplotlib import figure

from mnist_jax.analysis.sweep import seed_figures, significance, text
from mnist_jax.analysis.sweep import summary as summary_lib

VARIANTS = {
  'no distortions at all': {'augment.enabled': False},
  'no affine distortion': {
    'augment.rotate': 0.0,
    'augment.shear': 0.0,
    'augment.scale': 0.0,
    'augment.shift': 0.0,
  },
  'no elastic distortion': {'augment.elastic': 0.0},
  'no erasing': {'augment.erase_probability': 0.0},
  'no dropout': {'model.dropout': 0.0},
  'no label smoothing': {'optim.label_smoothing': 0.0},
  'no averages of weights': {'optim.ema_decay': 0.0},
  'no schedule': {'optim.schedule': 'constant'},
  'no warm-up': {'optim.warmup_epochs': 0.0},
  'no weight decay': {'optim.weight_decay': 0.0},
  'no clipping': {'optim.clip_norm': 0.0},
  'the smaller network': {'model.name': 'basic'},
}


def compare(found: dict) -> tuple[dict, figure.Figure, str]:
  """Compares each variant with the recipe itself, seed by seed.

  Args:
    found: what `sweep.run` returned for the rows [{}, *VARIANTS.values()].

  Returns:
    `found` with `summary` and `ablations`, a figure, and a table as text.
  """
  (_, baseline), *others = split(found)
  rows = significance.ablate(baseline, others)
  summary = summary_lib.summarize(found['seeds'])
  caption = f'{found["dataset"]} · {found["config_name"]}'
  return (
    found | {'summary': summary, 'ablations': rows},
    seed_figures.ablations(baseline, others, caption),
    text.describe_ablations(rows, found['config_name']),
  )


def split(found: dict) -> list[tuple[str, dict]]:
  """Returns the baseline and each variant that has results, with its name."""
  parts = []
  for name, overrides in ({'': {}} | VARIANTS).items():
    own = [r for r in found['seeds'] if r['overrides'] == overrides]
    if own:
      parts.append((name, found | {'seeds': own, 'failed': []}))
  return parts
