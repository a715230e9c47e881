"""Processes, devices and random keys."""
