"""A hook of MkDocs: what the site has beside docs/, made as it is built.

The figures of experiments/results/ are under figures/, and the page that reads
drawings in the browser is under try/.
"""

import pathlib

from mkdocs.structure import files as files_lib

from mnist_jax.demo import static_page
from mnist_jax.predict import weights

IN_REPOSITORY = '../experiments/results/'
FIGURES = 'figures/'


def on_files(files, config):
  """Adds the figures and the page."""
  root = pathlib.Path(config.config_file_path).parent
  made = {
    f'{FIGURES}{path.name}': path.read_bytes()
    for path in sorted((root / 'experiments/results').glob('*.png'))
  }
  page = static_page.make_files(weights.load_weights(weights.DEFAULT))
  made |= {f'try/{name}': content for name, content in page.items()}
  for name, content in made.items():
    files.append(files_lib.File.generated(config, name, content=content))
  return files


def on_page_markdown(markdown, **_):
  """Points a page's figures to them."""
  return markdown.replace(f']({IN_REPOSITORY}', f']({FIGURES}')
