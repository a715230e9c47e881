"""A hook of MkDocs: the figures of experiments/results/ belong to the site."""

import pathlib

from mkdocs.structure import files as files_lib

IN_REPOSITORY = '../experiments/results/'
ON_SITE = 'figures/'


def on_files(files, config):
  """Adds the figures, under figures/."""
  root = pathlib.Path(config.config_file_path).parent
  for path in sorted((root / 'experiments/results').glob('*.png')):
    files.append(
      files_lib.File.generated(
        config, f'{ON_SITE}{path.name}', content=path.read_bytes()
      )
    )
  return files


def on_page_markdown(markdown, **_):
  """Points a page's figures to them."""
  return markdown.replace(f']({IN_REPOSITORY}', f']({ON_SITE}')
