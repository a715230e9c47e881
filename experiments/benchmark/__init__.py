"""Training speed compared with stock Flax and PyTorch."""
