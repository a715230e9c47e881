"""A recipe without each of its ingredients."""
