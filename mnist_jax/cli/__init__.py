"""Flags, one-line errors and the console."""
