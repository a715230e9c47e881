"""Finds the digits in a picture and frames them as MNIST does."""
