"""Training speed beside stock Flax and PyTorch."""
