"""Handwritten digits in JAX and Flax: train, compare, explain, read."""

__version__ = '0.1.0'
