"""One run: tables, figures and its report."""
