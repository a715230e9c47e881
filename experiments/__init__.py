"""Studies over many runs; experiments/results/ holds what they found."""

import pathlib

ROOT = pathlib.Path(__file__).parent.parent
RESULTS = ROOT / 'experiments' / 'results'
