"""Several runs on the same test images."""
