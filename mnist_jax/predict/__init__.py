"""Reads the digits in pictures with trained weights."""
