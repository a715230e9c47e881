"""Training speed compared with stock Flax, PyTorch, TensorFlow and Keras."""
