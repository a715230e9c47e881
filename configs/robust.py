r"""A recipe for people's own digits: photos, pencil, mouse drawings and scans.

  python -m mnist_jax.main --config=configs/robust.py

It is `improved` with more variation of handwriting, and with simulated pens and
cameras: ruled lines, specks, blur and grain, as a digit cut out of a photo has
them. The network has the same 391,370 weights, 1.6 MB.

Test accuracy 99.61 % (39 errors of 10,000) after 24 epochs, 1,539 s of
training on 2 CPU cores that others used too: experiments/results/robust.json.
On other people's digits: experiments/results/photos.json. An earlier recipe
redrew every digit with another pen and distorted digits more; it had 53
validation errors and 66 test errors. This one was chosen for its validation
errors, 36 at the end.
"""

from configs import improved
from mnist_jax import config as config_lib


def get_config(mode: str = 'full'):
  """Returns the recipe; `configs/robust.py:smoke` runs in seconds."""
  config = improved.get_config()
  config.total_epochs = 24.0
  config.augment.update(shear=12.0, scale=0.15)  # Slanted writing and cameras.
  # Half of the digits keep MNIST's own look: when all were redrawn, validation
  # stopped improving at 53 errors after 8 of 18 epochs.
  config.augment.pen_probability = 0.5
  config.augment.update(thicken=1.0, thin=0.7)  # Felt pens, fine pencils.
  config.augment.rule_probability = 0.25  # Remains of cells and frames.
  config.augment.speck_probability = 0.15  # Full stops and dirt.
  config.augment.blur = 1.0  # Enlarged small digits; a lens out of focus.
  config.augment.contrast = 1.0  # Faint pencil; hard-edged drawings.
  config.augment.grain = 0.15  # Paper under pencil; JPEG; dark photos.
  return config_lib.for_mode(config, mode)
