"""Training time against test errors."""
