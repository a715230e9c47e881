"""What `python -m experiments.pages` found, for terminal and docs/photos.md."""

# What is right on pages without digits, for docs/photos.md.
TITLES = {
  'empty': 'empty: nothing found',
  'non_digits': 'non-digits: none called sure',
}


def as_text(found: dict) -> str:
  """Returns the table of all rows, and what is right of each variant.

  Args:
    found: what `report.measure` returns.
  """
  readers = reader_names(found)
  titles = ''.join(f'{title:>12}{"digits":>8}' for title in readers)
  lines = [f'{"row":<18}{"pages":>6}{titles}{"sure":>8}']
  for name, row in found['rows'].items():
    ours = row[readers[0]]
    cells = ''.join(
      f'{share(row.get(title), "right", "pages"):>12}'
      f'{share(row.get(title), "digits_right", "digits"):>8}'
      for title in readers
    )
    sure = share(ours, 'sure', 'found')
    lines.append(f'{name:<18}{ours["pages"]:>6}{cells}{sure:>8}')
    if len(ours['variants']) > 1:
      lines += [
        f'  {variant:<30}{right} of {pages}'
        for variant, (right, pages) in ours['variants'].items()
      ]
  lines.append(
    f'digits of {found["dataset"]}; right: every digit, in order (empty: '
    'nothing found; non_digits: none called sure); sure: of the digits found'
  )
  return '\n'.join(lines)


def as_markdown(found: dict) -> str:
  """Returns the table of docs/photos.md: a row for each kind of page."""
  ours, *peers = reader_names(found)
  lines = [
    f'| pages | count | `{ours}`, pages right | digits right | called sure |'
    + ''.join(f' {peer}, pages right | digits right |' for peer in peers),
    f'|---|--:|--:|--:|--:|{"--:|--:|" * len(peers)}',
  ]
  for name, row in found['rows'].items():
    cells = [
      TITLES.get(name, name.replace('_', ' ')),
      str(row[ours]['pages']),
      share(row[ours], 'right', 'pages'),
      share(row[ours], 'digits_right', 'digits'),
      share(row[ours], 'sure', 'found'),
    ]
    for peer in peers:
      cells.append(share(row.get(peer), 'right', 'pages'))
      cells.append(share(row.get(peer), 'digits_right', 'digits'))
    lines.append(f'| {" | ".join(cells)} |')
  return '\n'.join(lines)


def reader_names(found: dict) -> list[str]:
  """Returns the names of all readers; ours comes first."""
  return list(dict.fromkeys(t for row in found['rows'].values() for t in row))


def share(counts: dict | None, part: str, whole: str) -> str:
  """Returns a share such as '98.5%', or '-' of nothing."""
  if not counts or not counts[whole]:
    return '-'
  return f'{counts[part] / counts[whole]:.1%}'
