"""The recipes of this project, which tests hold to more rules than yours."""

import pathlib

CONFIGS = pathlib.Path(__file__).parent.parent / 'configs'
NAMES = (
  'balanced',
  'basic',
  'fast',
  'improved',
  'robust',
  'simple',
  'single_conv',
  'tiny',
  'two_conv',
  'wide_conv',
)
