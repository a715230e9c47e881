"""What `python -m experiments.fault_campaign` found, for docs/failures.md."""


def as_markdown(found: dict) -> str:
  """Returns one sentence, and the table of all cases, folded.

  Args:
    found: what faults.json holds; it has one case or more.
  """
  cases = found['cases']
  tried, failed = (
    sum(case[key] for case in cases) for key in ('tried', 'failed')
  )
  rows = [
    f'| {case["case"]} | {case["tried"]:,} | {case["failed"]:,} |'
    for case in cases
  ]
  return '\n'.join(
    [
      f'Of {tried:,} attempts in {len(cases)} cases, {failed:,} failed.',
      '',
      '<details><summary>All cases</summary>',
      '',
      '| case | tried | failed |',
      '|---|--:|--:|',
      *rows,
      '',
      '</details>',
    ]
  )
