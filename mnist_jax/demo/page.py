"""The page as HTML: with a server that reads, or with a network of its own."""

import pathlib

import jinja2

FOLDER = pathlib.Path(__file__).parent
# In the order in which the page runs them; each uses what is before it.
_BOTH = ('drawing.js', 'predictions.js')
SERVED_SCRIPTS = (*_BOTH, 'server_reader.js', 'page.js')
STATIC_SCRIPTS = (
  *_BOTH,
  'arrays.js',
  'resample.js',
  'layout.js',
  'segmentation.js',
  'lines.js',
  'crop.js',
  'normalize.js',
  'framing.js',
  'network.js',
  'weights.js',  # Which static_page.py writes; the others are in this folder.
  'reader.js',
  'page.js',
)


def find(name: str) -> pathlib.Path:
  """Returns the path of a file that the page loads, by its name."""
  path = FOLDER / name
  return path if path.exists() else FOLDER / 'browser' / name


def render(*, served: bool) -> bytes:
  """Renders page.html.

  Args:
    served: whether a server reads the drawings, which can read photos too.
  """
  environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
  )
  scripts = SERVED_SCRIPTS if served else STATIC_SCRIPTS
  template = environment.get_template('page.html')
  return template.render(served=served, scripts=scripts).encode()
