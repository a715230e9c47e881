"""Explain a finished run from its stored predictions; no model is run."""
