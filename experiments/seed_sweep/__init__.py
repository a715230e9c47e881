"""Many seeds and settings of one recipe."""
