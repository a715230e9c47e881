"""Studies over many runs; experiments/results/ holds what they found."""
