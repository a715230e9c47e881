"""Measures all kinds of pages, and says what was found."""

import io
import pathlib

import tqdm
from PIL import Image

import experiments
from experiments.pages import glyphs, kinds, page, score
from mnist_jax.workdir import atomic_files


def measure(
  names: list[str],
  digits: glyphs.Digits,
  readers: dict[str, score.Reader],
  *,
  half: str,
  count: int,
  save: str = '',
) -> dict:
  """Reads pages of each kind with each reader.

  Args:
    names: of kinds, keys of `kinds.KINDS`.
    digits: of that half.
    readers: by name; ours comes first.
    half: 'choose' or 'report'.
    count: pages of each kind, times the kind's share.
    save: folder for the pages that the first reader reads wrong; '' for none.

  Returns:
    What pages.json holds: `half`, `dataset`, `count`, and in `rows` what
    `score.count` returns for each kind and reader.
  """
  counts = {
    name: max(1, round(kinds.KINDS[name].share * count)) for name in names
  }
  rows: dict = {}
  # None: the bar is shown on a terminal only.
  with tqdm.tqdm(
    total=sum(counts.values()), unit='page', leave=False, disable=None
  ) as bar:
    for name in names:
      kind, drawn, readings = kinds.KINDS[name], [], []
      for index in range(counts[name]):
        drawn.append(kinds.draw(name, digits, half, index))
        readings.append(
          {title: read(drawn[-1], kind) for title, read in readers.items()}
        )
        bar.update()
      rows[name] = {
        title: score.count(kind, drawn, [found[title] for found in readings])
        for title in readers
        if kind.right != 'unsure' or title == next(iter(readers))
      }
      if save:
        _save(pathlib.Path(save), name, drawn, readings)
  return {'half': half, 'dataset': digits.dataset, 'count': count, 'rows': rows}


def _save(
  folder: pathlib.Path,
  name: str,
  drawn: list[page.Page],
  readings: list[dict[str, score.Reading]],
) -> None:
  """Keeps the pages that the first reader reads wrong."""
  for i, (one, found) in enumerate(zip(drawn, readings, strict=True)):
    reading = next(iter(found.values()))
    if not score.is_right(kinds.KINDS[name], one, reading):
      truth, read = (
        ''.join(map(str, labels[:20]))
        for labels in (one.labels, reading.labels)
      )
      content = io.BytesIO()
      Image.fromarray(one.pixels).save(content, 'PNG')
      path = folder / f'{name}-{i}-{truth}-read-{read}.png'
      atomic_files.write(path, content.getvalue())


def publish(found: dict) -> None:
  """Writes experiments/results/pages.json and the table in docs/photos.md."""
  from experiments import tables

  atomic_files.write_json(experiments.RESULTS / 'pages.json', found)
  tables.update()
