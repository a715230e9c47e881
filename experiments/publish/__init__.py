"""A finished run as pretrained weights."""
