"""`improved` without one of its ingredients each: what each run overrides."""

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
