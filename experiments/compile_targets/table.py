"""The table of compiled programs, as Markdown."""


def as_markdown(found: dict, programs: tuple[str, ...] = ()) -> str:
  """Returns the content of compile_targets.json as a table.

  Args:
    found: the content.
    programs: the names of those to show; all when empty.
  """
  lines = [
    '| program | target | temporary memory | FLOP per step | bytes per step |'
    ' between chips per step | compiling | images/s at most |',
    '|---|---|--:|--:|--:|--:|--:|--:|',
  ]
  for target, compiled in found['targets'].items():
    lines += [
      _row(target, *item)
      for item in compiled.items()
      if not programs or item[0] in programs
    ]
  return '\n'.join(lines)


def _row(target: str, program: str, numbers: dict) -> str:
  cells = (
    program,
    target,
    f'{numbers["temporary_bytes"] / 1e6:,.1f} MB',
    _write(numbers['flops_per_step'], 1e9, ',.2f', ' G'),
    _write(numbers['bytes_per_step'], 1e6, ',.0f', ' MB'),
    f'{numbers["collective_bytes_per_step"] / 1e3:,.0f} kB',
    f'{numbers["compile_seconds"]:.0f} s',
    _write(numbers['images_per_second_bound'], 1, ',.0f', ''),
  )
  return f'| {" | ".join(cells)} |'


def _write(number: float | None, unit: float, spec: str, name: str) -> str:
  return 'not told' if number is None else f'{number / unit:{spec}}{name}'
