"""Many trials of one recipe, in turn or side by side."""
