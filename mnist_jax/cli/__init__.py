"""Command lines: flags, exit codes, one-line errors and printed lines."""
