"""A run's folder: config, checkpoints, metrics, atomic files."""
