"""Finds the digits in a picture and frames each as MNIST does."""
