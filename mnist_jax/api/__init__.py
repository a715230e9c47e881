"""The way in from Python and notebooks: `mnist_jax.train` and `.load`."""
