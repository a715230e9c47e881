"""Recipes: each file is one experiment, with its command and its result."""
