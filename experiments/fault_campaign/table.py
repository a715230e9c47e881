"""What `python -m experiments.fault_campaign` found, for the README."""


def as_markdown(found: dict) -> str:
  """Returns one sentence, and the table of all cases, folded.

  Args:
    found: what faults.json holds; it has one case or more.
  """
  cases = found['cases']
  tried, fell = (sum(case[key] for case in cases) for key in ('tried', 'fell'))
  rows = [
    f'| {case["case"]} | {case["tried"]:,} | {case["fell"]:,} |'
    for case in cases
  ]
  return '\n'.join(
    [
      f'Of {tried:,} attempts in {len(cases)} cases, {fell:,} fell.',
      '',
      '<details><summary>All cases</summary>',
      '',
      '| case | tried | fell |',
      '|---|--:|--:|',
      *rows,
      '',
      '</details>',
    ]
  )
